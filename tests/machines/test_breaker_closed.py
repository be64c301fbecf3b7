import math

import pytest

from tests.machines.makers import START, allowed, call, closed, opened
from tests.machines.threads import WatchedLock
from verto_resilience.machines import State, Transition, Trigger, TripReason


def test_it_starts_closed_with_nothing_counted() -> None:
    """A new circuit lets calls through and has no past."""
    breaker = closed()

    snapshot = breaker.snapshot(START)

    assert breaker.state is State.CLOSED
    assert snapshot.generation == 1
    assert (snapshot.calls, snapshot.failures, snapshot.slow, snapshot.consecutive) == (0, 0, 0, 0)
    assert (snapshot.trips, snapshot.open_for, snapshot.probes, snapshot.successes) == (0, 0, 0, 0)
    assert (snapshot.reason, snapshot.last_failure, snapshot.in_flight) == (None, None, 0)
    assert breaker.refuses_for(START) == 0.0


def test_it_counts_calls_and_failures() -> None:
    """Each recorded call is counted once, and a failure also as failure."""
    breaker = closed()

    call(breaker, START)
    call(breaker, START, bad=True)
    snapshot = call(breaker, START)

    assert (snapshot.calls, snapshot.failures) == (3, 1)
    assert snapshot.last_failure == "failed"


@pytest.mark.parametrize("limit", [1, 2, 5])
def test_failures_in_a_row_open_it(limit: int) -> None:
    """The last of the permitted failures in a row trips, and no earlier one."""
    breaker = closed(consecutive_failures=limit, minimum_calls=100)
    for _ in range(limit - 1):
        assert call(breaker, START, bad=True).state is State.CLOSED

    moved = breaker.record(allowed(breaker, START), bad=True, now=START, failure="reset")

    assert moved == Transition(
        State.CLOSED, State.OPEN, Trigger.TRIP, TripReason.CONSECUTIVE_FAILURES, 4.0, 2, "reset"
    )
    assert breaker.snapshot(START).reason is TripReason.CONSECUTIVE_FAILURES


def test_a_success_ends_a_row_of_failures() -> None:
    """Failures are in a row only while no call succeeds between them."""
    breaker = closed(consecutive_failures=2, minimum_calls=100)
    call(breaker, START, bad=True)

    assert call(breaker, START).consecutive == 0
    assert call(breaker, START, bad=True).state is State.CLOSED


def test_a_row_of_failures_may_be_older_than_the_window() -> None:
    """Failures in a row are counted whatever time lies between them."""
    breaker = closed(consecutive_failures=2, minimum_calls=100)
    call(breaker, START, bad=True)

    assert call(breaker, START + 3600.0, bad=True).state is State.OPEN


def test_without_a_limit_a_row_alone_does_not_open_it() -> None:
    """None switches the counting in a row off."""
    breaker = closed(consecutive_failures=None, minimum_calls=100)

    for _ in range(50):
        call(breaker, START, bad=True)

    assert breaker.state is State.CLOSED


def test_a_rate_at_the_threshold_opens_it() -> None:
    """Exactly the threshold's share of failures trips."""
    breaker = closed(minimum_calls=4, failure_rate_threshold=0.5)
    for bad in (False, False, True):
        call(breaker, START, bad=bad)

    moved = breaker.record(allowed(breaker, START), bad=True, now=START, failure="503")

    assert moved == Transition(
        State.CLOSED, State.OPEN, Trigger.TRIP, TripReason.FAILURE_RATE, 4.0, 2, "503"
    )


def test_a_rate_below_the_threshold_does_not_open_it() -> None:
    """One failure fewer than the threshold's share is let pass."""
    breaker = closed(minimum_calls=4, failure_rate_threshold=0.5)

    for bad in (False, False, False, True, True):
        call(breaker, START, bad=bad)

    assert breaker.state is State.CLOSED


