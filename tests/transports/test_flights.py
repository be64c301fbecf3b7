import multiprocessing
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from verto_resilience.transports import Flights

LONG = 30.0
"""Seconds; a test that waits so long has failed."""


class Work:
    """Work that begins, and ends when it is let."""

    def __init__(self) -> None:
        """Begin nothing yet."""
        self.began = threading.Event()
        self.may_end = threading.Event()
        self.runs = 0

    def __call__(self) -> str:
        """Work."""
        self.runs += 1
        self.began.set()
        assert self.may_end.wait(LONG)
        return f"run {self.runs}"


def _waiting(flights: Flights[str]) -> int:
    """Count the threads that wait for the work under way."""
    over: Any = flights._under_way["key"].over
    return len(over._cond._waiters)


def test_many_threads_are_one_run() -> None:
    """Whoever comes while the work is done gets what it brings."""
    flights: Flights[str] = Flights()
    work = Work()

    with ThreadPoolExecutor(20) as pool:
        results = [pool.submit(flights.run, "key", work) for _ in range(20)]
        assert work.began.wait(LONG)
        end = time.monotonic() + LONG
        while _waiting(flights) < 19 and time.monotonic() < end:
            pass
        work.may_end.set()

    assert [result.result() for result in results] == ["run 1"] * 20


def test_the_next_one_works_again() -> None:
    """What was brought is not kept: that is for the work to do."""
    flights: Flights[str] = Flights()
    work = Work()
    work.may_end.set()

    assert (flights.run("key", work), flights.run("key", work)) == ("run 1", "run 2")


def test_other_keys_do_not_wait() -> None:
    """Work under another key goes on beside."""
    flights: Flights[str] = Flights()
    work = Work()

    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(flights.run, "slow", work)
        assert work.began.wait(LONG)

        assert flights.run("quick", lambda: "done") == "done"
        work.may_end.set()

    assert slow.result() == "run 1"


def test_patience_ends() -> None:
    """Who waits too long gets nothing, and the work goes on."""
    flights: Flights[str] = Flights()
    work = Work()

    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(flights.run, "key", work)
        assert work.began.wait(LONG)

        assert flights.run("key", lambda: "other", 0.0) is None
        work.may_end.set()

    assert slow.result() == "run 1"


@pytest.mark.parametrize("inner", ["key", "other"])
def test_a_thread_does_not_wait_for_itself(inner: str) -> None:
    """Work that comes round to more work gets nothing, instead of waiting for ever."""
    flights: Flights[object] = Flights()

    results: list[object] = []

    def work() -> None:
        results.append(flights.run("key", lambda: (flights.run(inner, lambda: "never"),)))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(5.0)

    assert results == [(None,)]


def test_an_error_is_the_worker_s_alone() -> None:
    """What the work raises is raised where it was done; the others get nothing."""
    flights: Flights[str] = Flights()
    work = Work()

    def fail() -> str:
        work()
        raise KeyboardInterrupt

    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(flights.run, "key", fail)
        assert work.began.wait(LONG)
        other = pool.submit(flights.run, "key", lambda: "later")
        work.may_end.set()

        assert isinstance(one.exception(LONG), KeyboardInterrupt)
        # The other may have come too late to wait, and then did its own work.
        assert other.result(LONG) in {None, "later"}
    assert flights.run("key", lambda: "again") == "again"


def test_garbage_may_come_by() -> None:
    """What is collected while work is begun or ended may begin some of its own: nobody hangs."""
    flights: Flights[str] = Flights()
    results: list[str | None] = []

    class Key:
        """Is looked up where garbage may be collected."""

        def __hash__(self) -> int:
            results.append(flights.run("garbage", lambda: "collected"))
            return 1

    thread = threading.Thread(
        target=lambda: results.append(flights.run(Key(), lambda: "work")), daemon=True
    )
    thread.start()
    thread.join(10.0)

    assert results[0] == "collected"
    assert results[-1] == "work"


def test_an_interrupt_leaves_nobody_waiting() -> None:
    """Whatever is raised between the beginning and the work, the key is free again."""
    flights: Flights[str] = Flights()

    class Interrupted:
        def __enter__(self) -> None:
            """Begin."""

        def __exit__(self, *_: object) -> None:
            flights.lock = lock
            raise KeyboardInterrupt

    lock, flights.lock = flights.lock, Interrupted()  # type: ignore[assignment]

    with pytest.raises(KeyboardInterrupt):
        flights.run("key", lambda: "never")

    assert flights.run("key", lambda: "again") == "again"


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_does_not_wait_for_its_parent_s_threads() -> None:
    """After a fork nothing is under way, and no lock is held."""
    flights: Flights[str] = Flights()
    work = Work()
    forks = multiprocessing.get_context("fork")

    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(flights.run, "key", work)
        assert work.began.wait(LONG)
        with flights.lock:
            child = forks.Process(target=_work_in_child, args=(flights,), daemon=True)
            child.start()
        child.join(5.0)
        work.may_end.set()

    assert (child.exitcode, slow.result()) == (0, "run 1")


def _work_in_child(flights: Flights[str]) -> None:
    sys.exit(0 if flights.run("key", lambda: "mine", 0.0) == "mine" else 1)
