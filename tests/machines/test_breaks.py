import math
from dataclasses import replace

import pytest

from tests.machines.makers import BREAKER, START
from verto_resilience.machines._breaks import Breaks

LONGER = replace(BREAKER, break_duration=4.0, break_growth=2.0, max_break_duration=16.0)


def _begin(breaks: Breaks, now: float, *, chance: float = 0.0, jitter: float = 0.0) -> float:
    settings = replace(LONGER, break_jitter=jitter)
    length = breaks.next_length(settings, now, chance=chance)
    breaks.begin(settings, now, length=length)
    return length


def test_each_break_in_a_row_is_longer() -> None:
    """Doubled up to the limit."""
    breaks = Breaks()

    assert [_begin(breaks, START) for _ in range(5)] == [4.0, 8.0, 16.0, 16.0, 16.0]


def test_jitter_is_taken_off_the_limit_as_well() -> None:
    """Many processes that reached the limit do not probe in step."""
    breaks = Breaks()
    for _ in range(3):
        _begin(breaks, START)

    assert _begin(breaks, START, chance=0.5, jitter=0.5) == 12.0


def test_asking_for_a_length_begins_nothing() -> None:
    """A break that is only considered is none."""
    breaks = Breaks()

    for _ in range(3):
        assert breaks.next_length(LONGER, START, chance=0.0) == 4.0

    assert breaks.left(START) == 0.0


@pytest.mark.parametrize(
    ("closed_for", "trips"), [(0.0, 2), (19.9, 2), (20.0, 1), (40.0, 0), (1e9, 0), (-1e9, 2)]
)
def test_a_stretch_closed_takes_one_step_back(closed_for: float, trips: int) -> None:
    """Also where the clock jumps, by years or backwards, trips are neither added nor negative."""
    breaks = Breaks()
    _begin(breaks, START)
    _begin(breaks, START)

    breaks.close(START + 10.0)

    assert breaks.trips(LONGER, START + 10.0 + closed_for) == trips


def test_not_closed_nothing_decays() -> None:
    """An origin that is down for a day comes back with a long break."""
    breaks = Breaks()
    _begin(breaks, START)

    assert breaks.trips(LONGER, START + 86_400.0) == 1


def test_forgotten_the_next_break_is_the_first() -> None:
    """A person who resets a circuit resets its trips in a row."""
    breaks = Breaks()
    _begin(breaks, START)

    breaks.count_as(0)

    assert _begin(breaks, START) == 4.0


def test_a_trip_that_was_none_is_taken_back() -> None:
    """The others in the row stay, and the next break is as long as if it had never been."""
    breaks = Breaks()
    for _ in range(3):
        _begin(breaks, START)

    breaks.take_back()

    assert breaks.trips(LONGER, START) == 2


def test_very_many_trips_overflow_nothing() -> None:
    """However often it opened, the length is the limit."""
    breaks = Breaks()
    for _ in range(3000):
        length = _begin(breaks, START)

    assert length == 16.0


@pytest.mark.parametrize("now", [-1e9, 0.0, START, START + 2.0, START + 4.0, 1e9, math.inf])
def test_what_is_left_is_never_negative_nor_more_than_the_break(now: float) -> None:
    """Whatever the clock says."""
    breaks = Breaks()
    _begin(breaks, START)

    assert breaks.left(now) == min(4.0, max(0.0, START + 4.0 - now))
