import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verto_resilience.machines import Window

START = 1000.0


def _counts(window: Window) -> tuple[int, int, int]:
    return window.calls, window.failures, window.slow


def test_totals_are_the_sum_of_what_was_added() -> None:
    """Calls, failures and slow calls are counted each on its own."""
    window = Window(10.0, 5)

    window.add(START)
    window.add(START, failures=1)
    window.add(START + 3.0, calls=2, slow=2)
    window.add(START + 3.0, calls=0, failures=1)

    assert _counts(window) == (4, 2, 2)


@pytest.mark.parametrize(
    ("age", "counted"), [(0.0, 1), (7.99, 1), (8.0, 1), (9.99, 1), (10.0, 0), (10.01, 0)]
)
def test_a_call_leaves_when_the_window_has_passed(age: float, counted: int) -> None:
    """A call at the start of its bucket is counted for the window's length, and not longer."""
    window = Window(10.0, 5)
    window.add(START, failures=1, slow=1)

    window.turn(START + age)

    assert _counts(window) == (counted, counted, counted)


def test_the_oldest_bucket_leaves_as_a_whole() -> None:
    """Calls of one bucket leave together, at the end of the window from the bucket's start."""
    window = Window(10.0, 5)
    window.add(START + 0.1)
    window.add(START + 1.9)
    window.add(START + 2.0)

    window.turn(START + 10.0)

    assert window.calls == 1


def test_adding_lets_go_of_what_is_too_old() -> None:
    """A call added after a gap as long as the window finds itself alone."""
    window = Window(10.0, 5)
    window.add(START, failures=1, slow=1)

    window.add(START + 10.0)

    assert _counts(window) == (1, 0, 0)


@pytest.mark.parametrize("gap", [10.0, 12.0, 1e6, 1e15])
def test_a_clock_that_jumps_ahead_empties_it_at_once(gap: float) -> None:
    """However long the gap, letting go is bounded work and nothing old remains."""
    window = Window(10.0, 5)
    for step in range(5):
        window.add(START + 2.0 * step, failures=1)

    window.turn(START + 8.0 + gap)

    assert _counts(window) == (0, 0, 0)


@pytest.mark.parametrize("earlier", [0.0, 1.0, START - 1.0, START - 3600.0, -START])
def test_an_earlier_time_counts_as_the_latest(earlier: float) -> None:
    """A clock read before another thread's, or one gone backwards, loses no call."""
    window = Window(10.0, 5)
    window.add(START)

    window.add(earlier, failures=1)

    assert _counts(window) == (2, 1, 0)
    window.turn(START + 9.9)
    assert _counts(window) == (2, 1, 0)
    window.turn(START + 10.0)
    assert _counts(window) == (0, 0, 0)


def test_cleared_it_is_empty_and_stays_consistent() -> None:
    """After clearing, what was counted before is not taken away a second time."""
    window = Window(10.0, 5)
    window.add(START, failures=1, slow=1)

    window.clear()

    assert _counts(window) == (0, 0, 0)
    window.turn(START + 20.0)
    assert _counts(window) == (0, 0, 0)


def test_its_memory_does_not_grow() -> None:
    """A thousand calls over a thousand seconds take no more room than one."""
    window = Window(10.0, 5)
    room = len(window._counts)

    for step in range(1000):
        window.add(START + step, failures=1, slow=1)

    assert len(window._counts) == room == 15


def test_cleared_it_takes_no_more_room() -> None:
    """Clearing makes as many counters as there were."""
    window = Window(10.0, 5)

    window.clear()

    assert len(window._counts) == 15


def test_a_call_at_zero_leaves_like_any_other() -> None:
    """A clock that starts at zero is no exception: the first bucket leaves after the window."""
    window = Window(10.0, 5)
    window.add(0.0)

    window.turn(10.0)

    assert window.calls == 0


@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from([0.0, 0.1, 1.0, 2.0, 3.0, 9.9, 10.0, 11.0, 50.0]),
            st.integers(0, 3),
            st.integers(0, 2),
            st.integers(0, 2),
        ),
        max_size=40,
    ),
    buckets=st.integers(1, 7),
)
def test_totals_equal_a_recount(steps: list[tuple[float, int, int, int]], buckets: int) -> None:
    """The running totals are those of counting again whatever lies in the window."""
    window = Window(10.0, buckets)
    width = 10.0 / buckets
    now = START
    added: list[tuple[int, tuple[int, int, int]]] = []
    for step, calls, failures, slow in steps:
        now += step
        slot = math.floor(now / width)
        added.append((slot, (calls, failures, slow)))

        window.add(now, calls=calls, failures=failures, slow=slow)

        inside = [counts for at, counts in added if at > slot - buckets]
        assert _counts(window) == tuple(map(sum, zip(*inside, strict=True)))
