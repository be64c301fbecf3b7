"""What a run comes to: load and successes in each fifth of a second, and the figures of a table."""

from collections.abc import Iterable
from dataclasses import dataclass

from tests.incidents.play import PERIOD, Played
from verto_resilience import State

WIDTH = 0.2
BACK = 0.9
"""Goodput counts as back at this share of what it was before."""


@dataclass(frozen=True, slots=True)
class Fifth:
    """A fifth of a second; all but ``at`` are counts.

    Attributes:
        at: Second at which it begins.
        called: Calls that the application began in it.
        reached: Requests that reached the origin in it.
        succeeded: Calls that ended well in it.
        failed: Calls that ended otherwise in it.
    """

    at: float
    called: int
    reached: int
    succeeded: int
    failed: int


def fifths(played: Played) -> list[Fifth]:
    """Cut a run up."""
    count = round(played.seconds / WIDTH)
    called = _counts((call.began for call in played.calls), count)
    reached = _counts(played.arrivals, count)
    good = _counts((call.ended for call in played.calls if call.is_good), count)
    bad = _counts((call.ended for call in played.calls if not call.is_good), count)
    return [
        Fifth(round(n * WIDTH, 1), called[n], reached[n], good[n], bad[n]) for n in range(count)
    ]


def _counts(instants: Iterable[float], count: int) -> list[int]:
    counts = [0] * count
    for instant in instants:
        if 0.0 <= instant < count * WIDTH:
            counts[min(count - 1, int(instant / WIDTH))] += 1
    return counts


@dataclass(frozen=True, slots=True)
class Figures:
    """A run in one row.

    Attributes:
        reached: Requests that reached the origin while the trigger was on.
        before: Successes in a second before it, each thread's first call left out.
        during: The same while it was on.
        opened: Seconds from its beginning until a circuit opened; ``None`` for never.
        recovered: Seconds from its end to the first full fifth of a second in which goodput was
            back; ``None`` for not within the run.
        last_break: Seconds of the break that it ended in, or of the last one after; 0 for none.
        failed_after: Calls begun after its end that failed.
    """

    reached: int
    before: float
    during: float
    opened: float | None
    recovered: float | None
    last_break: float
    failed_after: int


def figures(played: Played) -> Figures:
    """Work a run's row out."""
    good = [call.ended for call in played.calls if call.is_good]
    before = _rate(good, PERIOD, played.start)
    opened = [move for move in played.moves if move.after is State.OPEN]
    return Figures(
        reached=sum(played.start <= instant < played.end for instant in played.arrivals),
        before=before,
        during=_rate(good, played.start, played.end),
        opened=opened[0].at - played.start if opened else None,
        recovered=_recovery(played, good, BACK * before),
        last_break=opened[-1].break_duration or 0.0 if opened else 0.0,
        failed_after=sum(not call.is_good for call in played.calls if call.began >= played.end),
    )


def _rate(instants: list[float], start: float, end: float) -> float:
    return sum(start <= instant < end for instant in instants) / (end - start)


def _recovery(played: Played, good: list[float], goal: float) -> float | None:
    least = int(goal * WIDTH)
    number = 0
    while (start := played.end + number * WIDTH) + WIDTH <= played.seconds + 1e-9:
        if sum(start <= instant < start + WIDTH for instant in good) >= least:
            return number * WIDTH
        number += 1
    return None
