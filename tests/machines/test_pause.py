import math
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.machines.makers import PAUSE, START, pause
from tests.machines.threads import WatchedLock, together
from verto_resilience.machines import Pause, Pausing

chances = st.floats(0.0, 1.0, exclude_max=True)


def _paused(seconds: float | None = 10.0, *, chance: float = 0.0, **changes: float) -> Pause:
    gate = pause(chance=chance, **changes)
    gate.hold(seconds, sent_at=START - 0.1, now=START)
    return gate


def test_an_open_gate_lets_everybody_through() -> None:
    """Nobody waits before the origin asked for quiet."""
    gate = pause()

    assert gate.wait(START) == 0.0
    assert gate.snapshot(START).remaining == 0.0


def test_a_new_gate_is_open_at_zero() -> None:
    """On a clock that starts at zero nobody waits either."""
    gate = pause()

    assert gate.wait(0.0) == 0.0
    assert gate.remaining(0.0) == 0.0


def test_looking_takes_no_turn() -> None:
    """How long the gate stays closed can be asked without being given a turn."""
    gate = _paused(10.0)

    assert [gate.remaining(START + 4.0) for _ in range(3)] == [6.0, 6.0, 6.0]
    assert gate.remaining(START + 11.0) == 0.0
    assert gate.snapshot(START).waiting == 0


@pytest.mark.parametrize(
    ("after", "open_"),
    [(0.0, False), (5.0, False), (math.nextafter(10.0, 0.0), False), (10.0, True), (11.0, True)],
)
def test_the_gate_opens_at_the_end_and_not_before(after: float, open_: bool) -> None:
    """An instant before the end it is still closed, at the end it is open."""
    gate = pause()
    gate.hold(10.0, sent_at=0.0, now=0.0)

    assert (gate.wait(after) == 0.0) is open_
    assert (gate.snapshot(after).remaining == 0.0) is open_


@given(
    now=st.floats(0.0, 1e7),
    seconds=st.floats(0.001, 60.0),
    share=st.floats(0.0, 1.0, exclude_max=True),
    chance=chances,
    turns=st.integers(1, 5),
)
@example(now=0.1, seconds=48.794921875, share=0.29546424613500744, chance=0.0, turns=1)
def test_nobody_is_called_before_the_end(
    now: float, seconds: float, share: float, chance: float, turns: int
) -> None:
    """Whoever waits as told arrives at or after the end, not early by a float's last digit."""
    gate = pause(chance=chance)
    gate.hold(seconds, sent_at=now, now=now)
    asked = now + seconds * share

    for _ in range(turns):
        arrived = asked + gate.wait(asked)

        assert arrived >= now + seconds
        assert arrived == asked or gate.wait(arrived) == 0.0


def test_a_thread_that_read_its_clock_earlier_waits_the_longer() -> None:
    """A reading from before the pause began does not shorten the wait."""
    gate = _paused(10.0)

    assert gate.wait(START - 0.5) == 10.5


@pytest.mark.parametrize(("chance", "late"), [(0.0, 0.0), (0.5, 0.05), (0.999, 0.0999)])
def test_the_first_comes_right_after_the_end(chance: float, late: float) -> None:
    """The first turn lies within a tenth of a second of the end, spread by chance."""
    gate = _paused(10.0, chance=chance)

    assert gate.wait(START) == pytest.approx(10.0 + late)


@pytest.mark.parametrize("ramp", [0.0, 0.05])
def test_the_first_comes_within_a_ramp_that_is_shorter_still(ramp: float) -> None:
    """A ramp of less than a tenth of a second bounds the first turn too."""
    gate = _paused(10.0, chance=0.999, ramp=ramp)

    assert 10.0 <= gate.wait(START) <= 10.0 + ramp


@given(chance=chances, waiters=st.integers(10, 60))
def test_the_rest_are_spread_over_the_ramp(chance: float, waiters: int) -> None:
    """No tenth of the ramp gets more than two turns beyond its share: 4 of 20."""
    gate = _paused(10.0, chance=chance, ramp=1.0)

    turns = sorted(gate.wait(START) - 10.0 for _ in range(waiters))

    assert turns[0] >= 0.0
    assert turns[-1] <= 1.0
    fullest = max(sum(1 for t in turns if first <= t < first + 0.1) for first in turns)
    assert fullest <= 2 + math.ceil(waiters / 10)
    assert turns[-1] - turns[0] > 0.6


