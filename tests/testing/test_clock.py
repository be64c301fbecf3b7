import pytest

from verto_resilience.testing import FakeClock


def test_advance_moves_both_readings() -> None:
    """Monotonic and wall time pass together."""
    clock = FakeClock(monotonic=5.0, wall=100.0)

    clock.advance(2.5)

    assert (clock.monotonic(), clock.wall()) == (7.5, 102.5)


@pytest.mark.parametrize("seconds", [-0.001, float("nan")])
def test_never_goes_backwards(seconds: float) -> None:
    """An advance that is no length of time is refused and changes nothing."""
    clock = FakeClock(monotonic=5.0)

    with pytest.raises(ValueError, match="never goes backwards"):
        clock.advance(seconds)

    assert clock.monotonic() == 5.0


def test_sleep_takes_its_time_at_once_and_is_noted() -> None:
    """A sleep advances the clock by its length and is written down."""
    clock = FakeClock(monotonic=5.0)

    slept = [clock.sleep(1.5), clock.sleep(0.0), clock.sleep(-1.0)]

    assert slept == [True, True, True]
    assert clock.monotonic() == 6.5
    assert clock.sleeps == [1.5, 0.0, -1.0]


def test_interrupted_sleep_says_so_and_takes_no_time() -> None:
    """After an interrupt a sleep returns false at once, but is still noted."""
    clock = FakeClock(monotonic=5.0)
    clock.interrupt()

    finished = clock.sleep(3.0)

    assert not finished
    assert clock.monotonic() == 5.0
    assert clock.sleeps == [3.0]
