import math

import pytest

from tests.machines.makers import START, allowed, call, closed, half_open, opened, refused
from tests.machines.threads import WatchedLock
from verto_resilience.machines import Mode, Permit, Refusal, State, Trigger, TripReason

OVER = START + 4.0


def test_off_counts_nothing_and_lets_everything_through() -> None:
    """Switched off, failures leave no trace, and asking takes no lock."""
    breaker = closed(mode=Mode.OFF, consecutive_failures=1)
    before = breaker.snapshot(START)
    breaker.lock = lock = WatchedLock()  # type: ignore[assignment]

    permit = allowed(breaker, START)
    assert lock.taken == 0
    assert breaker.record(permit, bad=True, now=START) is None
    assert breaker.fail_late(permit, now=START) is None
    breaker.release(permit)

    assert breaker.snapshot(START) == before


def test_off_lets_through_while_open() -> None:
    """A circuit switched off while open refuses nobody, and is open again when switched on."""
    breaker = opened()

    breaker.mode = Mode.OFF

    assert not allowed(breaker, START).probe
    assert breaker.refuses_for(START) == 0.0
    breaker.mode = Mode.ENFORCE
    assert refused(breaker, START + 1.0).retry_after == 3.0


def test_what_is_out_when_it_is_switched_off_is_not_counted() -> None:
    """Results of calls from before change nothing, neither while off nor after."""
    breaker = closed(consecutive_failures=1)
    permit = allowed(breaker, START)

    breaker.mode = Mode.OFF

    before = breaker.snapshot(START)
    assert breaker.record(permit, bad=True, now=START) is None
    assert breaker.snapshot(START) == before
    breaker.mode = Mode.ENFORCE
    assert breaker.record(permit, bad=True, now=START) is None
    assert breaker.state is State.CLOSED


def test_a_probe_that_is_out_when_it_is_switched_off_frees_its_place() -> None:
    """Switched on again, the half-open circuit lets the next probe through at once."""
    breaker, _ = half_open()

    breaker.mode = Mode.OFF
    breaker.mode = Mode.ENFORCE

    assert breaker.state is State.HALF_OPEN
    assert allowed(breaker, OVER).probe


def test_counts_are_kept_while_off() -> None:
    """Failures in a row from before are still in a row."""
    breaker = closed(consecutive_failures=2)
    call(breaker, START, bad=True)

    breaker.mode = Mode.OFF
    call(breaker, START, bad=False)
    breaker.mode = Mode.ENFORCE

    assert call(breaker, START, bad=True).state is State.OPEN


@pytest.mark.parametrize("state", list(State))
def test_forced_open_refuses_everything(state: State) -> None:
    """In whatever state it is, nobody gets through, for an unknown time, by a person's order."""
    breaker, _ = half_open()
    if state is State.CLOSED:
        breaker.reset(OVER)
    elif state is State.OPEN:
        breaker.open(OVER)

    breaker.mode = Mode.FORCED_OPEN

    assert refused(breaker, OVER + 1e6) == Refusal(State.OPEN, None, TripReason.MANUAL, "first")
    assert breaker.refuses_for(OVER + 1e6) == math.inf
    assert breaker.state is state


def test_no_longer_forced_open_it_is_where_it_was() -> None:
    """The mode is configuration: state, counts and generation are kept."""
    breaker = closed(consecutive_failures=2)
    before = call(breaker, START, bad=True)

    breaker.mode = Mode.FORCED_OPEN
    refused(breaker, START)
    breaker.mode = Mode.ENFORCE

    assert breaker.snapshot(START) == before
    assert call(breaker, START, bad=True).state is State.OPEN


def test_calls_on_their_way_count_while_forced_open() -> None:
    """Forcing it open stops no calls that were let through, nor what they tell."""
    breaker = closed(consecutive_failures=1)
    permit = allowed(breaker, START)

    breaker.mode = Mode.FORCED_OPEN

    assert breaker.record(permit, bad=True, now=START) is not None
    assert breaker.state is State.OPEN


def test_observed_only_it_moves_and_refuses_nothing() -> None:
    """An open circuit lets the call through, uncounted, and tells what it would have refused."""
    breaker = opened(mode=Mode.OBSERVE_ONLY)
    before = breaker.snapshot(START + 1.0)

    permit = allowed(breaker, START + 1.0)

    assert permit.overruled == Refusal(State.OPEN, 3.0, TripReason.CONSECUTIVE_FAILURES, "first")
    assert not permit.probe
    assert breaker.refuses_for(START + 1.0) == 0.0
    breaker.record(permit, bad=True, now=START + 1.0)
    assert breaker.snapshot(START + 1.0) == before


def test_a_permit_that_overrules_belongs_to_no_generation() -> None:
    """Its generation is 0, by which the caller knows that nobody counts it."""
    breaker = opened(mode=Mode.OBSERVE_ONLY)

    assert allowed(breaker, START + 1.0).generation == 0


def test_observed_only_it_probes_and_closes() -> None:
    """When the break is over the next call is the probe, others go uncounted beside it."""
    breaker = opened(mode=Mode.OBSERVE_ONLY, successes_to_close=1)

    probe, beside = allowed(breaker, OVER), allowed(breaker, OVER)

    assert probe.probe
    assert probe.overruled is None
    assert beside.overruled is not None
    assert beside.overruled.state is State.HALF_OPEN
    assert breaker.record(beside, bad=True, now=OVER) is None
    moved = breaker.record(probe, bad=False, now=OVER)
    assert moved is not None
    assert moved.trigger is Trigger.PROBES_GOOD


def test_observed_only_a_closed_circuit_counts() -> None:
    """Thresholds are tried on live traffic as if enforced."""
    breaker = closed(mode=Mode.OBSERVE_ONLY, consecutive_failures=2)
    call(breaker, START, bad=True)

    assert call(breaker, START, bad=True).state is State.OPEN


def test_enforced_from_now_on_it_refuses_from_now_on() -> None:
    """Changed while open, the very next question is refused."""
    breaker = opened(mode=Mode.OBSERVE_ONLY)
    allowed(breaker, START)

    breaker.mode = Mode.ENFORCE

    assert breaker.mode is Mode.ENFORCE
    refused(breaker, START)


def test_changing_the_mode_waits_for_its_turn() -> None:
    """Mode and settings change under the lock."""
    breaker = closed()
    breaker.lock = lock = WatchedLock()  # type: ignore[assignment]

    breaker.mode = Mode.OBSERVE_ONLY
    breaker.settings = breaker.settings

    assert lock.taken == 2


def test_one_who_waited_for_the_lock_finds_it_closed() -> None:
    """Asked while half-open and answered after it closed, the answer is the shared permit."""
    breaker, probe = half_open(successes_to_close=1)

    class Closing(WatchedLock):
        def __enter__(self) -> None:
            super().__enter__()
            if breaker.state is State.HALF_OPEN:
                breaker._record_probe(probe, bad=False, now=OVER, failure=None)

    breaker.lock = Closing()  # type: ignore[assignment]

    answer = breaker.try_acquire(OVER)

    assert isinstance(answer, Permit)
    assert answer is breaker.try_acquire(OVER)
    breaker.record(answer, bad=False, now=OVER + 100.0)
    assert breaker.snapshot(OVER + 100.0).calls == 1
