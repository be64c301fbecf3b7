"""A machine in use is used again in the same thread: by a signal handler, or by a finaliser."""

import math
from collections.abc import Callable
from itertools import count

import pytest

from tests.machines.makers import START, allowed, budget, closed, half_open, opened, pause
from tests.machines.threads import held_by_another, interrupted
from verto_resilience.machines import CircuitBreaker, Mode, Permit, State, Trigger, Verdict

OVER = START + 4.0


def _one_call(breaker: CircuitBreaker, now: float, *, bad: bool) -> None:
    answer = breaker.try_acquire(now)
    if isinstance(answer, Permit):
        breaker.record(answer, bad=bad, now=now, failure="meddled")


MEDDLERS: dict[str, Callable[[CircuitBreaker, float], object]] = {
    "good_call": lambda breaker, now: _one_call(breaker, now, bad=False),
    "bad_call": lambda breaker, now: _one_call(breaker, now, bad=True),
    "look": lambda breaker, now: breaker.snapshot(now),
    "open": lambda breaker, now: breaker.open(now),
    "reset": lambda breaker, now: breaker.reset(now),
    "force": lambda breaker, now: setattr(breaker, "mode", Mode.FORCED_OPEN),
}


def _closed() -> tuple[CircuitBreaker, float]:
    return closed(consecutive_failures=2), START


def _about_to_open() -> tuple[CircuitBreaker, float]:
    breaker = closed(consecutive_failures=2)
    _one_call(breaker, START, bad=True)
    return breaker, START


def _watching(minimum_calls: int = 100) -> tuple[CircuitBreaker, float]:
    breaker = closed(slow_call_duration=2.0, minimum_calls=minimum_calls, consecutive_failures=5)
    for number in range(4):
        allowed(breaker, START + number)
    return breaker, START + 4.0


def _about_to_open_for_slowness() -> tuple[CircuitBreaker, float]:
    return _watching(minimum_calls=3)


def _break_over() -> tuple[CircuitBreaker, float]:
    return opened(permitted_probes=2, successes_to_close=2), OVER


def _lease_over() -> tuple[CircuitBreaker, float]:
    breaker, _ = half_open(probe_lease=6.0)
    return breaker, OVER + 6.0


def _about_to_close() -> tuple[CircuitBreaker, float]:
    breaker, probe = half_open(successes_to_close=2)
    breaker.record(probe, bad=False, now=OVER)
    return breaker, OVER


def _doubting() -> tuple[CircuitBreaker, float]:
    breaker = closed()
    breaker.adopt(Verdict(State.OPEN, 7, OVER, 1, doubts=2), START)
    return breaker, START + 1.0


def _results_waiting() -> tuple[CircuitBreaker, float]:
    breaker = closed(consecutive_failures=2)
    permit = allowed(breaker, START)
    with held_by_another(breaker.lock):
        for _ in range(2):
            breaker.record(permit, bad=False, now=START)
    return breaker, START


SITUATIONS = [
    _closed,
    _about_to_open,
    _watching,
    _about_to_open_for_slowness,
    _break_over,
    _lease_over,
    _about_to_close,
    _doubting,
    _results_waiting,
]


def _work(breaker: CircuitBreaker, now: float) -> None:
    first, second = breaker.try_acquire(now), breaker.try_acquire(now)
    if isinstance(first, Permit):
        breaker.record(first, bad=False, now=now)
        breaker.fail_late(first, now=now, failure="late")
    if isinstance(second, Permit):
        breaker.record(second, bad=True, now=now, failure="worked")
    third = breaker.try_acquire(now)
    if isinstance(third, Permit):
        breaker.release(third)
    breaker.snapshot(now)


def _is_sound(breaker: CircuitBreaker, now: float) -> bool:
    window = breaker._evidence.window
    totals = [window.calls, window.failures, window.slow]
    counted = [sum(window._counts[at::3]) for at in range(3)]
    # At most three of the situation, two of the work and one of what meddles.
    are_counts = totals == counted and min(counted) >= 0 and window.calls <= 6
    may_have_door = breaker.state is State.CLOSED and breaker.mode is Mode.ENFORCE
    is_door_right = breaker._door is None or may_have_door
    return are_counts and is_door_right and len(breaker._probes) <= 2


