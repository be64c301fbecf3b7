"""What a run comes to, in one row."""

from collections.abc import Sequence
from dataclasses import dataclass

from verto_resilience.simulation._play import Played
from verto_resilience.simulation._tally import Ending, Tally

SPAN = 10
"""Seconds that are looked at together when it is asked whether a run has recovered."""

BACK = 0.9
"""Share of the calls that must succeed for it."""


@dataclass(frozen=True, slots=True)
class Figures:
    """A run in one row; goodput is calls that succeeded in a second.

    Attributes:
        offered: Calls begun.
        reached: Requests that arrived at the server's door.
        succeeded: Calls that ended well.
        failed: Calls that ended otherwise, and had been sent.
        refused: Calls that ended unsent.
        under_way: Calls that had not ended with the run.
        amplification: Requests for each call, from the beginning of the incident on.
        goodput_before: In the seconds before the incident.
        goodput_during: While it was on.
        goodput_at_the_end: In the last minute of the run, or what there is of it after the
            incident.
        recovered: Seconds from the end of the incident until, from then on, nine tenths of the
            calls begun in any ten seconds succeed; ``None`` for not within the run.
        wasted: Share of the server's work that was for clients that had gone.
        median: Seconds that half of the successful calls took at the most; ``None`` without any.
        p99: As ``median``, for 99 of 100.
        longest_break: Of all circuits, in seconds; ``None`` when none opened.
    """

    offered: int
    reached: int
    succeeded: int
    failed: int
    refused: int
    under_way: int
    amplification: float
    goodput_before: float
    goodput_during: float
    goodput_at_the_end: float
    recovered: int | None
    wasted: float
    median: float | None
    p99: float | None
    longest_break: float | None


def figures(played: Played) -> Figures:
    """Work a run's row out."""
    tally, scenario = played.tally, played.scenario
    start, end, seconds = round(scenario.start), round(scenario.end), scenario.seconds
    good = tally.endings[Ending.SUCCEEDED]
    offered = sum(tally.offered)
    ended = {ending: sum(counts) for ending, counts in tally.endings.items()}
    latencies = sorted(latency for second in tally.latencies for latency in second)
    return Figures(
        offered=offered,
        reached=sum(tally.arrived),
        succeeded=ended[Ending.SUCCEEDED],
        failed=ended[Ending.FAILED],
        refused=ended[Ending.REFUSED],
        under_way=offered - sum(ended.values()),
        amplification=_ratio(sum(tally.arrived[start:]), sum(tally.offered[start:])),
        goodput_before=_mean(good[:start]),
        goodput_during=_mean(good[start:end]),
        goodput_at_the_end=_mean(good[max(end, seconds - _LAST) :]),
        recovered=_recovered(tally, end, seconds),
        wasted=_ratio(sum(tally.wasted), sum(tally.done)),
        median=percentile(latencies, 0.5),
        p99=percentile(latencies, 0.99),
        longest_break=max((length for _, length in tally.breaks), default=None),
    )


def percentile(ordered: Sequence[float], share: float) -> float | None:
    """Give the value that this share of the others does not exceed; ``None`` when there are none.

    Args:
        ordered: Values, the least first.
        share: From 0 to 1.
    """
    if not ordered:
        return None
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _recovered(tally: Tally, end: int, seconds: int) -> int | None:
    """Look back from the end of the run for the last time at which too few succeeded."""
    since = None
    for first in range(seconds - SPAN, end - 1, -1):
        span = slice(first, first + SPAN)
        well, badly = sum(tally.begun_well[span]), sum(tally.begun_badly[span])
        # Those under way are neither; where none has ended, nothing is known to be well.
        all_under_way = well + badly == 0 and any(tally.offered[span])
        if all_under_way or well < BACK * (well + badly):
            break
        since = first - end
    return since


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _mean(counts: Sequence[int]) -> float:
    return sum(counts) / len(counts) if counts else 0.0


_LAST = 60
