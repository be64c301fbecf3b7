"""Runs as rows for a spreadsheet: one for each strategy and second."""

from collections.abc import Iterable, Iterator

from verto_resilience.simulation._figures import percentile
from verto_resilience.simulation._play import Played
from verto_resilience.simulation._tally import Ending

HEADER = (
    "strategy",
    "second",
    "offered",
    "reached",
    "succeeded",
    "failed",
    "refused",
    "work_done",
    "work_wasted",
    "latency_median",
    "latency_p99",
    "queued",
    "circuits_not_closed",
)
"""Names of the columns; latencies in seconds, of calls that succeeded in that second."""

Row = tuple[str | int | float | None, ...]


def rows(runs: Iterable[Played]) -> Iterator[Row]:
    """Give the rows, without the header; a latency is ``None`` where no call succeeded."""
    for played in runs:
        tally = played.tally
        for second in range(played.scenario.seconds):
            latencies = sorted(tally.latencies[second])
            yield (
                played.strategy.value,
                second,
                tally.offered[second],
                tally.arrived[second],
                *(tally.endings[ending][second] for ending in Ending),
                tally.done[second],
                tally.wasted[second],
                _rounded(percentile(latencies, 0.5)),
                _rounded(percentile(latencies, 0.99)),
                tally.queued[second],
                tally.not_closed[second],
            )


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 4)