@pytest.mark.parametrize("situation", SITUATIONS)
@pytest.mark.parametrize("meddle", MEDDLERS.values(), ids=MEDDLERS)
def test_a_circuit_in_use_may_be_used_by_what_interrupts_it(
    situation: Callable[[], tuple[CircuitBreaker, float]],
    meddle: Callable[[CircuitBreaker, float], object],
) -> None:
    """At whichever line: nothing hangs, nothing is raised, counts are sound, and it goes on."""
    for at in count():
        breaker, now = situation()

        reached = interrupted(
            lambda b=breaker, n=now: _work(b, n),  # type: ignore[misc]
            lambda b=breaker, n=now: meddle(b, n),  # type: ignore[misc]
            at=at,
        )

        assert _is_sound(breaker, now), at
        assert _opens_and_closes(breaker, now + 1000.0), at
        if not reached:
            break
    assert at > 50


def _opens_and_closes(breaker: CircuitBreaker, now: float) -> bool:
    """Whether it still does what a circuit is for."""
    breaker.mode = Mode.ENFORCE
    breaker.reset(now)
    for _ in range(5):
        _one_call(breaker, now, bad=True)
    refused = breaker.state is State.OPEN and not isinstance(breaker.try_acquire(now), Permit)
    now += breaker.snapshot(now).open_for
    for _ in range(2):
        _one_call(breaker, now, bad=False)
    return refused and breaker.state is State.CLOSED and _is_sound(breaker, now)


class Taken(list[tuple[Permit, float]]):
    """What was put down, and has been taken by somebody else after this one looked."""

    def __len__(self) -> int:
        """Look as if something were left."""
        return 1


def test_what_somebody_else_has_counted_meanwhile_is_not_missed() -> None:
    """One who finds nothing left of what was put down goes on."""
    breaker = closed()
    breaker._waiting = Taken()

    breaker.record(allowed(breaker, START), bad=False, now=START)

    assert breaker.snapshot(START).calls == 1


@pytest.mark.parametrize("trigger", [Trigger.TRIP, Trigger.PROBE_BAD, Trigger.PROBES_GOOD])
def test_a_move_that_the_table_does_not_have_is_none(trigger: Trigger) -> None:
    """A circuit that was opened meanwhile stays as it is."""
    breaker = opened()
    before = breaker.snapshot(START)

    assert breaker._move(trigger, START) is None

    assert breaker.snapshot(START) == before


def test_a_gate_in_use_may_be_closed_by_what_interrupts_it() -> None:
    """At whichever line a longer pause comes in between, it is not shortened."""
    for at in count():
        gate = pause(chance=0.5)

        def work(gate: object = gate) -> None:
            gate.hold(10.0, sent_at=START, now=START)  # type: ignore[attr-defined]
            gate.wait(START)  # type: ignore[attr-defined]
            gate.forgive(sent_at=START + 1.0)  # type: ignore[attr-defined]
            gate.snapshot(START)  # type: ignore[attr-defined]

        def meddle(gate: object = gate) -> None:
            gate.hold(20.0, sent_at=START, now=START)  # type: ignore[attr-defined]
            gate.wait(START)  # type: ignore[attr-defined]

        reached = interrupted(work, meddle, at=at)

        left = gate.remaining(START)
        assert left == (20.0 if reached else 10.0), at
        if not reached:
            break
    assert at > 20


def test_a_budget_in_use_may_be_drawn_on_by_what_interrupts_it() -> None:
    """At whichever line: nothing hangs, and it never owes more than one resend."""
    for at in count():
        bucket = budget(capacity=3.0)

        def work(bucket: object = bucket) -> None:
            for _ in range(4):
                bucket.try_withdraw(START)  # type: ignore[attr-defined]
            bucket.deposit()  # type: ignore[attr-defined]

        def meddle(bucket: object = bucket) -> None:
            bucket.deposit()  # type: ignore[attr-defined]
            bucket.try_withdraw(START)  # type: ignore[attr-defined]

        reached = interrupted(work, meddle, at=at)

        balance = bucket.balance(START)
        assert -1.0 <= balance <= 3.0, at
        assert not math.isnan(balance)
        if not reached:
            break
    assert at > 10
