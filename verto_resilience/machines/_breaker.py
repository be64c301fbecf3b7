"""Circuit breaker: when to stop asking an origin that fails.

Theory of operation. Three states and one table of moves (``MOVES``); everything that moves the
state lives in this file. What the calls of a closed circuit say is the affair of ``Evidence``, how
long it stays open that of ``Breaks``; time is the caller's: no method reads a clock. Public methods
take the lock, but for a few that take one look or set one number; those that begin with an
underscore expect it held, unless they say otherwise. A move is returned, never announced from here:
the caller publishes it once the lock is free.

Nearly every call finds the circuit closed and goes well, and does not wait for the lock. All of
them have one permit, which hangs at the door: to take it is to read one reference. A good result
that finds the lock taken is put down, for whoever takes the lock next to count.

Each move begins a new generation, and each permit carries the generation it was given in. A result
from an earlier generation changes nothing: a call let through while closed may come back while
half-open and must not pass for a probe. A probe also has a lease: when its owner vanished, its
place is free again once the lease ends. A result that comes after that still counts.

The lock is one that its holder may take again, for the holder may be interrupted: a signal handler
or a finaliser that makes a call comes in here in the same thread. It runs to its end before the
holder goes on, and may have moved the circuit; so a move that the table does not have from where
the circuit stands by then is no move.
"""

import math
from collections.abc import Callable
from threading import RLock

from verto_resilience.machines._breaks import Breaks
from verto_resilience.machines._circuit import (
    BreakerSettings,
    CircuitSnapshot,
    Mode,
    Permit,
    Refusal,
    State,
    Transition,
    Trigger,
    TripReason,
    Verdict,
)
from verto_resilience.machines._doubt import Doubt
from verto_resilience.machines._evidence import Evidence
from verto_resilience.machines._fleet import Fleet
from verto_resilience.machines._probes import Probes

MOVES: dict[tuple[State, Trigger], State] = {
    (State.CLOSED, Trigger.TRIP): State.OPEN,
    (State.OPEN, Trigger.BREAK_OVER): State.HALF_OPEN,
    (State.HALF_OPEN, Trigger.PROBES_GOOD): State.CLOSED,
    (State.HALF_OPEN, Trigger.PROBE_BAD): State.OPEN,
    (State.CLOSED, Trigger.OPENED_BY_HAND): State.OPEN,
    (State.OPEN, Trigger.OPENED_BY_HAND): State.OPEN,
    (State.HALF_OPEN, Trigger.OPENED_BY_HAND): State.OPEN,
    (State.CLOSED, Trigger.RESET_BY_HAND): State.CLOSED,
    (State.OPEN, Trigger.RESET_BY_HAND): State.CLOSED,
    (State.HALF_OPEN, Trigger.RESET_BY_HAND): State.CLOSED,
    (State.CLOSED, Trigger.OPENED_ELSEWHERE): State.OPEN,
    (State.OPEN, Trigger.OPENED_ELSEWHERE): State.OPEN,
    (State.HALF_OPEN, Trigger.OPENED_ELSEWHERE): State.OPEN,
    (State.OPEN, Trigger.CLOSED_ELSEWHERE): State.CLOSED,
    (State.HALF_OPEN, Trigger.CLOSED_ELSEWHERE): State.CLOSED,
}

_UNCOUNTED = Permit(0)


