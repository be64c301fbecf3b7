"""Machines with small numbers, so that a test reaches every corner in a few steps."""

from dataclasses import replace
from typing import Any

from verto_resilience.machines import (
    BreakerSettings,
    BudgetSettings,
    CircuitBreaker,
    CircuitSnapshot,
    Mode,
    Pause,
    PauseSettings,
    Permit,
    Refusal,
    RetryBudget,
)

START = 1000.0

BREAKER = BreakerSettings(
    window=10.0,
    buckets=5,
    minimum_calls=4,
    failure_rate_threshold=0.5,
    consecutive_failures=None,
    slow_call_duration=None,
    slow_call_rate_threshold=0.5,
    break_duration=4.0,
    break_growth=2.0,
    max_break_duration=16.0,
    break_jitter=0.0,
    break_decay=20.0,
    permitted_probes=1,
    successes_to_close=2,
    probe_lease=6.0,
)
PAUSE = PauseSettings(max_pause=60.0, ramp=1.0, backoff_base=0.5, backoff_limit=8.0)
BUDGET = BudgetSettings(capacity=3.0, deposit=0.5, trickle=0.25)


def closed(*, chance: float = 0.0, mode: Mode = Mode.ENFORCE, **changes: Any) -> CircuitBreaker:
    """Make a new breaker, with these settings changed."""
    return CircuitBreaker(replace(BREAKER, **changes), chance=lambda: chance, mode=mode)


def opened(*, chance: float = 0.0, mode: Mode = Mode.ENFORCE, **changes: Any) -> CircuitBreaker:
    """Make a breaker that was opened at START by one failure."""
    breaker = closed(chance=chance, mode=mode, **{"consecutive_failures": 1, **changes})
    breaker.record(allowed(breaker, START), bad=True, now=START, failure="first")
    return breaker


def half_open(**changes: Any) -> tuple[CircuitBreaker, Permit]:
    """Make a breaker whose break ended at START + 4, with the first probe out since then."""
    breaker = opened(**changes)
    return breaker, allowed(breaker, START + 4.0)


def allowed(breaker: CircuitBreaker, now: float) -> Permit:
    """Ask, and expect a permit."""
    answer = breaker.try_acquire(now)
    assert isinstance(answer, Permit), answer
    return answer


def refused(breaker: CircuitBreaker, now: float) -> Refusal:
    """Ask, and expect a refusal."""
    answer = breaker.try_acquire(now)
    assert isinstance(answer, Refusal), answer
    return answer


def call(
    breaker: CircuitBreaker, now: float, *, bad: bool = False, took: float = 0.0
) -> CircuitSnapshot:
    """Make one whole call, and give the state after it."""
    permit = allowed(breaker, now)
    breaker.record(permit, bad=bad, now=now + took, failure="failed" if bad else None)
    return breaker.snapshot(now + took)


def pause(*, chance: float = 0.0, **changes: float) -> Pause:
    """Make an open gate, with these settings changed."""
    return Pause(replace(PAUSE, **changes), chance=lambda: chance)


def budget(**changes: float) -> RetryBudget:
    """Make a full budget, with these settings changed."""
    return RetryBudget(replace(BUDGET, **changes))
