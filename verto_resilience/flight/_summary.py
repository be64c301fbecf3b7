"""What a flight comes to: counts, waits, percentiles, worst calls. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import ceil

from verto_resilience.flight._bands import Band, circuit_bands, pause_bands
from verto_resilience.flight._record import CallRecord, Flight, Step, Verdict, Waited
from verto_resilience.outcome import Category
from verto_resilience.pipeline import End, WaitSource


@dataclass(frozen=True, slots=True)
class Spread:
    """How long some things took, in seconds, by nearest rank."""

    count: int
    median: float
    p95: float
    p99: float
    longest: float


@dataclass(frozen=True, slots=True)
class Group:
    """Calls to one operation, or to one origin where the operation is not known."""

    name: str
    calls: int
    attempts: int
    succeeded: int
    spread: Spread


@dataclass(frozen=True, slots=True)
class Summary:
    """What is shown of a flight beside its drawings; all but ``causes`` is of the kept calls."""

    verdicts: dict[Verdict, int]
    ends: dict[End, int]
    causes: list[tuple[Category, str, int]]
    waits: list[tuple[WaitSource, int, float]]
    calls: Spread | None
    attempts: Spread | None
    groups: list[Group]
    bands: list[Band]
    worst: list[CallRecord]


def trimmed(flight: Flight) -> Flight:
    """Leave out the quiet before the first thing that happened, and most of that after the last."""
    instants = [instant for call in flight.calls for instant in _instants(call, flight.until)]
    instants += [move.at for move in flight.moves]
    instants += [pause.at for pause in flight.pauses]
    if not instants:
        return flight
    first, last = min(instants), max(instants)
    until = min(flight.until, last + max(_TAIL, _TAIL_SHARE * (last - first)))
    return replace(flight, began=first, wall=flight.wall + first - flight.began, until=until)


def summarise(flight: Flight, *, worst: int = 10) -> Summary:
    """Work it all out.

    Args:
        flight: What was recorded.
        worst: How many of the worst calls to pick.
    """
    calls = flight.calls
    ended = [call for call in calls if call.ended is not None]
    causes = flight.totals.causes or {}
    return Summary(
        verdicts=dict(Counter(call.verdict for call in calls)),
        ends=dict(Counter(call.end for call in calls if call.end is not None)),
        causes=sorted(
            ((category, cause, count) for (category, cause), count in causes.items()),
            key=lambda row: (_ORDER[row[0]], -row[2], row[1]),
        ),
        waits=_waits(calls, flight.until),
        calls=spread([length(call, flight.until) for call in ended if call.attempts]),
        attempts=spread([sent.seconds for call in calls for sent in call.attempts]),
        groups=_groups(ended, flight.until),
        bands=[*circuit_bands(flight), *pause_bands(flight)],
        worst=worst_calls(calls, flight.until, worst),
    )


def spread(seconds: Iterable[float]) -> Spread | None:
    """Give the percentiles of some lengths; ``None`` when there are none."""
    ordered = sorted(seconds)
    if not ordered:
        return None

    def at(share: float) -> float:
        return ordered[max(0, ceil(share * len(ordered)) - 1)]

    return Spread(len(ordered), at(0.5), at(0.95), at(0.99), ordered[-1])


def length(call: CallRecord, until: float) -> float:
    """Say how long a call took; one that has not ended, how long it has taken so far."""
    return (until if call.ended is None else call.ended) - call.began


def name_of(call: CallRecord) -> str:
    """Say what a call asked for: the template where the operation is known, else only where."""
    if call.operation is not None:
        return f"{call.method} {call.operation}"
    return f"{call.method} at {call.origin.partition('://')[2] or call.origin}"


def clipped(call: CallRecord, until: float) -> list[Step]:
    """Give the steps of a call with each wait as long as it was, not as it was meant to be."""
    over = until if call.ended is None else call.ended
    instants = (*(step.at for step in call.steps[1:]), over)
    return [
        Waited(step.at, max(0.0, min(step.seconds, following - step.at)), step.source)
        if isinstance(step, Waited)
        else step
        for step, following in zip(call.steps, instants, strict=False)
    ]


def worst_calls(calls: Sequence[CallRecord], until: float, count: int) -> list[CallRecord]:
    """Pick those worth a look: outcome unknown first, then the longest.

    Left out are those of which nothing was sent, and those that succeeded in next to no time.
    """
    brief = _BRIEF_SHARE * max((length(call, until) for call in calls), default=0.0)
    worth = [
        call
        for call in calls
        if call.steps and (call.verdict is not Verdict.SUCCEEDED or length(call, until) >= brief)
    ]
    return sorted(
        worth,
        key=lambda call: (
            call.verdict is not Verdict.OUTCOME_UNKNOWN,
            -length(call, until),
            call.number,
        ),
    )[:count]


def lanes(calls: Sequence[CallRecord], until: float, *, room: float, most: int) -> list[int]:
    """Give each call a row, so that calls at the same time do not cover each other.

    Args:
        calls: Any calls.
        until: The end of those that have not ended.
        room: Seconds for which a row stays taken after its call.
        most: How many rows at most; when all are taken, the one that is free first is shared.

    Returns:
        Rows from 0, in the order of ``calls``.
    """
    free_from: list[float] = []
    rows = [0] * len(calls)
    for place, call in sorted(enumerate(calls), key=lambda item: item[1].began):
        row = next((row for row, free in enumerate(free_from) if free <= call.began), None)
        if row is None and len(free_from) < most:
            row = len(free_from)
            free_from.append(0.0)
        elif row is None:
            row = min(range(most), key=free_from.__getitem__)
        free_from[row] = call.began + length(call, until) + room
        rows[place] = row
    return rows


def _instants(call: CallRecord, until: float) -> list[float]:
    ends = [min(until, step.at + step.seconds) for step in call.steps]
    return [call.began, *(ends if call.ended is None else [call.ended])]


def _waits(calls: Sequence[CallRecord], until: float) -> list[tuple[WaitSource, int, float]]:
    counts: dict[WaitSource, int] = defaultdict(int)
    seconds: dict[WaitSource, float] = defaultdict(float)
    for call in calls:
        for step in clipped(call, until):
            if isinstance(step, Waited):
                counts[step.source] += 1
                seconds[step.source] += step.seconds
    return [(source, counts[source], seconds[source]) for source in WaitSource if counts[source]]


def _groups(calls: Sequence[CallRecord], until: float) -> list[Group]:
    grouped: dict[str, list[CallRecord]] = defaultdict(list)
    for call in calls:
        grouped[name_of(call)].append(call)
    groups = []
    for name, members in grouped.items():
        taken = spread(length(call, until) for call in members)
        if taken is not None:
            sends = sum(len(call.attempts) for call in members)
            succeeded = sum(call.verdict is Verdict.SUCCEEDED for call in members)
            groups.append(Group(name, len(members), sends, succeeded, taken))
    return sorted(groups, key=lambda group: (-group.spread.longest, group.name))


_ORDER: dict[Category, int] = {category: place for place, category in enumerate(Category)}
_BRIEF_SHARE = 0.01
_TAIL = 0.5
_TAIL_SHARE = 0.03
