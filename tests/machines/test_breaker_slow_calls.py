import math
from dataclasses import replace
from functools import partial

import pytest

from tests.machines.makers import BREAKER, START, allowed, call, closed, half_open, refused
from verto_resilience.machines import (
    CircuitBreaker,
    Mode,
    Permit,
    State,
    Transition,
    Trigger,
    TripReason,
)

watching = partial(closed, slow_call_duration=2.0)


def _counts(breaker: CircuitBreaker, now: float) -> tuple[int, int, int]:
    snapshot = breaker.snapshot(now)
    return snapshot.calls, snapshot.failures, snapshot.slow


@pytest.mark.parametrize(
    ("took", "slow"), [(0.0, 0), (math.nextafter(2.0, 0.0), 0), (2.0, 1), (3.0, 1)]
)
def test_a_call_is_slow_from_the_duration_on(took: float, slow: int) -> None:
    """A call that takes exactly the duration is slow, one an instant shorter is not."""
    breaker = watching()
    permit = allowed(breaker, 0.0)

    breaker.record(permit, bad=False, now=took)

    assert _counts(breaker, took) == (1, 0, slow)


def test_without_a_duration_nothing_is_slow() -> None:
    """None switches the feature off: nobody is followed."""
    breaker = closed(slow_call_duration=None)

    snapshot = call(breaker, START, took=1e6)

    assert (snapshot.calls, snapshot.slow, snapshot.in_flight) == (1, 0, 0)


def test_slow_calls_open_it() -> None:
    """A share of slow calls at the threshold trips, though none of them failed."""
    breaker = watching(minimum_calls=4, slow_call_rate_threshold=0.5)
    for took in (0.0, 0.0, 2.0):
        call(breaker, START, took=took)
    permit = allowed(breaker, START + 2.0)

    moved = breaker.record(permit, bad=False, now=START + 4.0)

    assert moved == Transition(
        State.CLOSED, State.OPEN, Trigger.TRIP, TripReason.SLOW_CALL_RATE, 4.0, 2, None
    )


def test_few_slow_calls_do_not_open_it() -> None:
    """Below the minimum of calls, or below the share, slow calls are let pass."""
    breaker = watching(minimum_calls=4)

    for took in (2.0, 2.0, 2.0):
        call(breaker, START, took=took)
    assert breaker.state is State.CLOSED

    breaker.reset(START + 2.0)
    for took in (0.0, 0.0, 0.0, 2.0):
        call(breaker, START + 2.0, took=took)
    assert breaker.state is State.CLOSED


def test_calls_that_are_disowned_are_nobody_s() -> None:
    """They are never slow, and whoever ends one after all counts nothing."""
    breaker = watching(minimum_calls=1)
    permit = allowed(breaker, START)

    breaker.disown_calls()

    allowed(breaker, START + 2.0)
    assert breaker.record(permit, bad=True, now=START + 2.0) is None
    snapshot = breaker.snapshot(START + 2.0)
    assert (snapshot.calls, snapshot.slow, snapshot.in_flight) == (0, 0, 1)


def test_calls_still_out_are_slow_before_they_end() -> None:
    """Calls that hang open the circuit when the next one asks, before any of them returned."""
    breaker = watching(minimum_calls=4)
    for _ in range(4):
        allowed(breaker, START)
    assert breaker.snapshot(START + 2.0).in_flight == 4

    refusal = refused(breaker, START + 2.0)

    assert refusal.state is State.OPEN
    assert refusal.retry_after == 4.0
    assert refusal.transition == Transition(
        State.CLOSED, State.OPEN, Trigger.TRIP, TripReason.SLOW_CALL_RATE, 4.0, 2, None
    )
    assert breaker.snapshot(START + 2.0).in_flight == 0


