import math
from dataclasses import replace
from typing import Any

import pytest

from tests.machines.makers import START, allowed, call, closed, opened, refused
from verto_resilience.machines import (
    CircuitBreaker,
    Mode,
    Permit,
    State,
    Transition,
    Trigger,
    TripReason,
    Verdict,
)
from verto_resilience.machines._doubt import OPINIONS, Doubt

TRIPPED = Verdict(
    State.OPEN, 7, START + 4.0, 1, TripReason.CONSECUTIVE_FAILURES, "503", doubts=OPINIONS
)
# With a chance of 0, the first instant at which anybody doubts.
SOON = START + 0.1
OVER = START + 4.0


def _doubting(**changes: Any) -> CircuitBreaker:
    """Make a breaker that has heard of a trip at START."""
    breaker = closed(**changes)
    breaker.adopt(TRIPPED, START)
    return breaker


def _trying(**changes: Any) -> tuple[CircuitBreaker, Permit]:
    """Make one that gives a second opinion since SOON."""
    breaker = _doubting(**changes)
    return breaker, allowed(breaker, SOON)


def test_a_trip_that_was_only_heard_of_is_tried_before_its_break_is_over() -> None:
    """One call is let through as a probe; the others are refused meanwhile."""
    breaker = _doubting()
    assert refused(breaker, math.nextafter(SOON, 0.0)).retry_after is not None

    probe = allowed(breaker, SOON)

    assert probe.probe
    assert probe.transition == Transition(
        State.OPEN, State.HALF_OPEN, Trigger.BREAK_OVER, None, None, 3, "503"
    )
    assert refused(breaker, SOON).state is State.HALF_OPEN
    assert breaker.doubts_until == OVER


def test_one_good_answer_overturns_a_trip() -> None:
    """It closes for all, however many good probes a break's end takes, and the trip is not counted.

    The next break is as long as if it had never been.
    """
    breaker, probe = _trying(successes_to_close=3)

    moved = breaker.record(probe, bad=False, now=SOON)

    assert moved is not None
    assert (moved.after, moved.trigger) == (State.CLOSED, Trigger.PROBES_GOOD)
    assert breaker.snapshot(SOON).trips == 0
    assert breaker.unsaid(SOON) == Verdict(State.CLOSED, 7, last_failure="503")


def test_the_one_that_tripped_takes_its_trip_back() -> None:
    """It closes with the others, and its next break is no longer than its first."""
    tripped = opened()
    said = tripped.unsaid(START)
    assert said is not None
    tripped.agreed(said, 7)

    tripped.adopt(Verdict(State.CLOSED, 8), SOON)

    call(tripped, SOON, bad=True)
    assert (tripped.state, tripped.refuses_for(SOON)) == (State.OPEN, 4.0)


def test_a_failure_confirms_a_trip_and_makes_the_break_no_longer() -> None:
    """It goes on as it would have, and no trip is added."""
    breaker, probe = _trying()

    moved = breaker.record(probe, bad=True, now=START + 1.0, failure="504")

    assert moved is not None
    assert (moved.after, moved.trigger) == (State.OPEN, Trigger.PROBE_BAD)
    assert (moved.reason, moved.break_duration) == (TripReason.PROBE_FAILED, 3.0)
    assert breaker.snapshot(START + 1.0).trips == 1
    assert breaker.unsaid(START + 1.0) == Verdict(
        State.OPEN, 7, OVER, 1, TripReason.PROBE_FAILED, "504", doubts=OPINIONS - 1
    )


def test_who_has_failed_once_does_not_try_again_before_the_break_is_over() -> None:
    """A second failure of the same process would say the same."""
    breaker, probe = _trying()
    breaker.record(probe, bad=True, now=SOON)

    refused(breaker, math.nextafter(OVER, 0.0))

    assert allowed(breaker, OVER).probe


def test_a_body_that_breaks_off_confirms_a_trip() -> None:
    """It fails a probe as any other failure does."""
    breaker, probe = _trying()

    moved = breaker.fail_late(probe, now=SOON, failure="body")

    assert moved is not None
    assert (moved.trigger, moved.reason) == (Trigger.PROBE_BAD, TripReason.PROBE_FAILED)
    assert breaker.snapshot(SOON).trips == 1


def test_a_trip_that_enough_have_confirmed_is_tried_by_nobody() -> None:
    """One third process may still be of another opinion; then nobody is asked any more."""
    third = _doubting()
    third.adopt(
        replace(TRIPPED, generation=8, reason=TripReason.PROBE_FAILED, doubts=OPINIONS - 1), START
    )
    probe = allowed(third, SOON)
    third.record(probe, bad=True, now=SOON)
    said = third.unsaid(SOON)
    assert said is not None
    assert said.doubts == OPINIONS - 2 == 0

    fourth = _doubting()
    fourth.adopt(replace(said, generation=9), SOON)

    refused(fourth, math.nextafter(OVER, 0.0))