def test_a_short_pause_has_a_shorter_ramp() -> None:
    """Nobody waits half as long again as the server asked for."""
    gate = _paused(0.5, ramp=10.0)

    turns = [gate.wait(START) for _ in range(50)]

    assert min(turns) == 0.5
    assert 0.7 < max(turns) <= 0.75


def test_the_ramp_may_be_changed_while_paused() -> None:
    """New settings hold for the next turn and leave the end as it is."""
    gate = _paused(10.0, ramp=0.0)
    gate.wait(START)
    assert gate.wait(START) == 10.0

    gate.settings = replace(PAUSE, ramp=1.0)

    assert 10.0 < gate.wait(START) <= 11.0


def test_it_says_that_it_began() -> None:
    """A pause the server asked for is told with its length."""
    answer = pause().hold(10.0, sent_at=START, now=START)

    assert answer == Pausing(10.0, told=True, cut=False)


@pytest.mark.parametrize(
    ("asked", "cut"), [(59.0, False), (60.0, False), (60.1, True), (1e9, True)]
)
def test_no_pause_is_longer_than_the_limit(asked: float, cut: bool) -> None:
    """The gate is bounded however long the server asks for, and says when it cut."""
    gate = pause(max_pause=60.0)

    answer = gate.hold(asked, sent_at=START, now=START)

    assert answer == Pausing(min(asked, 60.0), told=True, cut=cut)
    assert gate.snapshot(START).remaining == min(asked, 60.0)


def test_the_limit_bounds_the_backoff_too() -> None:
    """Also a pause for which the server named no time."""
    gate = pause(chance=0.5, max_pause=0.2, backoff_base=1.0)

    assert gate.hold(None, sent_at=START, now=START) == Pausing(0.2, told=False, cut=True)


@pytest.mark.parametrize("seconds", [0.0, 3.0, 7.0])
def test_it_never_becomes_shorter(seconds: float) -> None:
    """An answer that asks for less, or for the same end, changes nothing and says nothing."""
    gate = _paused(10.0)

    assert gate.hold(seconds, sent_at=START - 0.1, now=START + 3.0) is None
    assert gate.snapshot(START + 3.0).remaining == 7.0


def test_it_grows() -> None:
    """An answer that asks for a later end moves the end, also for those already waiting."""
    gate = _paused(10.0)
    gate.wait(START)

    answer = gate.hold(10.0, sent_at=START - 0.1, now=START + 3.0)

    assert answer == Pausing(10.0, told=True, cut=False)
    assert gate.wait(START + 10.0) == 3.0


def test_turns_start_over_when_it_grows() -> None:
    """Whoever asks first under the new end comes right after it."""
    gate = _paused(10.0)
    turns = [gate.wait(START) for _ in range(3)]
    assert turns[1] > 10.0

    gate.hold(10.0, sent_at=START - 0.1, now=START + 3.0)

    assert gate.snapshot(START + 3.0).waiting == 0
    assert gate.wait(START + 3.0) == 10.0


def test_each_question_is_a_new_turn() -> None:
    """The snapshot tells how many were given a turn, and none once the gate is open."""
    gate = _paused(10.0)

    turns = [gate.wait(START) for _ in range(5)]

    assert len(set(turns)) == 5
    assert gate.snapshot(START).waiting == 5
    assert gate.snapshot(START + 10.0).waiting == 0


@pytest.mark.parametrize("seconds", [0.0, -0.0, -5.0, -math.inf, math.nan])
def test_no_time_is_as_none_named(seconds: float) -> None:
    """Asked for no seconds, or for what is no number, the gate closes by the backoff."""
    gate, without = pause(chance=0.5), pause(chance=0.5)

    answer = gate.hold(seconds, sent_at=START, now=START)

    assert answer == without.hold(None, sent_at=START, now=START)
    assert answer == Pausing(0.25, told=False, cut=False)
    assert gate.snapshot(START) == without.snapshot(START)


