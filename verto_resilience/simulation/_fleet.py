"""A fleet that shares its verdicts through a store; docs/design/fleet.md says how.

The machines are the real ones, told by the same verbs. What is played here is the store and the way
to it: a verdict is with the others ``DELAY`` after it was found out, of two that cross the first
holds, and one client at a time is given leave to probe.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from verto_resilience.machines import CircuitBreaker, State, Trigger, Verdict
from verto_resilience.pipeline import CircuitMoved, Event, Origin, PauseBegan
from verto_resilience.simulation._world import World

DELAY = 0.005
"""Seconds from a finding in one process to its arrival in the others."""

# As the thread of the store asks for a lease, keeps it and gives it back.
_LEASE = 3.0
_GRACE = 1.0
_UNUSED = 1.0
_RECENT = 1.0
_RENEW = 1.0
_LOOK_AGAIN = 0.1
_POLL = 1.0
_LINGER = 60.0
_ELSEWHERE = frozenset({Trigger.OPENED_ELSEWHERE, Trigger.CLOSED_ELSEWHERE})


class Process(Protocol):
    """A client that takes part."""

    @property
    def origin(self) -> Origin:
        """The machines that it has for the server."""
        ...


@dataclass(slots=True, eq=False)
class Member:
    """What a client knows of its fleet.

    Attributes:
        process: The client.
        grace: Seconds after which it probes although nobody gave it leave.
        heard: The last pause that it was told of.
    """

    process: Process
    grace: float
    heard: "SharedPause | None" = None

    @property
    def breaker(self) -> CircuitBreaker:
        """Its circuit."""
        return self.process.origin.breaker


@dataclass(frozen=True, slots=True)
class SharedPause:
    """A pause as the others hear of it; instants on the one clock that there is here."""

    until: float
    told: bool
    heard_at: float


@dataclass(frozen=True, slots=True)
class _Said:
    """What a member says, and what it became in the store."""

    member: Member
    verdict: Verdict
    stored: Verdict


class Fleet:
    """The store, and the clients that go by it.

    Args:
        world: Whose time it is.
        chance: Which of those that ask for a lease is first, and how long each one's grace is.
    """

    def __init__(self, world: World, chance: Callable[[], float]) -> None:
        """Start with nobody, and nothing said."""
        self._agenda = world.agenda
        self._tally = world.tally
        self._chance = chance
        self._members: list[Member] = []
        self._verdict = Verdict(State.CLOSED, 0)
        self._expires = -math.inf
        self._pause: SharedPause | None = None
        self._longest_pause = 0.0
        # Counts leases, so that what was put on the agenda for one says nothing of the next.
        self._lease = 0
        self._leased_until = -math.inf

    def join(self, process: Process) -> Member:
        """Take a client in."""
        member = Member(process, _GRACE * (1.0 + self._chance() / 2.0))
        self._members.append(member)
        return member

    def hear(self, member: Member) -> None:
        """Have a member's pause be what it has been told meanwhile.

        Asked when it matters: a pause changes nothing until somebody wants to send.
        """
        pause = self._pause
        if pause is not None and pause is not member.heard:
            member.heard = pause
            gate = member.process.origin.pause
            gate.adopt(pause.until, pause.heard_at, told=pause.told)

    def say(self, member: Member, event: Event) -> None:
        """Tell the others what a member has found out."""
        now = self._agenda.now
        if isinstance(event, PauseBegan):
            pausing = event.pausing
            pause = SharedPause(now + pausing.seconds, pausing.told, now + DELAY)
            if pause.until > self._longest_pause:
                self._longest_pause = pause.until
                self._agenda.at(pause.heard_at, self._tell_pause, pause)
        elif isinstance(event, CircuitMoved) and event.transition.trigger not in _ELSEWHERE:
            verdict = member.breaker.unsaid(now)
            if verdict is not None:
                self._agenda.at(now + DELAY / 2.0, self._take, (member, verdict))
            elif member.breaker.doubts_until > now:
                self._agenda.at(now + DELAY, self._tell_opinion, (member, self._verdict))

    def _tell_pause(self, pause: SharedPause) -> None:
        self._pause = pause

    def _take(self, said: tuple[Member, Verdict]) -> None:
        """Be the store: keep a verdict, unless there is one that its speaker had not heard of."""
        member, verdict = said
        now, known = self._agenda.now, self._verdict
        if now < self._expires and verdict.generation < known.generation:
            self._agenda.at(now + DELAY / 2.0, self._answer, (member, known))
            return
        stored = replace(verdict, generation=known.generation + 1)
        self._verdict = stored
        self._expires = max(now, stored.until) + _LINGER
        self._lease += 1
        self._leased_until = -math.inf
        self._agenda.at(now + DELAY / 2.0, self._tell, _Said(member, verdict, stored))

    def _answer(self, told: tuple[Member, Verdict]) -> None:
        self._go_by(*told)

    def _tell(self, said: _Said) -> None:
        said.member.breaker.agreed(said.verdict, said.stored.generation)
        for member in self._members:
            self._go_by(member, said.stored)
        if said.stored.state is State.OPEN:
            self._agenda.at(said.stored.until, self._offer, said.stored)
            given_up = said.stored.until + said.member.breaker.settings.probe_lease
            self._agenda.at(given_up, self._give_up, said.stored)

    def _tell_opinion(self, asked: tuple[Member, Verdict]) -> None:
        """Hold the others back while one tries the origin before the break ends."""
        member, verdict = asked
        now = self._agenda.now
        if verdict is self._verdict and member.breaker.doubts_until > now:
            until = min(now + _LEASE, verdict.until)
            for other in self._members:
                other.breaker.hold_opinions(until)
            self._agenda.at(now + _RENEW, self._tell_opinion, asked)

    def _go_by(self, member: Member, verdict: Verdict) -> None:
        is_open = verdict.state is State.OPEN
        breaker = member.breaker
        breaker.hold_probes(verdict.until + member.grace if is_open else -math.inf)
        moved = breaker.adopt(verdict, self._agenda.now)
        if moved is not None:
            self._tally.moved(moved, self._agenda.now)

    def _offer(self, verdict: Verdict) -> None:
        """Give the lease to one of those that have had a call to send lately."""
        now = self._agenda.now
        if verdict is not self._verdict or now < self._leased_until:
            return
        asking = [member for member in self._members if self._asks(member)]
        if not asking:
            is_fresh = now < verdict.until + _GRACE
            self._agenda.at(now + (_LOOK_AGAIN if is_fresh else _POLL), self._offer, verdict)
            return
        owner = asking[int(self._chance() * len(asking))]
        self._lease += 1
        self._renew(owner)
        self._agenda.at(now + _UNUSED, self._look_after, (owner, self._lease))

    def _give_up(self, verdict: Verdict) -> None:
        """Let everyone try: those that had leave have told nothing for a probe's whole lease."""
        if verdict is self._verdict:
            self._lease += 1
            self._leased_until = math.inf
            for member in self._members:
                member.breaker.hold_probes(-math.inf)

    def _asks(self, member: Member) -> bool:
        breaker = member.breaker
        is_recent = breaker.asked_at > self._agenda.now - _RECENT
        return is_recent and breaker.state is not State.CLOSED

    def _renew(self, owner: Member) -> None:
        self._leased_until = self._agenda.now + _LEASE
        for member in self._members:
            member.breaker.hold_probes(self._leased_until + member.grace)
        owner.breaker.hold_probes(-math.inf)

    def _look_after(self, leased: tuple[Member, int]) -> None:
        """See whether the lease is used: renewed, or given back for another to have."""
        owner, lease = leased
        if lease != self._lease:
            return
        now, breaker = self._agenda.now, owner.breaker
        is_probing = breaker.state is State.HALF_OPEN
        if is_probing and (breaker.snapshot(now).probes or breaker.asked_at > now - _RECENT):
            self._renew(owner)
            self._agenda.at(now + _RENEW, self._look_after, leased)
            return
        self._leased_until = -math.inf
        self._agenda.at(now + DELAY, self._offer, self._verdict)