def test_after_a_second_opinion_a_failed_probe_makes_the_break_longer_as_ever() -> None:
    """What was not counted is the opinion, not the outage."""
    breaker, probe = _trying()
    breaker.record(probe, bad=True, now=SOON)

    moved = breaker.record(allowed(breaker, OVER), bad=True, now=OVER)

    assert moved is not None
    assert moved.break_duration == 8.0
    said = breaker.unsaid(OVER)
    assert said is not None
    assert (said.trips, said.doubts) == (2, 0)


def test_whoever_has_found_out_the_same_does_not_doubt_it() -> None:
    """Two that trip at the same time have heard two opinions."""
    breaker = opened()

    breaker.adopt(TRIPPED, START)

    refused(breaker, math.nextafter(OVER, 0.0))


@pytest.mark.parametrize("verdict", [TRIPPED, None], ids=["heard", "alone"])
def test_what_a_process_has_found_out_itself_it_does_not_doubt(verdict: Verdict | None) -> None:
    """Its break is as long as it says, alone and in a fleet."""
    breaker = closed(consecutive_failures=1)
    if verdict is not None:
        breaker.adopt(verdict, START - 100.0)
        breaker.adopt(Verdict(State.CLOSED, 8), START - 99.0)
    call(breaker, START, bad=True)

    refused(breaker, math.nextafter(OVER, 0.0))

    said = breaker.unsaid(START)
    assert said is not None
    assert said.doubts == OPINIONS


@pytest.mark.parametrize("reason", [TripReason.MANUAL, TripReason.PROBE_FAILED])
def test_a_verdict_that_may_not_be_doubted_holds_until_its_end(reason: TripReason) -> None:
    """A person's word, and a probe at the end of a break, are no bad luck."""
    breaker = closed()
    breaker.adopt(replace(TRIPPED, reason=reason, doubts=0), START)

    refused(breaker, math.nextafter(OVER, 0.0))


def test_a_person_who_opens_a_circuit_is_not_doubted() -> None:
    """Not even while the fleet's verdict was."""
    breaker = _doubting()

    breaker.open(START)

    refused(breaker, START + 3.9)
    said = breaker.unsaid(START)
    assert said is not None
    assert said.doubts == 0


@pytest.mark.parametrize("chance", [0.0, 0.5, 0.999])
def test_processes_do_not_doubt_in_step(chance: float) -> None:
    """Chance says when, within a second and not at once: what is on the wire comes back first."""
    breaker = CircuitBreaker(closed().settings, chance=lambda: chance)
    breaker.adopt(TRIPPED, START)
    begins = START + 0.1 + 0.9 * chance

    refused(breaker, begins - 0.001)

    assert allowed(breaker, begins + 0.001).probe


def test_while_another_process_tries_nobody_else_does() -> None:
    """A hold moves the instant back, and none takes it forward again."""
    breaker = _doubting()
    breaker.hold_opinions(START + 3.0)
    breaker.hold_opinions(-math.inf)

    refused(breaker, START + 3.0)

    assert allowed(breaker, START + 3.1).probe


@pytest.mark.parametrize("chance", [0.0, 0.5, 0.999])
def test_processes_that_were_held_do_not_go_on_in_step(chance: float) -> None:
    """Who was killed while it tried leaves all the others at one instant, and chance parts them.

    To be told again that they wait, or for how long, makes them wait no longer.
    """
    breaker = CircuitBreaker(closed().settings, chance=lambda: chance)
    breaker.adopt(TRIPPED, START)
    for until in (START + 1.0, START + 2.0, START + 2.0):
        breaker.hold_opinions(until)
    begins = START + 2.1 + 0.9 * chance

    refused(breaker, begins - 0.001)

    assert allowed(breaker, begins + 0.001).probe


def test_where_nobody_can_be_told_nobody_tries() -> None:
    """Without a store every process would."""
    breaker = _doubting()
    breaker.hold_opinions(math.inf)

    refused(breaker, math.nextafter(OVER, 0.0))

    assert allowed(breaker, OVER).probe


def test_a_hold_creates_no_doubt() -> None:
    """A circuit that doubts nothing waits for the end of its break."""
    breaker = opened()
    breaker.hold_opinions(-math.inf)

    refused(breaker, START + 3.9)


def test_a_hold_from_before_the_trip_does_not_count() -> None:
    """A circuit that has not moved yet may be held, and doubts what it hears then as ever."""
    breaker = closed()
    breaker.hold_opinions(OVER)

    breaker.adopt(TRIPPED, START)

    assert allowed(breaker, SOON).probe


