import math
from collections.abc import Callable

import pytest

from tests.machines.makers import START, allowed, call, closed, half_open, opened, pause, refused
from verto_resilience.machines import (
    CircuitBreaker,
    Mode,
    Pausing,
    State,
    Transition,
    Trigger,
    TripReason,
    Verdict,
)

OPEN = Verdict(State.OPEN, 7, START + 9.0, 3, TripReason.FAILURE_RATE, "503")
CLOSED = Verdict(State.CLOSED, 8, trips=2)


def _said(breaker: CircuitBreaker, now: float, generation: int) -> Verdict:
    """Have the fleet take in what a breaker has to say."""
    verdict = breaker.unsaid(now)
    assert verdict is not None
    breaker.agreed(verdict, generation)
    return verdict


def test_a_closed_circuit_opens_as_it_has_opened_elsewhere() -> None:
    """It refuses until the fleet's break is over, for the fleet's reason, and tells the move."""
    breaker = closed()

    moved = breaker.adopt(OPEN, START)

    assert moved == Transition(
        State.CLOSED,
        State.OPEN,
        Trigger.OPENED_ELSEWHERE,
        TripReason.FAILURE_RATE,
        9.0,
        2,
        "503",
    )
    refusal = refused(breaker, START + 1.0)
    assert (refusal.retry_after, refusal.reason, refusal.last_failure) == (
        8.0,
        TripReason.FAILURE_RATE,
        "503",
    )
    assert breaker.snapshot(START).trips == 3


def test_trips_in_a_row_go_on_where_the_fleet_has_counted() -> None:
    """The next break is as long as after as many trips here."""
    breaker = closed(max_break_duration=100.0)
    breaker.adopt(OPEN, START)

    moved = breaker.record(allowed(breaker, START + 9.0), bad=True, now=START + 9.0)

    assert moved is not None
    assert moved.break_duration == 32.0


@pytest.mark.parametrize("generation", [6, 7])
def test_a_verdict_that_is_not_newer_changes_nothing(generation: int) -> None:
    """The same again, and an older one that comes late, leave everything as it is."""
    breaker = closed()
    breaker.adopt(OPEN, START)
    before = breaker.snapshot(START)

    for state in (State.OPEN, State.CLOSED):
        assert breaker.adopt(Verdict(state, generation, START + 50.0, 9), START) is None

    assert breaker.snapshot(START) == before
    assert breaker.heard == 7


def test_a_result_from_before_the_verdict_is_stale() -> None:
    """A call that was out while the circuit opened elsewhere is counted by nobody."""
    breaker = closed()
    permit = allowed(breaker, START)
    breaker.adopt(OPEN, START)
    before = breaker.snapshot(START)

    assert breaker.record(permit, bad=True, now=START) is None
    assert breaker.snapshot(START) == before


def test_an_open_circuit_takes_the_break_of_the_fleet_without_a_move() -> None:
    """Two that open at the same time end with one break, and it is told once."""
    breaker = opened()

    assert breaker.adopt(OPEN, START + 1.0) is None

    snapshot = breaker.snapshot(START + 1.0)
    assert (snapshot.open_for, snapshot.trips, snapshot.generation) == (8.0, 3, 2)
    assert snapshot.reason is TripReason.FAILURE_RATE


def test_an_open_circuit_whose_break_is_over_opens_anew() -> None:
    """A probe has failed elsewhere: that is a move, from the state in which it awaited it."""
    breaker = opened()

    moved = breaker.adopt(OPEN, START + 4.0)

    assert moved is not None
    assert (moved.before, moved.after, moved.break_duration) == (State.OPEN, State.OPEN, 5.0)
    assert refused(breaker, START + 4.0).retry_after == 5.0


def test_a_half_open_circuit_opens_and_its_probe_is_stale() -> None:
    """Who probes when the fleet has found out more gives way."""
    breaker, probe = half_open()

    moved = breaker.adopt(OPEN, START + 4.0)

    assert moved is not None
    assert moved.before is State.HALF_OPEN
    assert breaker.record(probe, bad=False, now=START + 4.0) is None
    assert breaker.state is State.OPEN


def test_a_break_that_was_over_before_it_was_heard_of_awaits_a_probe() -> None:
    """A late verdict opens the circuit for no time at all, and the next call tries the origin."""
    breaker = closed()

    moved = breaker.adopt(OPEN, START + 20.0)

    assert moved is not None
    assert moved.break_duration == 0.0
    assert allowed(breaker, START + 20.0).probe


