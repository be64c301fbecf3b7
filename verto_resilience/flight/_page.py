"""The page: one file of HTML that asks nobody for anything."""

from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape

from verto_resilience import _pages
from verto_resilience.flight import _looks as looks
from verto_resilience.flight._looks import Look
from verto_resilience.flight._record import Flight, Totals, Verdict
from verto_resilience.flight._summary import Summary, summarise, trimmed
from verto_resilience.flight._tables import bands_table, calls_table, summary_tables


def require_plotly() -> None:
    """Make sure early that a report can be drawn.

    Raises:
        ModuleNotFoundError: plotly is not installed; the message names the extra.
    """
    _pages.require_plotly("flight report")


def page(flight: Flight, *, title: str) -> str:
    """Write the page of a flight.

    Raises:
        ModuleNotFoundError: plotly is not installed; the message names the extra.
    """
    require_plotly()
    from verto_resilience.flight._drawing import timeline, waterfall

    flight = trimmed(flight)
    summary = summarise(flight)
    return _pages.document(
        __package__,
        title=escape(title),
        lead=escape(_lead(flight, summary)),
        when=escape(_when(flight)),
        left_out=_left_out(flight),
        figures="\n".join(_figure(*figure) for figure in _figures(flight.totals)),
        legend=_legend(flight, summary),
        timeline=_pages.embedded(timeline(flight, summary.bands)),
        timeline_tables=bands_table(summary.bands, flight)
        + calls_table("Calls, oldest first", flight.calls, flight),
        waterfall=_pages.embedded(waterfall(summary.worst, flight.until)),
        waterfall_tables=calls_table("The calls drawn above", summary.worst, flight),
        tables="\n".join(summary_tables(summary)),
    )


def _lead(flight: Flight, summary: Summary) -> str:
    origins = sorted({call.origin for call in flight.calls})
    if not origins:
        return "No call was recorded."
    where = origins[0] if len(origins) == 1 else f"{len(origins)} origins"
    verdicts = summary.verdicts
    parts = [
        words.format(count=f"{verdicts[verdict]:,}", were=_were(verdicts[verdict]))
        for verdict, words in _VERDICTS.items()
        if verdicts.get(verdict)
    ]
    told = parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
    listed = " listed here" if flight.calls_left_out else ""
    return f"{_calls(len(flight.calls))} to {where}{listed}: {told}."


def _were(count: int) -> str:
    return "was" if count == 1 else "were"


def _calls(count: int) -> str:
    return "1 call" if count == 1 else f"{count:,} calls"


_VERDICTS = {
    Verdict.SUCCEEDED: "{count} succeeded",
    Verdict.FAILED: "{count} failed",
    Verdict.REFUSED: "{count} {were} refused without sending",
    Verdict.OUTCOME_UNKNOWN: "{count} ended with the outcome unknown",
    Verdict.NOT_ENDED: "{count} had not ended",
}


def _when(flight: Flight) -> str:
    began = datetime.fromtimestamp(flight.wall, UTC)
    lasted = looks.seconds(flight.until - flight.began)
    return f"From {began:%Y-%m-%d %H:%M:%S} UTC, over {lasted}"


def _left_out(flight: Flight) -> str:
    told = []
    if flight.calls_left_out:
        every = flight.totals.calls
        told.append(
            f"The figures count all {every:,} calls that ended. {_calls(flight.calls_left_out)} of "
            "them are too old to be drawn and listed."
        )
    if flight.moments_left_out:
        told.append(
            f"{flight.moments_left_out:,} older changes of circuits and pauses are not drawn."
        )
    return f'<p class="left-out">{escape(" ".join(told))}</p>' if told else ""


def _figures(totals: Totals) -> Sequence[tuple[str, str, str, str]]:
    """Give id, name, value and remark of each figure at the top."""
    answered = totals.calls - totals.refused
    return (
        ("calls", "calls", f"{totals.calls:,}", f"{answered:,} of them sent something"),
        ("attempts", "attempts", f"{totals.attempts:,}", "requests sent"),
        ("resends", "resends", f"{totals.resends:,}", "attempts after a call's first"),
        ("refused", "refusals", f"{totals.refused:,}", "nothing was sent"),
        ("waited", "waited", f"{totals.waited:,.1f} s", "before attempts, in sum"),
        ("unknown", "outcome unknown", f"{totals.unknown:,}", _advice(totals.unknown)),
    )


def _advice(unknown: int) -> str:
    return "look these writes up" if unknown else "no write to look up"


def _figure(name: str, words: str, value: str, remark: str) -> str:
    alarm = ' class="alarm"' if name == "unknown" and value != "0" else ""
    return (
        f'<div{alarm}><dt>{escape(words)}</dt><dd id="figure-{name}">{escape(value)}</dd>'
        f"<dd>{escape(remark)}</dd></div>"
    )


def _legend(flight: Flight, summary: Summary) -> str:
    """Explain the looks that are to be seen, and no other."""
    steps = [step for call in flight.calls for step in call.steps]
    seen = {looks.look_of(step) for step in steps}
    seen |= {looks.BANDS[band.kind] for band in summary.bands}
    seen |= {looks.MARKS[verdict] for verdict in summary.verdicts if verdict in looks.MARKS}
    return "\n".join(
        f'<li class="{look.name}">{_swatch(look)}{escape(look.words)}</li>'
        for look in _LEGEND
        if look in seen
    )


def _swatch(look: Look) -> str:
    bar = "" if look in looks.MARKS.values() else '<span class="bar" aria-hidden="true"></span>'
    outline = _OUTLINES.get(look.symbol)
    if outline is None:
        return bar
    return f'{bar}<svg viewBox="-8 -8 16 16" aria-hidden="true"><path d="{outline}"/></svg>'


_OUTLINES = {
    "circle": "M-5 0a5 5 0 1 0 10 0a5 5 0 1 0 -10 0z",
    "square": "M-4.5 -4.5h9v9h-9z",
    "triangle-down": "M-6 -4.5h12l-6 10z",
    "triangle-up": "M-6 4.5h12l-6 -10z",
    "cross": "M-6 -2h4v-4h4v4h4v4h-4v4h-4v-4h-4z",
    "x-thin": "M-5 -5l10 10M-5 5l10 -10",
    "diamond-open": "M-6.5 0l6.5 -6.5l6.5 6.5l-6.5 6.5z",
    "triangle-right-open": "M-4.5 -6l10 6l-10 6z",
}


_LEGEND: tuple[Look, ...] = (
    *looks.ATTEMPTS,
    looks.WAIT,
    looks.REFUSED,
    looks.UNKNOWN,
    looks.NOT_ENDED,
    looks.OPEN,
    looks.HALF_OPEN,
    looks.PAUSE,
)