def test_calls_still_out_are_not_slow_too_early() -> None:
    """An instant before the duration they count for nothing."""
    breaker = watching(minimum_calls=4)
    for _ in range(4):
        allowed(breaker, 0.0)

    allowed(breaker, math.nextafter(2.0, 0.0))

    assert _counts(breaker, 1.9) == (0, 0, 0)


def test_observed_only_a_circuit_opened_by_hanging_calls_lets_through() -> None:
    """Not enforced, the question that trips it is answered with a permit that tells the move."""
    breaker = watching(minimum_calls=1, mode=Mode.OBSERVE_ONLY)
    allowed(breaker, START)

    permit = allowed(breaker, START + 2.0)

    assert permit.overruled is not None
    assert permit.transition is not None
    assert permit.transition == permit.overruled.transition
    assert permit.transition.reason is TripReason.SLOW_CALL_RATE


@pytest.mark.parametrize("bad", [True, False])
def test_a_call_that_was_counted_as_slow_is_not_counted_again(bad: bool) -> None:
    """When it ends, only its failure is news."""
    breaker = watching()
    permit = allowed(breaker, START)
    allowed(breaker, START + 2.0)
    assert _counts(breaker, START + 2.0) == (1, 0, 1)

    breaker.record(permit, bad=bad, now=START + 3.0)

    assert _counts(breaker, START + 3.0) == (1, int(bad), 1)
    assert breaker.snapshot(START + 3.0).consecutive == int(bad)


def test_a_slow_success_ends_a_row_of_failures() -> None:
    """Slow is not failed."""
    breaker = watching(consecutive_failures=2)
    call(breaker, START, bad=True)

    assert call(breaker, START, took=3.0).consecutive == 0


def test_a_slow_failure_is_both() -> None:
    """A call that fails late in time is counted as failure and as slow."""
    breaker = watching()

    snapshot = call(breaker, START, bad=True, took=3.0)

    assert (snapshot.calls, snapshot.failures, snapshot.slow) == (1, 1, 1)


def test_a_slow_failure_may_trip_either_way() -> None:
    """Failures are judged first; where they do not suffice, slowness is judged."""
    failing = watching(consecutive_failures=1)
    slow = watching(minimum_calls=1, failure_rate_threshold=1.0)
    call(slow, START)

    assert call(failing, START, bad=True, took=3.0).reason is TripReason.CONSECUTIVE_FAILURES
    assert call(slow, START, bad=True, took=3.0).reason is TripReason.SLOW_CALL_RATE


def test_a_failure_in_time_does_not_judge_slowness() -> None:
    """A share of slow calls is looked at when a slow one is added."""
    breaker = watching(minimum_calls=2, slow_call_rate_threshold=0.5, failure_rate_threshold=1.0)
    call(breaker, START, took=2.0)

    assert call(breaker, START + 2.0, bad=True).state is State.CLOSED


def test_a_question_alone_does_not_judge_slowness() -> None:
    """When quick calls leave the window, the slow ones that remain trip nothing by themselves."""
    breaker = watching(minimum_calls=2, slow_call_rate_threshold=0.5)
    for _ in range(3):
        call(breaker, START)
    call(breaker, START + 4.0, took=2.0)
    call(breaker, START + 6.0, took=2.0)
    assert _counts(breaker, START + 10.0) == (2, 0, 2)

    allowed(breaker, START + 10.0)

    assert breaker.state is State.CLOSED


def test_a_released_call_is_followed_no_more() -> None:
    """A call given back uncounted does not become slow."""
    breaker = watching()

    breaker.release(allowed(breaker, START))
    allowed(breaker, START + 5.0)

    assert _counts(breaker, START + 5.0) == (0, 0, 0)


@pytest.mark.parametrize("bad", [True, False])
@pytest.mark.parametrize("wait", [0.0, 2.0])
def test_a_followed_call_recorded_twice_counts_once(wait: float, bad: bool) -> None:
    """A second result leaves the snapshot equal, slow or not, and so does one after a release."""
    breaker = watching()
    recorded, released = allowed(breaker, START), allowed(breaker, START)
    allowed(breaker, START + wait)
    breaker.record(recorded, bad=False, now=START + wait)
    breaker.release(released)
    before = breaker.snapshot(START + wait)

    for permit in (recorded, released):
        assert breaker.record(permit, bad=bad, now=START + wait, failure="again") is None

    assert breaker.snapshot(START + wait) == before