@pytest.mark.parametrize("make", [opened, lambda: half_open()[0]], ids=["open", "half_open"])
def test_a_circuit_closes_as_it_has_closed_elsewhere(make: Callable[[], CircuitBreaker]) -> None:
    """It lets calls through at once, and trips in a row decay from here."""
    breaker = make()

    moved = breaker.adopt(CLOSED, START + 4.0)

    assert moved is not None
    assert (moved.after, moved.trigger) == (State.CLOSED, Trigger.CLOSED_ELSEWHERE)
    assert moved.reason is None
    assert not allowed(breaker, START + 4.0).probe
    assert breaker.snapshot(START + 4.0).trips == 2
    assert breaker.snapshot(START + 24.0).trips == 1


def test_a_closed_circuit_hears_that_it_is_closed_and_keeps_its_counts() -> None:
    """What calls have said so far is not forgotten for a verdict that changes nothing."""
    breaker = closed(consecutive_failures=2)
    call(breaker, START, bad=True)

    assert breaker.adopt(CLOSED, START) is None

    assert breaker.heard == 8
    assert breaker.snapshot(START).consecutive == 1


def test_a_circuit_that_is_off_hears_nothing() -> None:
    """Switched on again it may still be told."""
    breaker = closed(mode=Mode.OFF)

    assert breaker.adopt(OPEN, START) is None

    assert (breaker.state, breaker.heard) == (State.CLOSED, 0)
    breaker.mode = Mode.ENFORCE
    assert breaker.adopt(OPEN, START) is not None


def test_what_a_process_finds_out_is_to_be_said_until_the_fleet_has_it() -> None:
    """An opened circuit is told with its break, its trips, its reason and what failed."""
    breaker = opened()

    assert breaker.unsaid(START) == Verdict(
        State.OPEN, 0, START + 4.0, 1, TripReason.CONSECUTIVE_FAILURES, "first", doubts=2
    )
    _said(breaker, START, 5)
    assert breaker.unsaid(START) is None
    assert breaker.heard == 5


def test_what_is_heard_is_not_said_again() -> None:
    """A verdict never comes back from those who go by it, also after its break is over."""
    breaker = closed()
    breaker.adopt(OPEN, START)

    assert breaker.unsaid(START) is None
    allowed(breaker, START + 9.0)
    assert breaker.unsaid(START + 9.0) is None


def test_a_newer_verdict_takes_the_place_of_what_was_to_be_said() -> None:
    """Who opened by himself and hears that the circuit was closed since has nothing to say."""
    breaker = opened()

    breaker.adopt(CLOSED, START)

    assert breaker.unsaid(START) is None


def test_a_closed_circuit_is_said_with_what_was_heard_last() -> None:
    """The fleet can tell from it whether the probe knew of the verdict in force."""
    breaker, probe = half_open(successes_to_close=1)
    assert breaker.unsaid(START + 4.0) is None

    breaker.record(probe, bad=False, now=START + 4.0)

    assert breaker.unsaid(START + 4.0) == Verdict(State.CLOSED, 0, trips=1, last_failure="first")
    _said(breaker, START + 4.0, 6)
    assert breaker.unsaid(START + 4.0) is None


def test_a_break_that_is_over_is_not_said() -> None:
    """Who could not say it in time keeps it: nobody is to wait for it any more."""
    breaker = opened()

    assert breaker.unsaid(START + 3.9) is not None
    assert breaker.unsaid(START + 4.0) is None


@pytest.mark.parametrize("mode", [Mode.OBSERVE_ONLY, Mode.OFF, Mode.FORCED_OPEN])
def test_only_a_circuit_that_is_obeyed_has_something_to_say(mode: Mode) -> None:
    """An experiment with thresholds refuses nothing, here or in other processes."""
    breaker = opened()

    breaker.mode = mode

    assert breaker.unsaid(START) is None


def test_a_circuit_that_was_never_moved_has_nothing_to_say() -> None:
    """A start is no finding."""
    assert closed().unsaid(START) is None


def test_what_moved_while_it_was_said_is_still_to_be_said() -> None:
    """The fleet's answer is about the verdict that was given, not about what came after."""
    breaker = opened()
    verdict = breaker.unsaid(START)
    assert verdict is not None
    breaker.open(START + 1.0)

    breaker.agreed(verdict, 5)

    again = breaker.unsaid(START + 1.0)
    assert again is not None
    assert (again.generation, again.until) == (5, START + 9.0)


def test_closed_again_while_it_was_said_it_is_to_be_said() -> None:
    """The fleet has heard that it is open, which it no longer is."""
    breaker = opened()
    verdict = breaker.unsaid(START)
    assert verdict is not None
    breaker.reset(START)

    breaker.agreed(verdict, 5)

    assert breaker.unsaid(START) == Verdict(State.CLOSED, 5, last_failure="first")


def test_an_answer_that_comes_late_does_not_take_a_newer_verdict_back() -> None:
    """The generation that is gone by never falls."""
    breaker = opened()
    verdict = breaker.unsaid(START)
    assert verdict is not None
    breaker.adopt(CLOSED, START)

    breaker.agreed(verdict, 5)

    assert breaker.heard == 8


