import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.machines.makers import START, allowed, call, closed, half_open, opened, refused
from verto_resilience.machines import (
    MOVES,
    CircuitBreaker,
    Refusal,
    State,
    Transition,
    Trigger,
    TripReason,
)


def _reopen(breaker: CircuitBreaker, now: float) -> float:
    """Let a probe fail at the end of a break, and give the length of the next."""
    moved = breaker.record(allowed(breaker, now), bad=True, now=now)
    assert moved is not None
    assert moved.break_duration is not None
    return moved.break_duration


def test_it_refuses_and_says_why_and_until_when() -> None:
    """A refusal carries the time to the next probe, the reason and the last failure."""
    breaker = opened()

    assert breaker.try_acquire(START + 1.0) == Refusal(
        State.OPEN, 3.0, TripReason.CONSECUTIVE_FAILURES, "first"
    )


@pytest.mark.parametrize(
    ("after", "state"),
    [
        (0.0, State.OPEN),
        (3.999, State.OPEN),
        (4.0, State.HALF_OPEN),
        (4.001, State.HALF_OPEN),
        (1e9, State.HALF_OPEN),
    ],
)
def test_the_break_ends_when_it_is_over_and_not_before(after: float, state: State) -> None:
    """An instant before its end the circuit refuses, at its end it lets a probe through."""
    breaker = opened()

    answer = breaker.try_acquire(START + after)

    assert isinstance(answer, Refusal) is (state is State.OPEN)
    assert breaker.state is state


def test_the_last_instant_still_refuses() -> None:
    """One float before the end there is time left, however little."""
    breaker = opened()

    refusal = refused(breaker, math.nextafter(START + 4.0, 0.0))

    assert refusal.retry_after is not None
    assert 0.0 < refusal.retry_after < 1e-9


def test_the_first_probe_carries_the_move() -> None:
    """Who asks when the break is over is told that the circuit moved, and only he is."""
    breaker = opened(permitted_probes=2)

    first, second = allowed(breaker, START + 4.0), allowed(breaker, START + 4.0)

    assert first.transition == Transition(
        State.OPEN, State.HALF_OPEN, Trigger.BREAK_OVER, None, None, 3, "first"
    )
    assert second.transition is None


def test_a_look_moves_nothing() -> None:
    """Looking at a break that is over leaves it open until somebody asks to send."""
    breaker = opened()
    before = breaker.snapshot(START + 5.0)

    assert breaker.refuses_for(START + 5.0) == 0.0
    assert breaker.state is State.OPEN
    assert breaker.snapshot(START + 5.0) == before
    assert before.open_for == 0.0


def test_it_says_how_long_it_will_refuse() -> None:
    """The look, the snapshot and the refusal agree."""
    breaker = opened()

    assert breaker.refuses_for(START + 1.0) == 3.0
    assert breaker.snapshot(START + 1.0).open_for == 3.0
    assert refused(breaker, START + 1.0).retry_after == 3.0


def test_breaks_in_a_row_grow_up_to_the_limit() -> None:
    """Each break is longer than the one before by the factor, and none longer than the limit."""
    breaker = opened(break_duration=4.0, break_growth=2.0, max_break_duration=16.0)
    now, lengths = START + 4.0, []
    for _ in range(4):
        lengths.append(_reopen(breaker, now))
        now += lengths[-1]

    assert lengths == [8.0, 16.0, 16.0, 16.0]


def test_no_number_of_trips_overflows() -> None:
    """After hundreds of trips with the greatest factor a break still has the limit's length."""
    breaker = opened(break_growth=10.0, max_break_duration=300.0)
    now = START + 4.0
    for _ in range(400):
        now += _reopen(breaker, now)

    assert breaker.snapshot(now).trips == 401
    assert _reopen(breaker, now) == 300.0


def test_the_first_break_of_a_clock_is_a_single_one() -> None:
    """A circuit opened at the zero of its clock has no trips behind it."""
    assert closed(break_growth=2.0).open(0.0).break_duration == 4.0


def test_however_slowly_they_grow_breaks_stop_growing() -> None:
    """After 64 trips in a row no break is longer than the one before."""
    breaker = closed(break_growth=1.01, max_break_duration=16.0)

    lengths = [breaker.open(START).break_duration for _ in range(67)]

    assert len(set(lengths[:65])) == 65
    assert len(set(lengths[64:])) == 1


@pytest.mark.parametrize(("chance", "length"), [(0.0, 4.0), (0.5, 3.6), (0.75, 3.4)])
def test_jitter_only_shortens_a_break(chance: float, length: float) -> None:
    """Chance takes a share off the break, up to the one that is set."""
    breaker = opened(chance=chance, break_jitter=0.2)

    assert breaker.snapshot(START).open_for == pytest.approx(length)