def test_a_call_whose_owner_vanished_is_followed_no_more() -> None:
    """After the lease beyond the duration it is taken for lost, and is not out any more."""
    breaker = watching(probe_lease=6.0)
    allowed(breaker, START)
    breaker.release(allowed(breaker, START + 2.0))
    breaker.release(allowed(breaker, START + 7.9))
    assert breaker.snapshot(START + 7.9).in_flight == 1

    breaker.release(allowed(breaker, START + 8.0))

    assert breaker.snapshot(START + 8.0).in_flight == 0


@pytest.mark.parametrize("bad", [True, False])
def test_a_call_taken_for_lost_still_counts_when_it_comes_back(bad: bool) -> None:
    """A timeout longer than duration and lease together is a failure, and slow only once."""
    breaker = watching(probe_lease=6.0)
    late = allowed(breaker, START)
    breaker.release(allowed(breaker, START + 8.0))
    assert _counts(breaker, START + 9.0) == (1, 0, 1)

    breaker.record(late, bad=bad, now=START + 9.0, failure="timeout")
    breaker.record(late, bad=True, now=START + 9.0, failure="again")

    assert _counts(breaker, START + 9.0) == (1, int(bad), 1)
    assert breaker.snapshot(START + 9.0).consecutive == int(bad)
    assert breaker.snapshot(START + 9.0).last_failure == ("timeout" if bad else None)


def test_a_followed_call_may_fail_late() -> None:
    """A body that breaks off after a good record is one call and one failure, and not slow."""
    breaker = watching()
    permit = allowed(breaker, START)
    breaker.record(permit, bad=False, now=START)

    breaker.fail_late(permit, now=START + 5.0, failure="truncated")

    assert _counts(breaker, START + 5.0) == (1, 1, 0)


@pytest.mark.parametrize(("took", "state"), [(1.9, State.HALF_OPEN), (2.0, State.OPEN)])
def test_a_slow_probe_is_a_bad_one(took: float, state: State) -> None:
    """A probe that succeeds too slowly opens the circuit again; the last failure stays."""
    breaker, probe = half_open(slow_call_duration=2.0)

    breaker.record(probe, bad=False, now=probe.started + took)

    assert breaker.state is state
    assert breaker.snapshot(probe.started + took).last_failure == "first"


def test_set_while_running_it_counts_only_calls_it_follows() -> None:
    """A call let through before a duration was set is never slow, and is counted."""
    breaker = closed()
    before: Permit = allowed(breaker, START)

    breaker.settings = replace(BREAKER, slow_call_duration=2.0)

    breaker.record(before, bad=False, now=START + 9.0)
    assert _counts(breaker, START + 9.0) == (1, 0, 0)
    assert call(breaker, START + 9.0, took=2.0).slow == 1


@pytest.mark.parametrize("bad", [True, False])
def test_unset_while_running_it_follows_nobody_any_more(bad: bool) -> None:
    """Calls that are out when the duration is taken away are counted, and leave nothing behind."""
    breaker = watching()
    permits = [allowed(breaker, START) for _ in range(3)]

    breaker.settings = replace(BREAKER, slow_call_duration=None)
    for permit in permits:
        breaker.record(permit, bad=bad, now=START + 9.0)

    assert _counts(breaker, START + 9.0) == (3, 3 * bad, 0)
    assert breaker.snapshot(START + 9.0).in_flight == 0
    breaker.settings = replace(BREAKER, slow_call_duration=2.0)
    allowed(breaker, START + 9.0)
    assert _counts(breaker, START + 9.0) == (3, 3 * bad, 0)
