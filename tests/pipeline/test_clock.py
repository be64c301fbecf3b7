import threading
import time
from types import SimpleNamespace

import pytest

from verto_resilience.pipeline import Clock, SystemClock
from verto_resilience.pipeline import _clock as clock_module
from verto_resilience.testing import FakeClock


class EarlyEvent(threading.Event):
    """Comes back from each wait after half its time, as a condition variable may."""

    def __init__(self, *, set_after: int | None = None) -> None:
        """Take the number of waits after which somebody sets it."""
        super().__init__()
        self.now = 50.0
        self.waits: list[float] = []
        self._set_after = set_after

    def wait(self, timeout: float | None = None) -> bool:
        """Let half the time pass."""
        assert timeout is not None
        self.waits.append(timeout)
        # Halving for ever would never arrive, so a short rest passes as a whole.
        self.now += timeout / 2 if timeout > 0.125 else timeout
        if self._set_after == len(self.waits):
            self.set()
        return self.is_set()

    def monotonic(self) -> float:
        """Read the clock that these waits move."""
        return self.now


@pytest.fixture
def early(monkeypatch: pytest.MonkeyPatch) -> EarlyEvent:
    """Give an event that comes back early, and have the clock read its time."""
    event = EarlyEvent()
    _read_from(monkeypatch, event)
    return event


def _read_from(monkeypatch: pytest.MonkeyPatch, event: EarlyEvent) -> None:
    monkeypatch.setattr(clock_module, "time", SimpleNamespace(monotonic=event.monotonic))


def test_it_reads_the_machine_s_clocks() -> None:
    """Lengths of time and time of day come from the machine."""
    clock = SystemClock()

    before, clocked, after = time.monotonic(), clock.monotonic(), time.monotonic()
    day_before, day, day_after = time.time(), clock.wall(), time.time()

    assert before <= clocked <= after
    assert day_before <= day <= day_after


def test_a_sleep_is_never_too_short(early: EarlyEvent) -> None:
    """Where a wait comes back early, the rest is slept as well."""
    slept = SystemClock(early).sleep(2.0)

    assert slept
    assert early.now == 52.0
    assert early.waits == [2.0, 1.0, 0.5, 0.25, 0.125]


@pytest.mark.parametrize("seconds", [0.0, -1.0])
def test_no_time_is_no_wait(early: EarlyEvent, seconds: float) -> None:
    """A sleep of no length returns at once, and counts as slept."""
    slept = SystemClock(early).sleep(seconds)

    assert slept
    assert early.waits == []


def test_an_interrupt_ends_a_sleep_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sleep that is interrupted says so and does not go on."""
    event = EarlyEvent(set_after=2)
    _read_from(monkeypatch, event)

    slept = SystemClock(event).sleep(8.0)

    assert not slept
    assert event.waits == [8.0, 4.0]


def test_after_an_interrupt_later_sleeps_are_sleeps() -> None:
    """A session may be used after it was closed: only the sleeps under way end."""
    clock = SystemClock()

    clock.interrupt()

    assert clock.sleep(0.0)


def test_after_a_fork_nobody_s_lock_is_waited_for() -> None:
    """Started over, it sleeps though somebody holds the lock that its sleeps had."""
    event = threading.Event()
    clock = SystemClock(event)

    with event._cond:  # type: ignore[attr-defined]
        clock.start_over()

        assert clock.sleep(0.001)


def test_clocks_do_not_share_their_interrupt() -> None:
    """Closing one adapter does not wake the calls of another."""
    early, other = threading.Event(), threading.Event()
    one, another = SystemClock(early), SystemClock(other)

    one.interrupt()

    assert early.is_set()
    assert not other.is_set()
    assert another.sleep(0.0)


def test_an_event_of_the_caller_s_own_interrupts() -> None:
    """The event that the clock was given ends its sleeps."""
    event = threading.Event()
    clock = SystemClock(event)

    event.set()

    assert not clock.sleep(60.0)


@pytest.mark.parametrize("clock", [SystemClock(), FakeClock()])
def test_both_clocks_are_clocks(clock: Clock) -> None:
    """The machine's clock and the one for tests can stand in for each other."""
    earlier = clock.monotonic()

    slept = clock.sleep(0.0)

    assert slept
    assert clock.monotonic() >= earlier