def test_a_backoff_drawn_as_nothing_is_no_pause() -> None:
    """Where chance draws no time at all the gate stays open, nothing is told, and it counts."""
    gate = pause(chance=0.0)

    assert gate.hold(None, sent_at=START, now=START) is None
    assert gate.wait(START) == 0.0
    assert gate.snapshot(START).strikes == 1


def test_no_time_at_once_with_others_is_no_reason_to_grow() -> None:
    """A zero to a request that was on the wire with the first 429 changes nothing."""
    gate = _paused(None, chance=0.5)
    before = gate.snapshot(START + 0.1)

    assert gate.hold(0.0, sent_at=START - 0.1, now=START + 0.1) is None
    assert gate.snapshot(START + 0.1) == before


def test_a_time_without_end_is_the_limit() -> None:
    """Infinity closes the gate for as long as it may be closed."""
    gate = pause(max_pause=60.0)

    answer = gate.hold(math.inf, sent_at=START, now=START)

    assert answer == Pausing(60.0, told=True, cut=True)


def test_without_a_time_the_backoff_grows_with_each_429() -> None:
    """A 429 in a row, each sent after the pause before it, doubles the ceiling up to its limit."""
    gate = pause(chance=0.5)
    now, lengths = START, []
    for _ in range(7):
        answer = gate.hold(None, sent_at=now, now=now + 0.1)
        assert answer is not None
        assert not answer.told
        lengths.append(answer.seconds)
        now += 0.1 + answer.seconds

    assert lengths == [0.25, 0.5, 1.0, 2.0, 4.0, 4.0, 4.0]


@pytest.mark.parametrize("sent", [-5.0, -0.1, 0.0])
def test_answers_on_the_wire_together_are_one_reason(sent: float) -> None:
    """A 429 to a request sent before the pause began, or in that instant, does not grow it."""
    gate = _paused(None, chance=0.5)
    before = gate.snapshot(START + 0.1)

    assert gate.hold(None, sent_at=START + sent, now=START + 0.1) is None
    assert gate.snapshot(START + 0.1) == before


def test_an_answer_on_the_wire_together_may_still_name_a_later_end() -> None:
    """What the server says is kept even when it is no reason to grow the backoff."""
    gate = _paused(None, chance=0.5)

    answer = gate.hold(20.0, sent_at=START - 0.1, now=START + 0.1)

    assert answer == Pausing(20.0, told=True, cut=False)
    assert gate.snapshot(START + 0.1).strikes == 1


def test_a_later_429_counts_even_when_the_end_stays() -> None:
    """One that asks for less is still one more in a row, and the next must be sent after it."""
    gate = _paused(10.0, chance=0.5)
    gate.hold(1.0, sent_at=START + 1.0, now=START + 2.0)

    assert gate.snapshot(START + 2.0).strikes == 2
    gate.hold(1.0, sent_at=START + 1.5, now=START + 2.5)
    assert gate.snapshot(START + 2.5).strikes == 2


def test_a_success_after_it_forgets_the_429s() -> None:
    """The backoff starts anew once a request sent after the pause began succeeded."""
    gate = _paused(None, chance=0.5)
    gate.hold(None, sent_at=START + 1.0, now=START + 1.0)

    gate.forgive(sent_at=START + 2.0)

    assert gate.snapshot(START + 2.0).strikes == 0
    again = gate.hold(None, sent_at=START + 3.0, now=START + 3.0)
    assert again == Pausing(0.25, told=False, cut=False)


@pytest.mark.parametrize("sent", [-1.0, 0.0])
def test_a_success_from_before_it_forgets_nothing(sent: float) -> None:
    """A request that was on its way when the pause began says nothing about its end."""
    gate = _paused(10.0)

    gate.forgive(sent_at=START + sent)

    assert gate.snapshot(START).strikes == 1


def test_a_success_does_not_open_the_gate() -> None:
    """The end that the server named stands."""
    gate = _paused(10.0)

    gate.forgive(sent_at=START + 1.0)

    assert gate.wait(START + 1.0) == 9.0


def test_after_a_success_any_429_counts() -> None:
    """Once forgiven, an answer to an old request is a new reason."""
    gate = _paused(None, chance=0.5)
    gate.forgive(sent_at=START + 1.0)

    answer = gate.hold(None, sent_at=START - 5.0, now=START + 2.0)

    assert answer == Pausing(0.25, told=False, cut=False)