def test_fewer_calls_than_the_minimum_tell_nothing() -> None:
    """At low traffic a rate, however high, does not open a circuit."""
    breaker = closed(minimum_calls=4)

    for _ in range(3):
        call(breaker, START, bad=True)

    assert breaker.state is State.CLOSED
    assert call(breaker, START, bad=True).state is State.OPEN


@pytest.mark.parametrize(
    ("failures", "calls", "threshold"), [(7, 100, 0.07), (14, 100, 0.14), (29, 100, 0.29)]
)
def test_a_rate_is_exact_to_the_last_digit(failures: int, calls: int, threshold: float) -> None:
    """7 failures of 100 reach a threshold of 0.07, though 0.07 * 100 is more than 7 in floats."""
    breaker = closed(minimum_calls=calls, failure_rate_threshold=threshold)
    for _ in range(calls - failures):
        call(breaker, START)

    for _ in range(failures):
        call(breaker, START, bad=True)

    assert breaker.snapshot(START).reason is TripReason.FAILURE_RATE


def test_a_success_never_opens_it() -> None:
    """A rate is looked at when a call fails, not when the last one that was missing succeeds."""
    breaker = closed(minimum_calls=4)
    for _ in range(3):
        call(breaker, START, bad=True)

    assert call(breaker, START).state is State.CLOSED


def test_failures_older_than_the_window_do_not_count() -> None:
    """What left the window is in no rate."""
    breaker = closed(minimum_calls=4)
    for _ in range(3):
        call(breaker, START, bad=True)

    snapshot = call(breaker, START + 10.0, bad=True)

    assert snapshot.state is State.CLOSED
    assert (snapshot.calls, snapshot.failures) == (1, 1)


def test_a_snapshot_shows_the_window_as_it_is_now() -> None:
    """Counts that became too old since the last call are not shown."""
    breaker = closed()
    call(breaker, START, bad=True)

    assert breaker.snapshot(START + 9.9).calls == 1
    assert breaker.snapshot(START + 10.0).calls == 0


def test_a_released_permit_counts_nothing() -> None:
    """An attempt that says nothing about the origin leaves the circuit as it was."""
    breaker = closed(consecutive_failures=2)
    call(breaker, START, bad=True)
    before = breaker.snapshot(START)

    breaker.release(allowed(breaker, START))

    assert breaker.snapshot(START) == before


def test_a_body_that_fails_late_makes_a_failure_of_its_call() -> None:
    """An attempt recorded good that fails since is one call and one failure."""
    breaker = closed(minimum_calls=4)
    permit = allowed(breaker, START)
    breaker.record(permit, bad=False, now=START)

    moved = breaker.fail_late(permit, now=START + 1.0, failure="truncated")

    snapshot = breaker.snapshot(START + 1.0)
    assert moved is None
    assert (snapshot.calls, snapshot.failures, snapshot.consecutive) == (1, 1, 1)
    assert snapshot.last_failure == "truncated"


def test_failures_in_a_row_go_on_when_a_body_fails_late() -> None:
    """A good result that turns out bad does not end the row, and counts in it once."""
    breaker = closed(consecutive_failures=4, failure_rate_threshold=1.0)
    call(breaker, START, bad=True)
    call(breaker, START, bad=True)
    permit = allowed(breaker, START)
    breaker.record(permit, bad=False, now=START)

    breaker.fail_late(permit, now=START + 1.0)

    assert breaker.snapshot(START + 1.0).consecutive == 3
    assert call(breaker, START + 1.0, bad=True).reason is TripReason.CONSECUTIVE_FAILURES


def test_bodies_that_fail_late_open_it() -> None:
    """A share of truncated bodies trips like a share of failed calls."""
    breaker = closed(minimum_calls=4, failure_rate_threshold=1.0)
    permits = [allowed(breaker, START) for _ in range(4)]
    for permit in permits:
        breaker.record(permit, bad=False, now=START)

    moves = [breaker.fail_late(permit, now=START) for permit in permits]

    assert moves[:3] == [None, None, None]
    assert moves[3] is not None
    assert moves[3].reason is TripReason.FAILURE_RATE


