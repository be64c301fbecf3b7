import select

from verto_resilience.state._waker import Waker


def _is_awake(waker: Waker) -> bool:
    return bool(select.select([waker.watched], [], [], 0.0)[0])


def test_who_watches_sees_that_somebody_has_woken() -> None:
    """Not before, and also when the waking came first."""
    waker = Waker()

    before = _is_awake(waker)
    waker.wake()
    after = _is_awake(waker)
    waker.close()

    assert (before, after) == (False, True)


def test_to_wake_never_waits() -> None:
    """Nobody reads, and whoever wakes goes on, however often."""
    waker = Waker()

    for _ in range(10_000):
        waker.wake()

    assert _is_awake(waker)
    waker.close()


def test_to_wake_one_that_is_closed_is_nothing() -> None:
    """The thread may end in the very instant in which it is woken."""
    waker = Waker()
    waker.close()

    waker.wake()

    assert waker.watched.fileno() == -1
