"""The breaker's rules told the long way: everything is kept, and counted again each time."""

import math
from dataclasses import dataclass, field

from verto_resilience.machines import (
    BreakerSettings,
    CircuitSnapshot,
    Mode,
    Permit,
    State,
    Transition,
    Trigger,
    TripReason,
)


@dataclass
class Out:
    """A permit on its way: a probe, or a call that is followed."""

    permit: Permit
    started: float
    overdue: bool = False


@dataclass
class Reference:
    """What a circuit should be after what happened; no limits on memory or time."""

    settings: BreakerSettings
    spread: float = 0.0
    mode: Mode = Mode.ENFORCE
    state: State = State.CLOSED
    generation: int = 1
    trips: int = 0
    closed_at: float = 0.0
    until: float = 0.0
    length: float = 0.0
    successes: int = 0
    consecutive: int = 0
    ended: int = 0
    reason: TripReason | None = None
    last_failure: str | None = None
    probes: list[Out] = field(default_factory=list)
    given_up: list[Out] = field(default_factory=list)
    followed: list[Out] = field(default_factory=list)
    lost: list[Out] = field(default_factory=list)
    added: list[tuple[float, int, int, int]] = field(default_factory=list)

    def snapshot(self, now: float) -> CircuitSnapshot:
        """Say what the circuit should look like."""
        calls, failures, slow = self.counts(now)
        left = min(self.length, max(0.0, self.until - now))
        return CircuitSnapshot(
            state=self.state,
            mode=self.mode,
            generation=self.generation,
            calls=calls,
            failures=failures,
            slow=slow,
            consecutive=self.consecutive,
            trips=self.trips_left(now),
            open_for=left if self.state is State.OPEN else 0.0,
            probes=len(self.probes),
            successes=self.successes,
            in_flight=len(self.followed),
            reason=self.reason,
            last_failure=self.last_failure,
        )

    def counts(self, now: float) -> tuple[int, int, int]:
        """Count again what lies in the window."""
        width = self.settings.window / self.settings.buckets
        oldest = math.floor(now / width) - self.settings.buckets
        inside = [row for row in self.added if math.floor(row[0] / width) > oldest]
        return sum(r[1] for r in inside), sum(r[2] for r in inside), sum(r[3] for r in inside)

    def trips_left(self, now: float) -> int:
        """Count the trips in a row."""
        health = now - self.closed_at if self.state is State.CLOSED else 0.0
        return max(0, self.trips - math.floor(health / self.settings.break_decay))

    def ask(self, now: float) -> tuple[bool, Transition | None]:
        """Say whether a real permit is given, and what moves."""
        moved = None
        if self.mode in {Mode.OFF, Mode.FORCED_OPEN}:
            return False, None
        if self.state is State.CLOSED and self.settings.slow_call_duration is not None:
            moved = self._watch(now, self.settings.slow_call_duration)
        elif self.state is State.OPEN and now >= self.until:
            moved = self._move(State.HALF_OPEN, Trigger.BREAK_OVER, now)
        if self.state is State.HALF_OPEN:
            lease = self.settings.probe_lease
            self.given_up += [out for out in self.probes if now >= out.started + lease]
            self.probes = [out for out in self.probes if now < out.started + lease]
            return len(self.probes) < self.settings.permitted_probes, moved
        return self.state is State.CLOSED, moved

    def given(self, permit: Permit, now: float) -> None:
        """Note the permit that was given."""
        if self.state is State.HALF_OPEN:
            self.probes.append(Out(permit, now))
        elif self.settings.slow_call_duration is not None:
            self.followed.append(Out(permit, now))

    def record(self, permit: Permit, now: float, *, bad: bool, failure: str) -> Transition | None:
        """Take in a result."""
        if permit.generation != self.generation:
            return None
        out = self._come_back(permit)
        duration = self.settings.slow_call_duration
        late = out is not None and duration is not None and now - out.started >= duration
        if self.state is State.HALF_OPEN:
            if out is None:
                return None
            if bad:
                self.last_failure = failure
            if bad or late:
                return self._open(Trigger.PROBE_BAD, TripReason.PROBE_FAILED, now)
            self.successes += 1
            if self.successes < self.settings.successes_to_close:
                return None
            return self._move(State.CLOSED, Trigger.PROBES_GOOD, now)
        if out is None and duration is not None:
            return None
        known = out is not None and out.overdue
        slow = late and not known
        self.added.append((now, 0 if known else 1, int(bad), int(slow)))
        moved = self._judge_failure(failure, now) if bad else None
        if not bad:
            self.ended, self.consecutive = self.consecutive, 0
        return self._judge_slowness(now) if moved is None and slow else moved

    def fail_late(self, permit: Permit, now: float, failure: str) -> Transition | None:
        """Take in a failure after a good result."""
        if permit.generation != self.generation:
            return None
        if self.state is State.HALF_OPEN:
            self.last_failure = failure
            return self._open(Trigger.PROBE_BAD, TripReason.PROBE_FAILED, now)
        self.added.append((now, 0, 1, 0))
        self.consecutive += self.ended
        self.ended = 0
        return self._judge_failure(failure, now)

    def release(self, permit: Permit) -> None:
        """Take a permit back."""
        self._come_back(permit)

    def open(self, now: float) -> Transition:
        """Open it by hand."""
        return self._open(Trigger.OPENED_BY_HAND, TripReason.MANUAL, now)

    def reset(self, now: float) -> Transition:
        """Close it by hand."""
        self.trips = 0
        return self._move(State.CLOSED, Trigger.RESET_BY_HAND, now)

    def set_mode(self, mode: Mode) -> None:
        """Obey it so far."""
        self.mode = mode
        if mode is Mode.OFF:
            self._forget_who_is_out()

    def _come_back(self, permit: Permit) -> Out | None:
        for outs in (self.probes, self.given_up, self.followed, self.lost):
            for out in outs:
                if out.permit is permit:
                    outs.remove(out)
                    return out
        return None

    def _watch(self, now: float, duration: float) -> Transition | None:
        late = [o for o in self.followed if not o.overdue and now - o.started >= duration]
        for out in late:
            out.overdue = True
            self.added.append((now, 1, 0, 1))
        end = duration + self.settings.probe_lease
        self.lost += [o for o in self.followed if now - o.started >= end]
        self.followed = [o for o in self.followed if now - o.started < end]
        return self._judge_slowness(now) if late else None

    def _judge_failure(self, failure: str, now: float) -> Transition | None:
        self.consecutive += 1
        self.last_failure = failure
        limit = self.settings.consecutive_failures
        calls, failures, _ = self.counts(now)
        if limit is not None and self.consecutive >= limit:
            return self._open(Trigger.TRIP, TripReason.CONSECUTIVE_FAILURES, now)
        if calls >= self.settings.minimum_calls:
            rate = failures / calls
            if rate >= self.settings.failure_rate_threshold:
                return self._open(Trigger.TRIP, TripReason.FAILURE_RATE, now)
        return None

    def _judge_slowness(self, now: float) -> Transition | None:
        calls, _, slow = self.counts(now)
        if calls < self.settings.minimum_calls:
            return None
        if slow / calls < self.settings.slow_call_rate_threshold:
            return None
        return self._open(Trigger.TRIP, TripReason.SLOW_CALL_RATE, now)

    def _open(self, trigger: Trigger, reason: TripReason, now: float) -> Transition:
        self.trips = self.trips_left(now)
        grown = self.settings.break_duration * self.settings.break_growth**self.trips
        length = min(self.settings.max_break_duration, grown)
        self.length = length * (1.0 - self.settings.break_jitter * self.spread)
        self.until = now + self.length
        self.trips += 1
        self.reason = reason
        return self._move(State.OPEN, trigger, now)

    def _move(self, state: State, trigger: Trigger, now: float) -> Transition:
        before, self.state = self.state, state
        if state is State.CLOSED:
            self.closed_at = now
        self.consecutive = self.ended = 0
        self.successes = 0
        self.added = []
        self._forget_who_is_out()
        opened = state is State.OPEN
        return Transition(
            before,
            state,
            trigger,
            self.reason if opened else None,
            self.length if opened else None,
            self.generation,
            self.last_failure,
        )

    def _forget_who_is_out(self) -> None:
        self.generation += 1
        self.probes = []
        self.given_up = []
        self.followed = []
        self.lost = []