def test_a_late_failure_without_its_call_in_the_window_is_no_rate() -> None:
    """A body that fails when its call has left the window divides by nothing."""
    breaker = closed(minimum_calls=1)
    permit = allowed(breaker, START)
    breaker.record(permit, bad=False, now=START)

    assert breaker.fail_late(permit, now=START + 60.0) is None
    assert breaker.snapshot(START + 60.0).failures == 1


def test_a_result_from_before_a_move_changes_nothing() -> None:
    """A call let through while closed that ends while open leaves the snapshot equal."""
    breaker = closed(consecutive_failures=1)
    stale = allowed(breaker, START)
    call(breaker, START, bad=True)
    before = breaker.snapshot(START + 1.0)

    for bad in (True, False):
        assert breaker.record(stale, bad=bad, now=START + 1.0, failure="stale") is None
    assert breaker.fail_late(stale, now=START + 1.0, failure="stale") is None
    breaker.release(stale)

    assert breaker.snapshot(START + 1.0) == before


def test_health_takes_trips_back() -> None:
    """One trip in a row is forgotten for each stretch that it stays closed, and none too early."""
    breaker = opened(successes_to_close=1, break_decay=20.0, consecutive_failures=1)
    call(breaker, START + 4.0)
    call(breaker, START + 4.0, bad=True)
    call(breaker, START + 12.0)
    closed_at = START + 12.0

    left = [
        breaker.snapshot(closed_at + after).trips
        for after in (0.0, math.nextafter(20.0, 0.0) - 1e-9, 20.0, 39.0, 40.0, 1e9)
    ]

    assert left == [2, 2, 1, 1, 0, 0]


def test_quick_decay_takes_nothing_back_before_its_time() -> None:
    """A circuit that closed this instant has all its trips, however short the stretch is set."""
    breaker = opened(successes_to_close=1, break_decay=1.0)

    call(breaker, START + 4.0)

    assert breaker.snapshot(START + 4.0).trips == 1
    assert breaker.snapshot(START + 5.0).trips == 0


def test_a_break_after_health_is_short_again() -> None:
    """What health took back no longer lengthens the next break."""
    breaker = opened(successes_to_close=1, break_decay=20.0, consecutive_failures=1)
    call(breaker, START + 4.0)

    assert call(breaker, START + 24.0, bad=True).open_for == 4.0


def test_a_clock_that_goes_backwards_adds_no_trips() -> None:
    """Time lost while closed is no health, and no illness."""
    breaker = opened(successes_to_close=1, consecutive_failures=1)
    call(breaker, START + 4.0)

    snapshot = call(breaker, START - 3600.0, bad=True)

    assert snapshot.trips == 2
    assert snapshot.open_for == 8.0


def test_asking_while_closed_takes_no_lock() -> None:
    """Whoever asks while all is well waits for no other thread, and is given a shared permit."""
    breaker = closed()
    breaker.lock = lock = WatchedLock()  # type: ignore[assignment]

    first, second = breaker.try_acquire(START), breaker.try_acquire(START + 1.0)

    assert lock.taken == 0
    assert first is second


def test_a_look_takes_no_lock() -> None:
    """State, mode, idleness and the time it refuses can be read without waiting."""
    breaker = opened()
    breaker.lock = lock = WatchedLock()  # type: ignore[assignment]

    assert breaker.state is State.OPEN
    assert breaker.refuses_for(START) == 4.0
    assert breaker.busy_until() == START + 4.0 + 6.0
    assert lock.taken == 0


def test_only_a_closed_circuit_can_be_spared() -> None:
    """What is open would be lost by forgetting it; counts may be lost."""
    breaker = closed(consecutive_failures=2, probe_lease=6.0)
    call(breaker, START, bad=True)
    assert breaker.busy_until() == -math.inf

    call(breaker, START, bad=True)

    assert breaker.busy_until() == START + 4.0 + 6.0


def test_its_repr_shows_where_it_stands() -> None:
    """State, mode and generation can be read in a debugger."""
    assert repr(opened()) == "<CircuitBreaker open enforce generation=2>"
