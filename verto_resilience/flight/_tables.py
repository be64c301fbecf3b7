"""The tables of the page: what the drawings show, in text, and what is not drawn at all."""

from collections.abc import Sequence

from verto_resilience._pages import Row, table
from verto_resilience.flight import _looks as looks
from verto_resilience.flight._bands import Band
from verto_resilience.flight._record import CallRecord, Flight, Verdict
from verto_resilience.flight._summary import Group, Spread, Summary, clipped, length, name_of


def calls_table(caption: str, calls: Sequence[CallRecord], flight: Flight) -> str:
    """Write one row for each call: what the timeline and the waterfall draw."""
    return table(
        caption,
        ("call", "from", "what", "what happened", "so it", "took"),
        (
            (
                f"#{call.number}",
                looks.instant(call.began - flight.began),
                name_of(call),
                _story(call, flight.until),
                _verdict(call),
                looks.seconds(length(call, flight.until)),
            )
            for call in calls
        ),
        numbers=1,
        shape="calls",
    )


def bands_table(bands: Sequence[Band], flight: Flight) -> str:
    """Write one row for each time an origin was not called freely."""
    return table(
        "Circuits and pauses",
        ("from", "of", "what", "why", "lasted"),
        (
            (
                looks.instant(band.began - flight.began),
                band.key,
                looks.BANDS[band.kind].words,
                band.why,
                looks.seconds(band.seconds),
            )
            for band in sorted(bands, key=lambda band: band.began)
        ),
        numbers=1,
        shape="bands",
    )


def summary_tables(summary: Summary) -> list[str]:
    """Write what is counted and not drawn."""
    spreads = [("calls, waits included", summary.calls), ("attempts", summary.attempts)]
    return [
        table(
            "What came back",
            ("status or failure", "kind", "attempts"),
            (
                (looks.cause_words(cause), looks.look_of_category(category).words, f"{count:,}")
                for category, cause, count in summary.causes
            ),
            numbers=1,
        ),
        table(
            "Why calls ended",
            ("end", "because", "calls"),
            (
                (looks.ENDS[end], end.sentence, f"{count:,}")
                for end, count in sorted(summary.ends.items(), key=lambda item: -item[1])
            ),
            numbers=1,
        ),
        table(
            "What was waited for",
            ("length set by", "waits", "in sum"),
            (
                (looks.SOURCES[source], f"{count:,}", looks.seconds(length))
                for source, count, length in summary.waits
            ),
            numbers=2,
        ),
        table(
            "How long it took",
            ("", "count", "median", "95 %", "99 %", "longest"),
            (
                (name, f"{spread.count:,}", *_percentiles(spread))
                for name, spread in spreads
                if spread is not None
            ),
            numbers=5,
        ),
        table(
            "By operation",
            ("operation", "calls", "succeeded", "attempts", "median", "95 %", "longest"),
            (_group(group) for group in summary.groups),
            numbers=6,
            shape="operations",
        ),
    ]


def _group(group: Group) -> Row:
    median, p95, _, longest = _percentiles(group.spread)
    counts = (f"{group.calls:,}", f"{group.succeeded:,}", f"{group.attempts:,}")
    return (group.name, *counts, median, p95, longest)


def _percentiles(spread: Spread) -> tuple[str, str, str, str]:
    return (
        looks.seconds(spread.median),
        looks.seconds(spread.p95),
        looks.seconds(spread.p99),
        looks.seconds(spread.longest),
    )


def _story(call: CallRecord, until: float) -> str:
    return looks.story(clipped(call, until)) or "nothing was sent"


def _verdict(call: CallRecord) -> str:
    words = call.verdict.value
    if call.verdict is Verdict.SUCCEEDED or call.end is None:
        return words
    if call.verdict is Verdict.FAILED and call.end.value == "answered":
        return words
    return f"{words}: {looks.ENDS[call.end]}"