def test_only_who_is_trying_gives_an_opinion() -> None:
    """Not a new circuit, nor one that trips, nor one whose opinion is back."""
    (good, probe), (bad, other) = _trying(), _trying()
    assert good.doubts_until == bad.doubts_until == OVER

    good.record(probe, bad=False, now=SOON)
    bad.record(other, bad=True, now=SOON)

    circuits = (closed(), opened(), _doubting(), good, bad)
    assert [circuit.doubts_until for circuit in circuits] == [-math.inf] * 5


def test_a_break_that_is_over_at_its_very_end_is_not_early() -> None:
    """Trying the origin then is no second opinion, and none is asked for any more."""
    doubt = Doubt()
    doubt.adopt(OPINIONS, START, lambda: 0.0)

    doubt.moved(Trigger.BREAK_OVER, OVER, ends=OVER)

    assert (doubt.until, doubt.opinions) == (-math.inf, 0)


def test_only_one_second_opinion_is_out() -> None:
    """Where several probes are permitted after a break, one is before its end."""
    breaker, _ = _trying(permitted_probes=3)

    assert refused(breaker, SOON).state is State.HALF_OPEN
    assert breaker.snapshot(SOON).probes == 1


def test_one_that_is_given_back_leaves_its_place_to_the_next_call() -> None:
    """An answer that says nothing about the origin is no opinion."""
    breaker, probe = _trying()

    breaker.release(probe)

    assert allowed(breaker, START + 1.0).probe


def test_one_that_hangs_holds_nobody_up_when_the_break_is_over() -> None:
    """Its place is free then, and as many good probes are needed as after any break."""
    breaker, _ = _trying()
    refused(breaker, math.nextafter(OVER, 0.0))
    assert breaker.busy_until() == OVER

    second = allowed(breaker, OVER)

    assert breaker.doubts_until == -math.inf
    assert breaker.record(second, bad=False, now=OVER) is None
    assert breaker.record(allowed(breaker, OVER), bad=False, now=OVER) is not None
    assert breaker.snapshot(OVER).trips == 1


def test_one_that_hangs_gives_its_process_no_turn_when_the_break_is_over() -> None:
    """Trying the origin is then the turn of whoever has the lease, as after any break."""
    breaker, _ = _trying()
    breaker.hold_probes(OVER + 1.0)

    assert refused(breaker, OVER + 0.5).retry_after == 0.5
    assert breaker.asked_at == OVER + 0.5

    assert allowed(breaker, OVER + 1.0).probe


def test_one_that_comes_back_after_the_break_is_a_probe_like_any_other() -> None:
    """Failed, it opens the circuit for longer, beyond doubt; good, it is one of those needed."""
    failing, hung = _trying()
    moved = failing.record(hung, bad=True, now=OVER)
    assert moved is not None
    assert moved.break_duration == 8.0
    said = failing.unsaid(OVER)
    assert said is not None
    assert said.doubts == 0

    breaker, late = _trying()
    assert breaker.record(late, bad=False, now=OVER) is None
    assert breaker.snapshot(OVER).successes == 1


def test_a_probe_that_is_short_of_lease_loses_its_place_sooner() -> None:
    """The end of the break is the last that it is good for."""
    breaker, _ = _trying(probe_lease=1.0)

    refused(breaker, SOON + 0.9)

    assert allowed(breaker, SOON + 1.0).probe


def test_a_newer_verdict_goes_before_an_opinion() -> None:
    """Who is trying when the fleet knows more gives way, and goes by that."""
    breaker, probe = _trying()

    moved = breaker.adopt(replace(TRIPPED, generation=8, until=START + 9.0, doubts=0), SOON)

    assert moved is not None
    assert moved.before is State.HALF_OPEN
    assert breaker.record(probe, bad=False, now=SOON) is None
    refused(breaker, START + 8.9)


@pytest.mark.parametrize("mode", [Mode.OBSERVE_ONLY, Mode.FORCED_OPEN])
def test_only_a_circuit_that_is_obeyed_has_an_opinion(mode: Mode) -> None:
    """An experiment refuses nothing, and a person's switch is not to be tried."""
    breaker = _doubting()
    breaker.mode = mode

    breaker.try_acquire(START + 1.0)

    assert breaker.state is State.OPEN


def test_a_trip_that_nobody_has_counted_is_not_taken_back() -> None:
    """A stranger's verdict with no trips leaves none, and not fewer."""
    breaker = closed()
    breaker.adopt(replace(TRIPPED, trips=0), START)

    breaker.record(allowed(breaker, SOON), bad=False, now=SOON)

    assert breaker.snapshot(SOON).trips == 0