def test_while_probes_are_held_a_break_that_is_over_still_refuses() -> None:
    """It says when it will let one through, and does so at that instant."""
    breaker = opened()
    breaker.hold_probes(START + 6.0)

    assert refused(breaker, START + 3.0).retry_after == 1.0
    assert refused(breaker, START + 4.0).retry_after == 2.0
    assert breaker.state is State.OPEN
    assert allowed(breaker, START + 6.0).probe


def test_given_leave_it_probes_as_if_it_were_alone() -> None:
    """A hold can be lifted."""
    breaker = opened()
    breaker.hold_probes(START + 60.0)

    breaker.hold_probes(-math.inf)

    assert allowed(breaker, START + 4.0).probe


def test_a_hold_stops_no_circuit_that_is_half_open_or_closed() -> None:
    """Who has begun to try the origin goes on; who is closed has nothing to try."""
    breaker, probe = half_open(successes_to_close=2)
    breaker.hold_probes(START + 60.0)

    breaker.record(probe, bad=False, now=START + 4.0)
    second = allowed(breaker, START + 4.0)
    breaker.record(second, bad=False, now=START + 4.0)

    assert second.probe
    assert not allowed(breaker, START + 4.0).probe


def test_it_knows_when_somebody_last_asked() -> None:
    """Refusals and probes tell that there is demand for an origin that is not called freely."""
    breaker = opened()
    assert breaker.asked_at == -math.inf

    refused(breaker, START + 1.0)
    assert breaker.asked_at == START + 1.0
    breaker.hold_probes(START + 5.0)
    refused(breaker, START + 4.0)
    assert breaker.asked_at == START + 4.0
    allowed(breaker, START + 5.0)
    assert breaker.asked_at == START + 5.0
    refused(breaker, START + 6.0)
    assert breaker.asked_at == START + 6.0


def test_a_pause_is_taken_over_from_elsewhere() -> None:
    """The gate is closed for as long, and tells what changed."""
    gate = pause()

    assert gate.adopt(START + 3.0, START, told=True) == Pausing(3.0, told=True, cut=False)

    assert gate.remaining(START) == 3.0
    assert gate.snapshot(START).strikes == 0


@pytest.mark.parametrize("until", [START + 10.0, START + 4.0, START, START - 1.0])
def test_a_pause_from_elsewhere_never_shortens_one(until: float) -> None:
    """What this process was told itself stays."""
    gate = pause()
    gate.hold(10.0, sent_at=START, now=START)

    assert gate.adopt(until, START, told=True) is None

    assert gate.remaining(START) == 10.0


@pytest.mark.parametrize("until", [START, START - 1.0])
def test_a_pause_that_is_over_closes_no_gate(until: float) -> None:
    """What is heard too late is nothing."""
    gate = pause()

    assert gate.adopt(until, START, told=True) is None
    assert gate.remaining(START - 2.0) == 0.0


def test_a_pause_from_elsewhere_is_no_longer_than_the_limit() -> None:
    """It is bounded as one of its own would be."""
    gate = pause(max_pause=60.0)

    assert gate.adopt(START + 1e9, START, told=False) == Pausing(60.0, told=False, cut=True)
    assert gate.adopt(START + 60.0, START, told=False) is None


def test_a_pause_from_elsewhere_that_is_as_long_as_the_limit_is_not_cut() -> None:
    """Nothing of it is left out."""
    gate = pause(max_pause=60.0)

    assert gate.adopt(START + 60.0, START, told=True) == Pausing(60.0, told=True, cut=False)


def test_turns_start_over_under_the_end_that_was_taken_over() -> None:
    """Who asks first is first after the new end, within its own ramp."""
    gate = pause(chance=0.5)
    gate.hold(1.0, sent_at=START, now=START)
    gate.wait(START)

    gate.adopt(START + 10.0, START, told=True)

    assert gate.wait(START) == pytest.approx(10.05)


def test_a_429_of_a_request_from_before_is_no_new_reason() -> None:
    """What was on the wire when the pause was heard of makes it no longer by the backoff."""
    gate = pause(chance=0.999)
    gate.hold(None, sent_at=START, now=START)
    gate.adopt(START + 10.0, START + 1.0, told=True)

    assert gate.hold(None, sent_at=START + 0.9, now=START + 1.1) is None
    assert gate.snapshot(START + 1.1).strikes == 1


def test_a_pause_that_adds_nothing_changes_no_count() -> None:
    """A 429 sent after the own pause began counts, whatever shorter one was heard of since."""
    gate = pause(chance=0.999)
    gate.hold(10.0, sent_at=START, now=START)
    gate.adopt(START + 5.0, START + 1.0, told=True)

    gate.hold(None, sent_at=START + 0.5, now=START + 1.1)

    assert gate.snapshot(START + 1.1).strikes == 2
