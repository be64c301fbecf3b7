"""What is said and heard for the circuits of this process, and when to see whose turn it is.

Used by the thread of the store alone. What it calls on circuits takes no longer than a call does.
"""

import math
from collections.abc import Iterable, Mapping

from verto_resilience.machines import CircuitBreaker, Mode, State, Verdict
from verto_resilience.pipeline import CircuitMoved, Origin, PauseBegan, StoreFault
from verto_resilience.state._link import Link, LinkError
from verto_resilience.state._member import Member, Moved, Paused
from verto_resilience.state._records import LONGEST, About, Record, Word, read_record
from verto_resilience.state._scripts import PAUSE, SAY
from verto_resilience.state._turns import NEVER, Turns, Watch

_LINGER = 60.0
_LONGEST_LINGER = 3600.0
_NOTABLE = 1.0
_MOST_PAUSES = 1000


class Tending:
    """The circuits and pauses of one process, as far as they concern its fleet.

    Args:
        process: Its name, for people and in leases.
        spread: From 0 up to 1, another for each process, so that they do not act in step.
    """

    def __init__(self, process: str, *, spread: float) -> None:
        """Watch nothing yet."""
        self._process = process
        self._turns = Turns(process, spread=spread, go_by=self._go_by)
        self._watches: dict[tuple[int, str], Watch] = {}
        self._pauses: dict[tuple[int, str], Paused] = {}
        self._heard_pauses: dict[tuple[int, str], int] = {}

    def look_at(self, news: Moved) -> None:
        """Watch a circuit that has moved."""
        circuits = news.member.circuits
        origin = None if circuits is None else circuits.find(news.origin)
        breaker = None if origin is None else dict(origin.circuits()).get(news.key)
        if origin is not None and breaker is not None:
            self._watch(news.member, origin, news.key, breaker)

    def part(self) -> None:
        """Leave to themselves the circuits and pauses of members that share nothing any more."""
        for watch in list(self._watches.values()):
            if watch.member.circuits is None:
                self._forget(watch)
        for at, pause in list(self._pauses.items()):
            if pause.member.circuits is None:
                del self._pauses[at]

    def pause(self, news: Paused) -> None:
        """Keep a pause to be told of; of several of one origin the longest."""
        at = (id(news.member), news.origin)
        known = self._pauses.get(at)
        if (known is None or known.until < news.until) and (
            known is not None or len(self._pauses) < _MOST_PAUSES
        ):
            self._pauses[at] = news

    def tick(self, link: Link, now: float) -> float:
        """Say what is to be said, and see to the probes.

        Returns:
            When to come again (monotonic seconds); infinity: when there is news.

        Raises:
            LinkError: The store did not take it. It is said again at the next time. Where there was
                no room for some, the others were said.
        """
        due, full = NEVER, None
        for at, pause in list(self._pauses.items()):
            try:
                generation = self._tell_pause(link, pause, now) if pause.until > now else 0
            except LinkError as error:
                full = _only_full(error)
                continue
            if generation > 0:
                # So that the echo of it is no news here.
                self._heard_pauses[at] = generation
            del self._pauses[at]
        for watch in list(self._watches.values()):
            try:
                due = min(due, self._tend(link, watch, now))
            except LinkError as error:
                full = _only_full(error)
        if full is not None:
            raise full
        return due

    def go_alone(self) -> None:
        """Let every circuit probe by itself: the store is not there to say whose turn it is."""
        for watch in self._watches.values():
            self._turns.go_alone(watch)

    def hear(
        self, records: Mapping[tuple[str, str], Record], members: Iterable[Member], now: float
    ) -> None:
        """Go by what the store holds."""
        for member in members:
            circuits = member.circuits
            if circuits is None:
                continue
            for record in records.values():
                if record.kind == "l":
                    continue
                origin = circuits.find(record.key.partition(" ")[0])
                if origin is None:
                    continue
                if record.kind == "p":
                    self._hear_pause(member, origin, record, now)
                    continue
                breaker = dict(origin.circuits()).get(record.key)
                if breaker is not None:
                    self._hear_verdict(member, origin, breaker, record, now)
        for watch in self._watches.values():
            self._turns.hear(watch, records.get(("l", watch.key)))
        live = {key for kind, key in records if kind == "p"}
        self._heard_pauses = {at: g for at, g in self._heard_pauses.items() if at[1] in live}

    def _watch(self, member: Member, origin: Origin, key: str, breaker: CircuitBreaker) -> Watch:
        at = (id(member), key)
        known = self._watches.get(at)
        if known is None or known.breaker is not breaker:
            known = self._watches[at] = Watch(member, origin, key, breaker)
        return known

    def _tend(self, link: Link, watch: Watch, now: float) -> float:
        breaker = watch.breaker
        verdict = breaker.unsaid(now)
        if verdict is not None:
            self._say(link, watch, verdict, now)
        state = breaker.state
        if state is State.CLOSED or breaker.mode is not Mode.ENFORCE:
            return self._forget(watch)
        if state is State.HALF_OPEN:
            due = self._turns.while_probing(link, watch, now)
            return self._forget(watch) if due is None else due
        left = breaker.refuses_for(now)
        if left > 0.0:
            return self._turns.await_the_end(watch, now + left)
        if now > breaker.busy_until():
            return self._forget(watch)
        return self._turns.before_a_probe(link, watch, now)

    def _say(self, link: Link, watch: Watch, verdict: Verdict, now: float) -> None:
        is_open = verdict.state is State.OPEN
        linger = min(watch.breaker.settings.probe_lease, _LONGEST_LINGER) if is_open else _LINGER
        about = About(self._process, verdict.reason, verdict.last_failure, doubts=verdict.doubts)
        generation, server_now, *current = link.run(
            SAY,
            link.key,
            watch.key,
            verdict.generation,
            Word.OPEN.value if is_open else Word.CLOSED.value,
            _milliseconds(min(verdict.until - now, LONGEST)) if is_open else 0,
            _milliseconds(linger),
            verdict.trips,
            about.as_text(),
            self._turns.owner(watch),
        )
        if generation > 0:
            watch.breaker.agreed(verdict, generation)
            watch.leased_at = None
        elif current:
            self._go_by(watch, current[0], server_now, now)
        else:
            raise LinkError(StoreFault.FULL)

    def _tell_pause(self, link: Link, pause: Paused, now: float) -> int:
        about = About(self._process, told=pause.told, status=pause.status)
        generation, _ = link.run(
            PAUSE,
            link.key,
            pause.origin,
            Word.PAUSED.value,
            _milliseconds(min(pause.until - now, LONGEST)),
            0,
            about.as_text(),
        )
        if generation < 0:
            raise LinkError(StoreFault.FULL)
        return int(generation)

    def _go_by(self, watch: Watch, value: bytes, server_now: int, now: float) -> None:
        """Take in the newer verdict with which the store has answered."""
        name = f"c:{watch.key}".encode()
        record = read_record(name, value, server_now=server_now, now=now)
        if record is not None:
            self._hear_verdict(watch.member, watch.origin, watch.breaker, record, now)

    def _hear_verdict(
        self, member: Member, origin: Origin, breaker: CircuitBreaker, record: Record, now: float
    ) -> None:
        if record.generation <= breaker.heard:
            return
        if record.word is Word.OPEN:
            breaker.hold_probes(record.until + self._turns.grace)
        moved = breaker.adopt(record.verdict(), now)
        if breaker.state is State.OPEN:
            self._watch(member, origin, record.key, breaker).leased_at = None
        if moved is not None:
            origin.stay(now)
            member.observer.on_event(CircuitMoved(origin.key, record.key, moved))

    def _hear_pause(self, member: Member, origin: Origin, record: Record, now: float) -> None:
        at = (id(member), origin.key)
        if record.generation <= self._heard_pauses.get(at, 0):
            return
        self._heard_pauses[at] = record.generation
        if record.word is Word.LIFTED:
            origin.pause.lift()
            return
        before = origin.pause.remaining(now)
        pausing = origin.pause.adopt(record.until, now, told=record.about.told)
        if pausing is None:
            return
        origin.stay(now)
        # Many that are answered at once differ by milliseconds, which is no news.
        if not before or pausing.seconds - before >= _NOTABLE:
            event = PauseBegan(origin.key, pausing, record.about.status, elsewhere=True)
            member.observer.on_event(event)

    def _forget(self, watch: Watch) -> float:
        watch.breaker.hold_probes(-math.inf)
        watch.breaker.hold_opinions(math.inf)
        self._watches.pop((id(watch.member), watch.key), None)
        return NEVER


def _only_full(error: LinkError) -> LinkError:
    """Give it back when it is about room; anything else is about every circuit, and goes on."""
    if error.fault is not StoreFault.FULL:
        raise error
    return error


def _milliseconds(seconds: float) -> int:
    """Round up: nobody is told a shorter time."""
    return math.ceil(max(0.0, seconds) * 1000.0)
