import gc
import os
import threading
import time
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from requests.adapters import BaseAdapter, HTTPAdapter
from urllib3.util import Retry

from verto_resilience.transports import _taken_over, own_retries, retries_kept
from verto_resilience.transports._pools import forget_pools, remember_pools
from verto_resilience.transports._taken_over import give_back, set_retries, take_over

THREE = Retry(3)
FIND = "get_connection_with_tls_context"


class User:
    """What is around an adapter."""


@pytest.fixture
def _no_collection() -> Iterator[None]:
    """Collect no garbage for the time of a test."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def test_the_first_is_told_what_was_switched_off() -> None:
    """Once, however many come to be around it."""
    inner = HTTPAdapter(max_retries=THREE)
    users = [User(), User()]

    assert [take_over(inner, user) for user in users] == [THREE, None]
    assert own_retries(inner) is None
    assert retries_kept(inner) is THREE


def test_the_same_user_counts_once() -> None:
    """Once given back it is given back, and its end later on is no matter."""
    inner = HTTPAdapter(max_retries=THREE)
    user = User()
    take_over(inner, user)
    take_over(inner, user)

    give_back(inner, user)
    assert inner.max_retries is THREE
    give_back(inner, user)
    del user

    assert retries_kept(inner) is None
    assert FIND not in vars(inner)


@pytest.mark.usefixtures("_no_collection")
def test_a_user_that_is_dropped_gives_back() -> None:
    """As soon as it is gone, without the garbage collector; nothing is known of the adapter."""
    inner = HTTPAdapter(max_retries=THREE)
    first, second = User(), User()
    take_over(inner, first)
    take_over(inner, second)

    del first
    assert own_retries(inner) is None
    del second

    assert inner.max_retries is THREE
    assert id(inner) not in _taken_over._known


@pytest.mark.usefixtures("_no_collection")
def test_an_adapter_is_not_kept_alive() -> None:
    """Neither by its memory of pools nor by what is known of it."""
    inner = HTTPAdapter()
    remember_pools(inner)
    gone = weakref.ref(inner)

    del inner

    assert gone() is None


def test_a_cycle_of_adapter_and_user_is_collected() -> None:
    """An adapter that knows who is around it goes with it, and leaves nothing behind."""

    class Knows(HTTPAdapter):
        user: User

    inner = Knows(max_retries=THREE)
    inner.user = user = User()
    user.inner = inner  # type: ignore[attr-defined]
    take_over(inner, user)
    gone, key = weakref.ref(inner), id(inner)

    del inner, user
    gc.collect()

    assert gone() is None
    assert key not in _taken_over._known


def test_many_threads_count_right() -> None:
    """Whatever the order in which they come and go, the last gives back, and only the last."""
    inner = HTTPAdapter(max_retries=THREE)
    keeper = User()
    take_over(inner, keeper)

    def come_and_go(_: int) -> bool:
        user = User()
        take_over(inner, user)
        rests = own_retries(inner) is None
        give_back(inner, user)
        return rests

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(come_and_go, range(400)))
    assert own_retries(inner) is None
    give_back(inner, keeper)

    assert inner.max_retries is THREE


def test_garbage_may_be_the_last_user() -> None:
    """Collected in the midst of it, a user of the same adapter gives back without a deadlock."""
    inner = HTTPAdapter(max_retries=THREE)
    done = []

    def come() -> None:
        before = gc.get_threshold()
        gc.set_threshold(1)
        try:
            for _ in range(50):
                dying = User()
                dying.itself = dying  # type: ignore[attr-defined]
                take_over(inner, dying)
                del dying
                user = User()
                take_over(inner, user)
                assert own_retries(inner) is None
                give_back(inner, user)
        finally:
            gc.set_threshold(*before)
        done.append(True)

    thread = threading.Thread(target=come, daemon=True)
    thread.start()
    thread.join(10.0)

    assert done == [True]
    gc.collect()
    assert inner.max_retries is THREE


def test_what_is_no_adapter_of_requests_is_left_alone() -> None:
    """An adapter without retries or pools that are known here has nothing to give back."""

    class Own(BaseAdapter):
        max_retries = 5

    inner, user = Own(), User()

    assert take_over(inner, user) is None
    give_back(inner, user)

    assert vars(inner) == {}


def test_what_cannot_be_held_weakly_can_be_taken_over() -> None:
    """An object with slots that sends, and has retries of urllib3, is one as well."""

    class Slotted:
        __slots__ = ("max_retries",)

    inner: Any = Slotted()
    user = User()
    inner.max_retries = THREE

    assert take_over(inner, user) is THREE
    give_back(inner, user)

    assert inner.max_retries is THREE


@pytest.mark.parametrize("retries", [0, False, Retry(0), Retry(total=False), "3", object()])
def test_what_sends_once_is_no_retry(retries: object) -> None:
    """Nothing to switch off, and what cannot be read is for urllib3 to refuse."""
    inner = HTTPAdapter()
    inner.max_retries = retries  # type: ignore[assignment]

    assert own_retries(inner) is None


def test_retries_of_an_adapter_that_nobody_is_around_are_its_own() -> None:
    """Set is set."""
    inner = HTTPAdapter()

    assert set_retries(inner, THREE) is None
    assert inner.max_retries is THREE


def test_only_a_memory_of_ours_is_forgotten() -> None:
    """An adapter that had its own way to find pools on it keeps it."""
    inner = HTTPAdapter()
    own = inner.get_connection_with_tls_context
    inner.get_connection_with_tls_context = own  # type: ignore[method-assign]

    remember_pools(inner)
    forget_pools(inner)

    assert vars(inner)[FIND] is own


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_forked_in_the_midst_goes_on() -> None:
    """What another thread held at the instant of the fork is free in the child."""
    inner, user = HTTPAdapter(max_retries=THREE), User()
    stop = threading.Event()

    def busy() -> None:
        while not stop.is_set():
            other = User()
            take_over(inner, other)
            give_back(inner, other)

    thread = threading.Thread(target=busy, daemon=True)
    thread.start()
    try:
        codes = [_forked(inner, user) for _ in range(20)]
    finally:
        stop.set()
        thread.join(10.0)

    assert codes == [0] * 20


def _forked(inner: HTTPAdapter, user: User) -> int:
    child = os.fork()
    if not child:
        take_over(inner, user)
        os._exit(0 if own_retries(inner) is None else 1)
    end = time.monotonic() + 5.0
    while time.monotonic() < end:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.kill(child, 9)
    os.waitpid(child, 0)
    return -1
