from dataclasses import replace

import pytest

from tests.machines.makers import BREAKER, START
from verto_resilience.machines import Permit, TripReason
from verto_resilience.machines._evidence import Evidence


def _evidence(**changes: object) -> Evidence:
    return Evidence(replace(BREAKER, **changes))  # type: ignore[arg-type]


def _count(
    evidence: Evidence, *, bad: bool = False, slow: bool = False, known: bool = False
) -> TripReason | None:
    return evidence.count(bad=bad, slow=slow, known=known, now=START)


def test_failures_in_a_row_are_a_reason() -> None:
    """The last of so many, and no earlier one; a good call in between begins a new row."""
    evidence = _evidence(consecutive_failures=2)

    reasons = [_count(evidence, bad=bad) for bad in (True, False, True, True)]

    assert reasons == [None, None, None, TripReason.CONSECUTIVE_FAILURES]


def test_a_good_call_that_fails_late_goes_on_with_the_row_it_ended() -> None:
    """The failures before it count with it."""
    evidence = _evidence(consecutive_failures=2)
    _count(evidence, bad=True)
    evidence.count_good(START)

    assert evidence.count_late_failure(START) is TripReason.CONSECUTIVE_FAILURES
    assert (evidence.window.calls, evidence.window.failures) == (2, 2)


def test_the_row_that_a_good_call_ended_goes_on_once() -> None:
    """Another that fails late adds itself alone."""
    evidence = _evidence(consecutive_failures=4)
    _count(evidence, bad=True)
    evidence.count_good(START)
    evidence.count_late_failure(START)

    assert evidence.count_late_failure(START) is None
    assert evidence.consecutive == 3


def test_a_rate_is_a_reason_once_there_are_enough_calls() -> None:
    """Half of four calls, and not two of two."""
    evidence = _evidence(minimum_calls=4, failure_rate_threshold=0.5)

    reasons = [_count(evidence, bad=bad) for bad in (True, False, False, True)]

    assert reasons == [None, None, None, TripReason.FAILURE_RATE]


def test_a_call_known_to_be_slow_is_only_counted_as_a_failure() -> None:
    """It stands in the window already."""
    evidence = _evidence()

    _count(evidence, bad=True, slow=True, known=True)

    window = evidence.window
    assert (window.calls, window.failures, window.slow) == (0, 1, 0)


@pytest.mark.parametrize(("duration", "slow"), [(2.0, 1), (None, 0)])
def test_without_a_duration_nobody_is_overdue(duration: float | None, slow: int) -> None:
    """A call that is followed and hangs is slow only where slowness has a measure."""
    evidence = _evidence(slow_call_duration=duration, minimum_calls=1)
    evidence.in_flight.enter(Permit(1, started=START))

    reason = evidence.count_overdue(START + 2.0)

    assert reason is (TripReason.SLOW_CALL_RATE if slow else None)
    assert evidence.window.slow == slow


def test_forgotten_it_counts_anew() -> None:
    """Rows and rates begin again, and who is followed stays followed."""
    evidence = _evidence(consecutive_failures=3)
    evidence.in_flight.enter(Permit(1, started=START))
    _count(evidence, bad=True)
    _count(evidence, bad=True)
    _count(evidence)

    evidence.forget()

    assert evidence.consecutive == evidence.window.calls == 0
    assert evidence.count_late_failure(START) is None
    assert len(evidence.in_flight) == 1