def test_jitter_spreads_also_the_longest_breaks() -> None:
    """At the limit circuits of many processes do not end their breaks together."""
    breaker = opened(chance=0.5, break_jitter=0.2, break_duration=16.0, max_break_duration=16.0)

    assert breaker.snapshot(START).open_for == pytest.approx(14.4)


@given(
    now=st.floats(0.0, 1e7),
    duration=st.floats(0.001, 1000.0),
    chance=st.floats(0.0, 1.0, exclude_max=True),
    share=st.floats(-1.0, 2.0),
)
def test_the_time_left_is_never_negative_nor_longer_than_the_break(
    now: float, duration: float, chance: float, share: float
) -> None:
    """Whenever it is asked, before the break began too, and to the last digit of a float."""
    breaker = closed(
        chance=chance, break_jitter=0.1, break_duration=duration, max_break_duration=duration
    )
    length = breaker.open(now).break_duration
    assert length is not None
    then = now + share * length

    lefts = [breaker.refuses_for(then), breaker.snapshot(then).open_for]
    answer = breaker.try_acquire(then)
    if isinstance(answer, Refusal):
        assert answer.retry_after is not None
        lefts.append(answer.retry_after)

    assert all(0.0 <= left <= length <= duration * 1.1 for left in lefts)


def test_a_clock_that_goes_backwards_leaves_it_open() -> None:
    """Before the break began it refuses, and names no more than the whole break."""
    breaker = opened()

    assert refused(breaker, START - 3600.0).retry_after == 4.0
    assert breaker.snapshot(START - 3600.0).open_for == 4.0
    assert refused(breaker, START + 3.0).retry_after == 1.0


def test_late_failures_do_not_lengthen_a_break() -> None:
    """Calls that were out when it opened may fail as they like."""
    breaker = closed(consecutive_failures=1)
    late = [allowed(breaker, START) for _ in range(5)]
    call(breaker, START, bad=True)

    for permit in late:
        breaker.record(permit, bad=True, now=START + 3.0)

    assert breaker.refuses_for(START + 3.0) == 1.0


def test_opened_by_hand_it_stays_open_for_one_break() -> None:
    """A person opens it whatever the counts say; the reason tells so."""
    breaker = closed()

    moved = breaker.open(START)

    assert moved == Transition(
        State.CLOSED, State.OPEN, Trigger.OPENED_BY_HAND, TripReason.MANUAL, 4.0, 2, None
    )
    assert refused(breaker, START + 3.9).reason is TripReason.MANUAL
    assert allowed(breaker, START + 4.0).probe


@pytest.mark.parametrize("before", [State.OPEN, State.HALF_OPEN])
def test_opened_by_hand_again_the_break_begins_anew(before: State) -> None:
    """Open or half-open, it is open from now on, and a probe that is out is stale."""
    breaker, probe = half_open()
    if before is State.OPEN:
        breaker.open(START + 4.0)

    moved = breaker.open(START + 5.0)

    assert (moved.before, moved.after) == (before, State.OPEN)
    snapshot = breaker.snapshot(START + 5.0)
    assert breaker.record(probe, bad=False, now=START + 5.0) is None
    assert breaker.snapshot(START + 5.0) == snapshot
    assert snapshot.open_for == moved.break_duration


def test_reset_by_hand_it_is_closed_and_forgets() -> None:
    """A person closes it; counts and trips in a row start at nothing."""
    breaker, _ = half_open()
    breaker.open(START + 4.0)

    moved = breaker.reset(START + 5.0)

    assert moved == Transition(
        State.OPEN, State.CLOSED, Trigger.RESET_BY_HAND, None, None, 5, "first"
    )
    snapshot = breaker.snapshot(START + 5.0)
    assert (snapshot.calls, snapshot.trips, snapshot.open_for, snapshot.probes) == (0, 0, 0, 0)
    assert call(breaker, START + 5.0, bad=True).open_for == 4.0


def test_reset_while_closed_forgets_counts_and_calls_on_their_way() -> None:
    """Results of calls from before a reset are stale."""
    breaker = closed(consecutive_failures=2)
    permit = allowed(breaker, START)
    call(breaker, START, bad=True)

    moved = breaker.reset(START)

    assert (moved.before, moved.after) == (State.CLOSED, State.CLOSED)
    assert breaker.record(permit, bad=True, now=START) is None
    assert breaker.snapshot(START).consecutive == 0
    assert breaker.snapshot(START).calls == 0


def test_reset_from_half_open_closes_it() -> None:
    """A person need not wait for the probes."""
    breaker, _ = half_open()

    assert breaker.reset(START + 4.0).before is State.HALF_OPEN
    assert breaker.state is State.CLOSED


def test_each_state_can_be_left_and_reached() -> None:
    """The table of moves has a way out of each state and into each, and hands reach all."""
    assert {before for before, _ in MOVES} == set(MOVES.values()) == set(State)
    for trigger in (Trigger.OPENED_BY_HAND, Trigger.RESET_BY_HAND):
        assert {before for before, t in MOVES if t is trigger} == set(State)
