from dataclasses import replace

import pytest

from tests.machines.makers import BREAKER, START, allowed, call, closed, half_open, opened, refused
from verto_resilience.machines import CircuitBreaker, Permit, State


def _change(breaker: CircuitBreaker, **changes: float | None) -> None:
    breaker.settings = replace(breaker.settings, **changes)  # type: ignore[arg-type]


def test_counts_survive_a_change() -> None:
    """Settings set while running keep what was counted."""
    breaker = closed()
    before = call(breaker, START, bad=True)

    _change(breaker, minimum_calls=50, break_duration=9.0)

    assert breaker.settings == replace(BREAKER, minimum_calls=50, break_duration=9.0)
    assert breaker.snapshot(START) == before


@pytest.mark.parametrize("shape", [{"window": 20.0}, {"buckets": 10}])
def test_a_window_of_another_shape_starts_empty(shape: dict[str, float]) -> None:
    """Old counts do not fit into new buckets; failures in a row are kept."""
    breaker = closed()
    call(breaker, START, bad=True)

    _change(breaker, **shape)

    snapshot = breaker.snapshot(START)
    assert (snapshot.calls, snapshot.failures, snapshot.consecutive) == (0, 0, 1)


def test_the_new_window_has_the_new_length() -> None:
    """Calls are counted for as long as the settings now say."""
    breaker = closed()

    _change(breaker, window=20.0)

    call(breaker, START)
    assert breaker.snapshot(START + 19.9).calls == 1
    assert breaker.snapshot(START + 20.0).calls == 0


def test_a_permit_from_before_a_change_is_still_good() -> None:
    """A change of settings is no move: results of calls on their way count."""
    breaker = closed()
    permit = allowed(breaker, START)

    _change(breaker, consecutive_failures=1)

    assert breaker.record(permit, bad=True, now=START) is not None
    assert breaker.state is State.OPEN


def test_a_lower_limit_holds_for_the_next_failure() -> None:
    """Failures in a row from before count towards the new limit."""
    breaker = closed(consecutive_failures=10, minimum_calls=50)
    for _ in range(3):
        call(breaker, START, bad=True)

    _change(breaker, consecutive_failures=4)

    assert breaker.state is State.CLOSED
    assert call(breaker, START, bad=True).state is State.OPEN


def test_a_break_that_began_keeps_its_length() -> None:
    """A shorter duration, or limit, holds from the next break on."""
    breaker = opened()

    _change(breaker, break_duration=1.0, max_break_duration=1.0)

    assert refused(breaker, START).retry_after == 4.0
    assert refused(breaker, START + 3.0).retry_after == 1.0


@pytest.mark.parametrize(("permitted", "more"), [(1, False), (3, True)])
def test_the_number_of_probes_may_change_while_they_are_out(permitted: int, more: bool) -> None:
    """More are let through at once; fewer only when enough have come back."""
    breaker, _ = half_open(permitted_probes=2)
    allowed(breaker, START + 4.0)

    _change(breaker, permitted_probes=permitted)

    assert isinstance(breaker.try_acquire(START + 4.0), Permit) is more