def test_lifted_by_hand_it_is_open_and_forgets() -> None:
    """A person may end a pause at once."""
    gate = _paused(10.0)

    gate.lift()

    assert gate.wait(START) == 0.0
    assert gate.snapshot(START).strikes == 0
    assert gate.busy_until() <= START


def test_lifted_at_zero_it_is_open() -> None:
    """On a clock that starts at zero a lifted gate has nothing left either."""
    gate = pause()
    gate.hold(10.0, sent_at=0.0, now=0.0)

    gate.lift()

    assert gate.remaining(0.0) == 0.0


def test_it_is_busy_while_something_would_be_forgotten() -> None:
    """That is to its end, and with 429s in a row to remember, the longest backoff more."""
    gate = pause(backoff_limit=8.0)
    assert gate.busy_until() <= 0.0

    gate.hold(10.0, sent_at=START, now=START)
    assert gate.busy_until() == START + 18.0
    gate.forgive(sent_at=START + 1.0)

    assert gate.busy_until() == START + 10.0


@pytest.mark.parametrize("now", [0.0, START - 3600.0, START + 1e9, 1e300])
def test_a_clock_that_jumps_does_no_harm(now: float) -> None:
    """Far ahead the gate is open, long before it is closed; nothing is ever negative."""
    gate = _paused(10.0)

    wait, left = gate.wait(now), gate.snapshot(now).remaining

    assert (wait == 0.0) is (left == 0.0) is (now > START)
    assert wait >= 0.0
    assert left >= 0.0


def test_an_open_gate_takes_no_lock() -> None:
    """A call that need not wait, and a success with nothing to forget, wait for no thread."""
    gate = pause()
    gate.lock = lock = WatchedLock()  # type: ignore[assignment]

    gate.wait(START)
    gate.forgive(sent_at=START)

    assert lock.taken == 0


def test_a_gate_at_its_end_takes_no_lock() -> None:
    """The very instant of the end is an open gate like any later one."""
    gate = _paused(10.0)
    gate.lock = lock = WatchedLock()  # type: ignore[assignment]

    gate.wait(START + 10.0)

    assert lock.taken == 0


def test_whoever_changes_it_takes_the_lock_and_chance_is_asked_without() -> None:
    """Turns, ends and 429s in a row change under the lock, and nothing foreign is called there."""
    lock = WatchedLock()
    held: list[bool] = []

    def chance() -> float:
        held.append(lock.locked())
        return 0.5

    gate = Pause(PAUSE, chance=chance)
    gate.lock = lock  # type: ignore[assignment]

    gate.hold(10.0, sent_at=START, now=START)
    gate.wait(START)
    gate.forgive(sent_at=START + 1.0)
    gate.snapshot(START)
    gate.lift()

    assert lock.taken == 5
    assert held == [False, False]


@pytest.mark.parametrize("ago", [0.0, 1.0])
def test_a_gate_opened_meanwhile_gives_no_turn(ago: float) -> None:
    """One who found it closed, and then had to wait for the lock, goes at once if it is open."""
    gate = _paused(10.0, chance=0.5)

    class Opening(WatchedLock):
        def __enter__(self) -> None:
            super().__enter__()
            gate._until = START - ago

    gate.lock = Opening()  # type: ignore[assignment]

    assert gate.wait(START) == 0.0


def test_a_stampede_gets_distinct_turns() -> None:
    """64 threads that ask at once are given 64 turns, each its own."""
    gate = _paused(10.0, ramp=1.0)

    turns = together(64, lambda _: gate.wait(START))

    assert len(set(turns)) == 64
    assert min(turns) == 10.0
    assert max(turns) <= 11.0
    assert gate.snapshot(START).waiting == 64


def test_many_429s_at_once_are_one_reason() -> None:
    """32 threads answered 429 together begin one pause, told once."""
    gate = pause(chance=0.5)

    answers = together(32, lambda _: gate.hold(None, sent_at=START - 0.1, now=START))

    assert [a for a in answers if a is not None] == [Pausing(0.25, told=False, cut=False)]
    assert gate.snapshot(START).strikes == 1


def test_its_repr_shows_its_end() -> None:
    """End and 429s in a row can be read in a debugger."""
    assert repr(_paused(10.0)) == "<Pause until=1010.000 strikes=1>"
