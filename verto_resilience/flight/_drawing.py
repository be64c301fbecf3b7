"""The drawings: a timeline of all calls, and a waterfall of the worst."""

from collections.abc import Sequence

from verto_resilience.flight import _looks as looks
from verto_resilience.flight._bands import Band
from verto_resilience.flight._record import CallRecord, Flight, Verdict
from verto_resilience.flight._sheet import STRIP, Sheet
from verto_resilience.flight._summary import clipped, lanes, length, name_of

_LABEL = 20
_GAP = 10
_MOSTSTRIPS = 8
_MOST_LANES = 32
_ROOM_SHARE = 0.009
_MANY_LANES, _VERY_MANY_LANES = 10, 20
_BAR_ROW = 26
_STORY = 18
_NAME_LETTERS = 38
_STORY_LETTERS = 52


def timeline(flight: Flight, bands: Sequence[Band]) -> str:
    """Draw every call over time, under the bands of its circuits and pauses.

    Args:
        flight: Trimmed to what is to be seen.
        bands: Of that flight.

    Returns:
        plotly's JSON.
    """
    sheet = Sheet(flight.began)
    by_row: dict[tuple[str, str], list[Band]] = {}
    for band in bands:
        kind = "Pauses" if band.kind == "pause" else "Circuit"
        by_row.setdefault((kind, band.key), []).append(band)
    for (kind, key), members in sorted(by_row.items())[:_MOSTSTRIPS]:
        sheet.write(sheet.depth + _LABEL / 2, _short(f"{kind} of {key}", _STORY_LETTERS))
        centre = sheet.depth + _LABEL + STRIP / 2
        for band in members:
            sheet.band(band, centre)
        sheet.depth += _LABEL + STRIP + _GAP
    sheet.write(sheet.depth + _LABEL / 2, "Calls")
    sheet.depth += _LABEL + 4
    top = sheet.depth
    total = max(flight.until - flight.began, 1e-9)
    rows = lanes(flight.calls, flight.until, room=total * _ROOM_SHARE, most=_MOST_LANES)
    count = max(rows, default=0) + 1
    pitch = 26 if count <= _MANY_LANES else 18 if count <= _VERY_MANY_LANES else 13
    for call, row in zip(flight.calls, rows, strict=True):
        sheet.call(call, flight.until, top + (row + 0.5) * pitch, pitch)
    sheet.depth = top + count * pitch + 6
    if len({call.origin for call in flight.calls}) == 1:
        sheet.shade(bands, top - 2)
    return sheet.finish(total, "since the first call")


def waterfall(calls: Sequence[CallRecord], until: float) -> str:
    """Draw some calls below each other, each from its own beginning.

    Returns:
        plotly's JSON.
    """
    sheet = Sheet(0.0)
    for call in calls:
        sheet.origin = call.began
        taken = length(call, until)
        name = _short(name_of(call), _NAME_LETTERS)
        told = looks.story(clipped(call, until))
        if call.verdict is not Verdict.SUCCEEDED:
            told = f"{call.verdict.value}: {told}"
        sheet.write(sheet.depth + _LABEL / 2, f"#{call.number} {name}")
        sheet.write(sheet.depth + _LABEL / 2, looks.seconds(taken), right=True)
        sheet.call(call, until, sheet.depth + _LABEL + _BAR_ROW / 2, _BAR_ROW)
        sheet.write(
            sheet.depth + _LABEL + _BAR_ROW + _STORY / 2, _short(told, _STORY_LETTERS), name="soft"
        )
        sheet.depth += _LABEL + _BAR_ROW + _STORY + _GAP
    longest = max((length(call, until) for call in calls), default=0.0)
    return sheet.finish(max(longest, 1e-9), "since the call began")


def _short(text: str, letters: int) -> str:
    return text if len(text) <= letters else f"{text[: letters - 1]}…"
