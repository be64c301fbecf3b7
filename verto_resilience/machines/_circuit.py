"""What is said about a circuit: its states and modes, and what its breaker takes and gives."""

import math
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """Where a circuit stands."""

    __module__ = "verto_resilience"

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Mode(StrEnum):
    """How far a circuit is obeyed; configuration, not state.

    ``ENFORCE`` refuses while open. ``OBSERVE_ONLY`` counts and moves but refuses nothing, to try
    thresholds on live traffic. ``FORCED_OPEN`` refuses everything. ``OFF`` counts nothing.
    """

    __module__ = "verto_resilience"

    ENFORCE = "enforce"
    OBSERVE_ONLY = "observe_only"
    FORCED_OPEN = "forced_open"
    OFF = "off"


class TripReason(StrEnum):
    """Why a circuit opened."""

    __module__ = "verto_resilience"

    CONSECUTIVE_FAILURES = "consecutive_failures"
    FAILURE_RATE = "failure_rate"
    SLOW_CALL_RATE = "slow_call_rate"
    PROBE_FAILED = "probe_failed"
    MANUAL = "manual"


class Trigger(StrEnum):
    """What moves a circuit."""

    TRIP = "trip"
    BREAK_OVER = "break_over"
    PROBES_GOOD = "probes_good"
    PROBE_BAD = "probe_bad"
    OPENED_BY_HAND = "opened_by_hand"
    RESET_BY_HAND = "reset_by_hand"
    OPENED_ELSEWHERE = "opened_elsewhere"
    CLOSED_ELSEWHERE = "closed_elsewhere"


@dataclass(frozen=True, slots=True)
class BreakerSettings:
    """Numbers of a breaker; meaning, range and default stand at their policy fields."""

    window: float
    buckets: int
    minimum_calls: int
    failure_rate_threshold: float
    consecutive_failures: int | None
    slow_call_duration: float | None
    slow_call_rate_threshold: float
    break_duration: float
    break_growth: float
    max_break_duration: float
    break_jitter: float
    break_decay: float
    permitted_probes: int
    successes_to_close: int
    probe_lease: float


@dataclass(frozen=True, slots=True)
class Transition:
    """A circuit moved.

    Attributes:
        before: The state it left.
        after: The state it is in now.
        trigger: What moved it.
        reason: Why it opened; ``None`` unless ``after`` is open.
        break_duration: Seconds it stays open; ``None`` unless ``after`` is open.
        generation: The generation that began with this move.
        last_failure: What failed last, as given to :meth:`CircuitBreaker.record`.
    """

    before: State
    after: State
    trigger: Trigger
    reason: TripReason | None
    break_duration: float | None
    generation: int
    last_failure: str | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one process has found out about a circuit, for the others of its fleet to go by.

    Half-open is no verdict: to the others such a circuit is open, and somebody tries its origin.

    Attributes:
        state: Open or closed.
        generation: The fleet's count of verdicts on this circuit, which is none of the breaker's
            own generations. Before the fleet has taken it in: the last one that was heard.
        until: Monotonic seconds of this process at which the break ends; 0 unless open.
        trips: Times it opened in a row, this one included.
        reason: Why it opened; ``None`` unless open.
        last_failure: What failed last.
        doubts: How many others may try the origin before the break ends, since it may be bad luck.
    """

    state: State
    generation: int
    until: float = 0.0
    trips: int = 0
    reason: TripReason | None = None
    last_failure: str | None = None
    doubts: int = 0


@dataclass(frozen=True, slots=True)
class Refusal:
    """No leave to send.

    Attributes:
        state: The state that refuses.
        retry_after: Seconds until a probe will be let through; ``None`` when that depends on a
            probe now out, or on a person (forced open).
        reason: Why the circuit opened.
        last_failure: What failed last before it opened.
        transition: The move this question caused, to be published.
    """

    state: State
    retry_after: float | None
    reason: TripReason | None
    last_failure: str | None
    transition: Transition | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Permit:
    """Leave to send once; to be recorded or released once.

    Attributes:
        generation: The circuit's generation when it was given; 0 is counted by nobody.
        probe: Whether it is a half-open trial.
        started: Monotonic seconds at which it was given. A permit that is shared is followed by
            nobody and never slow; it carries infinity.
        transition: The move that giving it caused, to be published.
        overruled: In ``OBSERVE_ONLY``, the refusal that was not enforced.
    """

    generation: int
    probe: bool = False
    started: float = math.inf
    transition: Transition | None = None
    overruled: Refusal | None = None


@dataclass(frozen=True, slots=True)
class CircuitSnapshot:
    """A circuit as it stands, for people and tests.

    Attributes:
        state: Closed, open or half-open.
        mode: How far it is obeyed.
        generation: Grows with each move, and when switched off.
        calls: Calls counted in the window.
        failures: Of these, failures.
        slow: Of these, slow ones.
        consecutive: Failures since the last success.
        trips: Times it opened in a row, decayed while closed.
        open_for: Seconds until the break ends; 0 when it is over or there is none.
        probes: Probes now out.
        successes: Good probes since it became half-open.
        in_flight: Permits out that the slow-call watch follows.
        reason: Why it opened last; ``None`` when it never did.
        last_failure: What failed last.
    """

    state: State
    mode: Mode
    generation: int
    calls: int
    failures: int
    slow: int
    consecutive: int
    trips: int
    open_for: float
    probes: int
    successes: int
    in_flight: int
    reason: TripReason | None
    last_failure: str | None
