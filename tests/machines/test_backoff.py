import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verto_resilience.machines import exponential, full_jitter, within

seconds = st.floats(0.001, 86_400.0)
chances = st.floats(0.0, 1.0, exclude_max=True)


@pytest.mark.parametrize(("resend", "ceiling"), [(1, 0.5), (2, 1.0), (3, 2.0), (4, 4.0)])
def test_the_ceiling_doubles_with_each_resend(resend: int, ceiling: float) -> None:
    """The first resend waits the base at the most, each further one twice as long."""
    assert exponential(resend, base=0.5, limit=30.0) == ceiling


@pytest.mark.parametrize("resend", [7, 8, 1_100, 10**9])
def test_the_doubling_stops_at_the_limit(resend: int) -> None:
    """No number of resends exceeds the limit, nor what a float can hold."""
    assert exponential(resend, base=0.5, limit=30.0) == 30.0


def test_a_limit_below_the_base_holds_from_the_start() -> None:
    """The limit rules over the base."""
    assert exponential(1, base=5.0, limit=2.0) == 2.0


@given(resend=st.integers(1, 10**6), base=seconds, limit=seconds)
def test_the_ceiling_never_falls(resend: int, base: float, limit: float) -> None:
    """A later resend never has a lower ceiling."""
    now = exponential(resend, base=base, limit=limit)
    then = exponential(resend + 1, base=base, limit=limit)

    assert 0.0 < now <= then <= limit


@pytest.mark.parametrize(("chance", "wait"), [(0.0, 0.0), (0.25, 0.5), (0.5, 1.0)])
def test_full_jitter_is_a_share_of_the_ceiling(chance: float, wait: float) -> None:
    """Chance spreads the wait evenly from 0 to the ceiling."""
    assert full_jitter(3, base=0.5, limit=30.0, chance=chance) == wait


@given(resend=st.integers(1, 100), base=seconds, limit=seconds, chance=chances)
def test_full_jitter_stays_under_the_ceiling(
    resend: int, base: float, limit: float, chance: float
) -> None:
    """The jittered wait is never negative and never over its ceiling."""
    wait = full_jitter(resend, base=base, limit=limit, chance=chance)

    assert 0.0 <= wait <= exponential(resend, base=base, limit=limit)


@pytest.mark.parametrize(("chance", "wait"), [(0.0, 5.0), (0.5, 7.5), (1.0, 10.0)])
def test_a_wait_in_a_band_goes_from_its_low_end_to_its_high_end(chance: float, wait: float) -> None:
    """Chance 0 gives the low end, chance 1 the high end, and one half the middle."""
    assert within(5.0, 10.0, chance=chance) == wait


@given(ends=st.tuples(seconds, seconds).map(sorted), chance=chances)
def test_a_wait_in_a_band_never_leaves_it(ends: list[float], chance: float) -> None:
    """No chance gives a wait outside the band, not by the last digit of a float."""
    low, high = ends

    assert low <= within(low, high, chance=chance) <= high


def test_an_empty_band_is_its_only_value() -> None:
    """A band whose ends are equal gives that value."""
    assert within(5.0, 5.0, chance=math.nextafter(1.0, 0.0)) == 5.0