class CircuitBreaker:
    """One circuit; safe for threads.

    Args:
        settings: Its numbers.
        chance: Gives numbers from 0 up to 1, for the jitter of breaks; called with the lock held.
        mode: How far it is obeyed.
    """

    __slots__ = (
        "_breaks",
        "_chance",
        "_door",
        "_doubt",
        "_evidence",
        "_fleet",
        "_generation",
        "_last_failure",
        "_mode",
        "_probes",
        "_reason",
        "_settings",
        "_state",
        "_successes",
        "_waiting",
        "lock",
    )

    def __init__(
        self,
        settings: BreakerSettings,
        *,
        chance: Callable[[], float],
        mode: Mode = Mode.ENFORCE,
    ) -> None:
        """Start closed, with nothing counted."""
        self.lock = RLock()
        self._waiting: list[tuple[Permit, float]] = []
        self._settings = settings
        self._chance = chance
        self._mode = mode
        self._evidence = Evidence(settings)
        self._breaks = Breaks()
        self._fleet = Fleet()
        self._doubt = Doubt()
        self._state = State.CLOSED
        self._generation = 1
        self._successes = 0
        self._probes = Probes()
        self._reason: TripReason | None = None
        self._last_failure: str | None = None
        self._door: Permit | None = None
        self._hang_door()

    @property
    def state(self) -> State:
        """Where it stands; a break that is over shows as open until somebody asks to send."""
        return self._state

    @property
    def mode(self) -> Mode:
        """How far it is obeyed; may be set while running.

        State and counts are kept; results of what is out when it is set to off are not counted.
        """
        return self._mode

    @mode.setter
    def mode(self, mode: Mode) -> None:
        with self.lock:
            self._mode = mode
            if mode is Mode.OFF:
                self._next_generation()
            self._hang_door()

    @property
    def settings(self) -> BreakerSettings:
        """Its numbers; may be set while running. A window of another shape starts empty."""
        return self._settings

    @settings.setter
    def settings(self, settings: BreakerSettings) -> None:
        with self.lock:
            self._settings = settings
            self._evidence.judge_by(settings)
            self._hang_door()

    def try_acquire(self, now: float) -> Permit | Refusal:
        """Ask leave to send one request.

        Args:
            now: Monotonic seconds, same clock as every other call.

        Returns:
            A permit, or why not. Either may carry a transition, to be published once no lock is
            held.
        """
        # While closed every caller gets the same permit, and reading one reference is atomic, on
        # builds without a GIL too. A permit read just before a move is stale, and dropped as such.
        door = self._door
        if door is not None:
            return door
        with self.lock:
            return self._acquire(now)

    def record(
        self, permit: Permit, *, bad: bool, now: float, failure: str | None = None
    ) -> Transition | None:
        """Say how a permitted attempt went.

        Args:
            permit: What :meth:`try_acquire` gave. An attempt that says nothing about the origin is
                given back with :meth:`release` instead.
            bad: Whether it counts against the origin.
            now: Monotonic seconds.
            failure: What failed, shown when the circuit refuses.

        Returns:
            The transition this caused, to be published once no lock is held.
        """
        if not bad and permit.started == math.inf:
            # The one from the door: a call of a closed circuit that nobody follows.
            self._record_good(permit, now)
            return None
        with self.lock:
            self._count_waiting()
            if permit.generation != self._generation:
                return None
            if self._state is State.HALF_OPEN:
                return self._record_probe(permit, bad=bad, now=now, failure=failure)
            return self._record_call(permit, bad=bad, now=now, failure=failure)

    def fail_late(
        self, permit: Permit, *, now: float, failure: str | None = None
    ) -> Transition | None:
        """Say that an attempt recorded as good has failed since: its body broke off.

        It remains one call in the window and becomes a failure, and the failures in a row that it
        had ended go on. A probe that fails late is bad.

        Args:
            permit: What the attempt was recorded with.
            now: Monotonic seconds.
            failure: What failed, shown when the circuit refuses.

        Returns:
            The transition this caused, to be published once no lock is held.
        """
        with self.lock:
            self._count_waiting()
            if permit.generation != self._generation:
                return None
            self._last_failure = failure
            if self._state is State.HALF_OPEN:
                return self._fail_probe(now)
            return self._trip(self._evidence.count_late_failure(now), now)

    def release(self, permit: Permit) -> None:
        """Give a permit back uncounted: the attempt said nothing about the origin."""
        with self.lock:
            self._probes.leave(permit)
            self._evidence.in_flight.leave(permit)

    def disown_calls(self) -> None:
        """Follow no call that is out: in a forked child they are the parent's."""
        with self.lock:
            self._evidence.in_flight.clear()

    def refuses_for(self, now: float) -> float:
        """Say for how many seconds it refuses for certain; 0 when it may let one through.

        A second opinion (see :meth:`hold_opinions`) is no exception to count on. A look without
        consequences: nothing moves and no permit is given.
        """
        if self._mode is Mode.FORCED_OPEN:
            return math.inf
        if self._state is not State.OPEN or self._mode is not Mode.ENFORCE:
            return 0.0
        return self._breaks.left(now)

    def open(self, now: float) -> Transition:
        """Open it by hand, for one break."""
        with self.lock:
            # The table has a move by hand from every state.
            return self._open(Trigger.OPENED_BY_HAND, TripReason.MANUAL, now)  # type: ignore[return-value]

    def reset(self, now: float) -> Transition:
        """Close it by hand and forget what was counted, trips in a row included."""
        with self.lock:
            self._breaks.count_as(0)
            return self._move(Trigger.RESET_BY_HAND, now)  # type: ignore[return-value]

    def adopt(self, verdict: Verdict, now: float) -> Transition | None:
        """Go by what another process of the fleet found out.

        It is not said again from here. A verdict no newer than the last one heard changes nothing,
        nor does any while the circuit is off. A circuit that is open already gets the break of the
        fleet, which is no move unless its own was over.

        Args:
            verdict: Open or closed.
            now: Monotonic seconds.

        Returns:
            The transition this caused, to be published once no lock is held.
        """
        with self.lock:
            if self._mode is Mode.OFF or not self._fleet.hear(verdict.generation):
                return None
            if verdict.last_failure is not None:
                self._last_failure = verdict.last_failure
            if verdict.state is State.CLOSED:
                self._breaks.count_as(verdict.trips)
                return self._move(Trigger.CLOSED_ELSEWHERE, now)
            length = max(0.0, verdict.until - now)
            if self._state is State.OPEN and now < self._breaks.until:
                self._reason = verdict.reason
                self._breaks.begin(self._settings, now, length=length, trips=verdict.trips)
                if self._doubt.begins < math.inf:
                    # Not who has found out the same, or has tried already.
                    self._doubt.adopt(verdict.doubts, now, self._chance)
                return None
            moved = self._move(
                Trigger.OPENED_ELSEWHERE,
                now,
                reason=verdict.reason,
                break_duration=length,
                trips=verdict.trips,
            )
            self._doubt.adopt(verdict.doubts, now, self._chance)
            return moved

    def unsaid(self, now: float) -> Verdict | None:
        """Give what this process has found out by itself and the fleet has not taken in yet.

        ``None`` when there is no such thing: also while half-open, when the break is over, and in
        every mode but ``ENFORCE``, in which a circuit is an experiment or nobody's finding.
        """
        with self.lock:
            if not self._fleet.unsaid or self._mode is not Mode.ENFORCE:
                return None
            trips = self._breaks.trips(self._settings, now)
            heard, state = self._fleet.heard, self._state
            if state is State.CLOSED:
                return Verdict(state, heard, trips=trips, last_failure=self._last_failure)
            if state is State.HALF_OPEN or now >= self._breaks.until:
                return None
            until, doubts = self._breaks.until, self._doubt.opinions
            return Verdict(state, heard, until, trips, self._reason, self._last_failure, doubts)

    def agreed(self, said: Verdict, generation: int) -> None:
        """Note that the fleet has taken in what :meth:`unsaid` gave.

        Args:
            said: The verdict. What was found out since remains to be said.
            generation: The fleet's generation that began with it.
        """
        with self.lock:
            until = self._breaks.until if self._state is State.OPEN else 0.0
            is_so_still = said.state is self._state and said.until == until
            self._fleet.agree(generation, all_said=is_so_still)

    def hold_probes(self, until: float) -> None:
        """Let no probe begin before an instant: trying the origin is another process's turn.

        Until then a circuit whose break is over refuses. It holds for the break in force and those
        to come, until this is called again; one that is half-open goes on. One float is set, so
        no lock is taken.

        Args:
            until: Monotonic seconds; ``-math.inf``, the start, is as soon as a break is over.
        """
        self._fleet.probes_from = until

    def hold_opinions(self, until: float) -> None:
        """Let no second opinion begin before an instant: another process is giving one.

        A trip that was adopted may be bad luck of the process that has said it. So from an instant
        that chance chooses, the next call is a probe although the break is not over. It closes the
        circuit by itself, and the trip is not counted; if it fails, the break goes on.

        Args:
            until: Monotonic seconds; ``math.inf`` for none. What was later before stays later, and
                chance puts those apart who are told the same instant.
        """
        with self.lock:
            self._doubt.hold(until)

    @property
    def doubts_until(self) -> float:
        """End of the break in which this process gives a second opinion, until that is back.

        Monotonic seconds; ``-math.inf`` when it gives none.
        """
        return self._doubt.until

    @property
    def heard(self) -> int:
        """The fleet's generation that it goes by; 0 while it has heard of none."""
        return self._fleet.heard

    @property
    def asked_at(self) -> float:
        """When somebody was last refused or let through as a probe (monotonic seconds)."""
        return self._fleet.asked_at

    def snapshot(self, now: float) -> CircuitSnapshot:
        """Give the state at ``now``."""
        with self.lock:
            self._count_waiting()
            window = self._evidence.window
            window.turn(now)
            return CircuitSnapshot(
                state=self._state,
                mode=self._mode,
                generation=self._generation,
                calls=window.calls,
                failures=window.failures,
                slow=window.slow,
                consecutive=self._evidence.consecutive,
                trips=self._breaks.trips(self._settings, now),
                open_for=self._breaks.left(now) if self._state is State.OPEN else 0.0,
                probes=len(self._probes),
                successes=self._successes,
                in_flight=len(self._evidence.in_flight),
                reason=self._reason,
                last_failure=self._last_failure,
            )

    def busy_until(self) -> float:
        """Say until when more than counts would be lost by forgetting it (monotonic seconds).

        Open, that is a probe's lease after the end of the break; half-open, the end of the newest
        lease. Who has not come by then does not come: a dead origin is not remembered for ever.
        """
        state = self._state
        if state is State.OPEN:
            return self._breaks.until + self._settings.probe_lease
        return self._probes.until if state is State.HALF_OPEN else -math.inf

    def __repr__(self) -> str:
        """Show state, mode and generation."""
        return f"<CircuitBreaker {self._state} {self._mode} generation={self._generation}>"

    def _record_good(self, permit: Permit, now: float) -> None:
        """Count a good call of a closed circuit; needs no lock held, and waits for none.

        A good result moves nothing, so it need not stand in line: where another thread holds the
        lock it is put down, and counted by whoever takes the lock next. With many threads the
        line would cost more than the counting.
        """
        if not self.lock.acquire(blocking=False):
            self._waiting.append((permit, now))
            return
        try:
            if self._waiting:
                self._count_waiting()
            if permit.generation == self._generation:
                self._evidence.count_good(now)
        finally:
            self.lock.release()

    def _count_waiting(self) -> None:
        # No more than there are now: others may put down theirs as fast as this one counts.
        for _ in range(len(self._waiting)):
            try:
                # Taken from the end: popping and appending are atomic, swapping the list is not.
                permit, now = self._waiting.pop()
            except IndexError:
                # Whoever came in between has counted it.
                return
            if permit.generation == self._generation:
                self._evidence.count_good(now)

    def _acquire(self, now: float) -> Permit | Refusal:
        if self._door is not None:
            # It was hung while this caller waited for the lock.
            return self._door
        if self._mode is Mode.FORCED_OPEN:
            return Refusal(State.OPEN, None, TripReason.MANUAL, self._last_failure)
        transition: Transition | None = None
        if self._state is State.CLOSED:
            reason = self._evidence.count_overdue(now)
            if reason is not None:
                transition = self._open(Trigger.TRIP, reason, now)
        elif self._state is State.OPEN and now >= self._breaks.until:
            if now < self._fleet.probes_from:
                return self._refuse(self._fleet.probes_from - now, None, now)
            transition = self._move(Trigger.BREAK_OVER, now)
        elif self._state is State.OPEN and self._mode is Mode.ENFORCE and now >= self._doubt.begins:
            transition = self._move(Trigger.BREAK_OVER, now)
        if self._state is State.OPEN:
            return self._refuse(self._breaks.left(now), transition, now)
        if self._state is State.HALF_OPEN:
            return self._acquire_probe(now, transition)
        permit = Permit(self._generation, started=now)
        self._evidence.in_flight.enter(permit)
        return permit

    def _acquire_probe(self, now: float, transition: Transition | None) -> Permit | Refusal:
        self._probes.give_up(now)
        permitted, until = self._settings.permitted_probes, now + self._settings.probe_lease
        if now < self._doubt.until:
            # The place is free again once the break is over: whoever hangs is not waited for.
            permitted, until = 1, min(until, self._doubt.until)
        elif self._doubt.until > -math.inf:
            if now < self._fleet.probes_from:
                return self._refuse(self._fleet.probes_from - now, transition, now)
            self._doubt.until = -math.inf
        if len(self._probes) >= permitted:
            return self._refuse(None, transition, now)
        self._fleet.asked_at = now
        permit = Permit(self._generation, probe=True, started=now, transition=transition)
        self._probes.enter(permit, until=until)
        return permit

    def _refuse(
        self, retry_after: float | None, transition: Transition | None, now: float
    ) -> Permit | Refusal:
        self._fleet.asked_at = now
        refusal = Refusal(self._state, retry_after, self._reason, self._last_failure, transition)
        if self._mode is Mode.OBSERVE_ONLY:
            return Permit(0, transition=transition, overruled=refusal)
        return refusal

    def _record_call(
        self, permit: Permit, *, bad: bool, now: float, failure: str | None
    ) -> Transition | None:
        known = False
        if permit.started != math.inf:
            left = self._evidence.in_flight.leave(permit)
            if left is None:
                return None
            # An overdue call stands in the window already.
            known = left
        if bad:
            self._last_failure = failure
        slow = self._is_slow(permit, now)
        return self._trip(self._evidence.count(bad=bad, slow=slow, known=known, now=now), now)

    def _record_probe(
        self, permit: Permit, *, bad: bool, now: float, failure: str | None
    ) -> Transition | None:
        if not self._probes.leave(permit):
            return None
        if bad:
            self._last_failure = failure
        if bad or self._is_slow(permit, now):
            return self._fail_probe(now)
        self._successes += 1
        if now < self._doubt.until:
            self._breaks.take_back()
        elif self._successes < self._settings.successes_to_close:
            return None
        return self._move(Trigger.PROBES_GOOD, now)

    def _fail_probe(self, now: float) -> Transition | None:
        if now >= self._doubt.until:
            return self._open(Trigger.PROBE_BAD, TripReason.PROBE_FAILED, now)
        self._breaks.take_back()
        return self._move(
            Trigger.PROBE_BAD,
            now,
            reason=TripReason.PROBE_FAILED,
            break_duration=self._breaks.left(now),
        )

    def _trip(self, reason: TripReason | None, now: float) -> Transition | None:
        return None if reason is None else self._open(Trigger.TRIP, reason, now)

    def _is_slow(self, permit: Permit, now: float) -> bool:
        threshold = self._settings.slow_call_duration
        return threshold is not None and now - permit.started >= threshold

    def _open(self, trigger: Trigger, reason: TripReason, now: float) -> Transition | None:
        length = self._breaks.next_length(self._settings, now, chance=self._chance())
        return self._move(trigger, now, reason=reason, break_duration=length)

    def _move(
        self,
        trigger: Trigger,
        now: float,
        *,
        reason: TripReason | None = None,
        break_duration: float | None = None,
        trips: int | None = None,
    ) -> Transition | None:
        before = self._state
        after = MOVES.get((before, trigger))
        if after is None:
            return None
        # The door goes first and the state last: whatever cuts this short (an exception that a
        # signal handler raises), no door is left open beside an open circuit.
        self._door = None
        self._next_generation()
        if break_duration is not None:
            self._breaks.begin(self._settings, now, length=break_duration, trips=trips)
            self._reason = reason
        elif after is State.CLOSED:
            self._breaks.close(now)
        self._successes = 0
        self._evidence.forget()
        self._fleet.moved(trigger)
        self._doubt.moved(trigger, now, ends=self._breaks.until)
        self._state = after
        self._hang_door()
        return Transition(
            before,
            after,
            trigger,
            reason,
            break_duration,
            self._generation,
            self._last_failure,
        )

    def _next_generation(self) -> None:
        """Make every permit that is out stale."""
        self._generation += 1
        self._probes.clear()
        self._evidence.in_flight.clear()

    def _hang_door(self) -> None:
        """Set the permit that :meth:`try_acquire` may give without the lock."""
        generation, mode = self._generation, self._mode
        door: Permit | None = None
        if mode is Mode.OFF:
            door = _UNCOUNTED
        elif (
            mode is not Mode.FORCED_OPEN
            and self._state is State.CLOSED
            and self._settings.slow_call_duration is None
        ):
            door = Permit(generation)
        # Not if it moved meanwhile: a door beside an open circuit would let all through for ever.
        self._door = door if generation == self._generation and mode is self._mode else self._door
