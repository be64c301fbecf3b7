import os
import sys
import threading
import time
from typing import Any
from unittest import mock

import pytest
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection

from verto_resilience.transports import _guarded_pools
from verto_resilience.transports._guarded_pools import GuardedPool, guard
from verto_resilience.transports._limits import Guarded


@pytest.fixture
def pool() -> HTTPConnectionPool:
    """Give a pool that is guarded."""
    pool = HTTPConnectionPool("127.0.0.1")
    guard(pool)
    return pool


def test_guarding_twice_is_guarding_once(pool: HTTPConnectionPool) -> None:
    """A pool that is used again is left as it is."""
    kind = type(pool)

    guard(pool)

    assert type(pool) is kind
    assert issubclass(kind, GuardedPool)


def test_a_class_that_is_guarded_is_taken_as_it_is(pool: HTTPConnectionPool) -> None:
    """One pool's class on another pool is not guarded twice over."""
    kind = pool.ConnectionCls
    other = HTTPConnectionPool("127.0.0.1")

    other.ConnectionCls = kind
    guard(other)

    assert other.ConnectionCls is kind
    assert issubclass(kind, Guarded)


@pytest.mark.parametrize("made_by", [mock.Mock(), object, lambda **_: None])
def test_what_is_no_connection_class_is_left_alone(pool: HTTPConnectionPool, made_by: Any) -> None:
    """A stub, a function, and what urllib3 has where there is no ssl are used as they are."""
    with mock.patch.object(pool, "ConnectionCls", made_by):
        assert pool.ConnectionCls is made_by

    assert issubclass(pool.ConnectionCls, Guarded)


def test_what_is_no_pool_is_left_alone() -> None:
    """A pool manager may give whatever sends."""

    class Sends:
        ConnectionCls = HTTPConnection

    thing = Sends()

    guard(thing)

    assert type(thing) is Sends


def test_each_kind_of_pool_keeps_its_kind() -> None:
    """A pool of TLS makes connections of TLS."""
    plain, tls = HTTPConnectionPool("127.0.0.1"), HTTPSConnectionPool("127.0.0.1")
    before = tls.ConnectionCls
    guard(plain)
    guard(tls)

    assert isinstance(tls, HTTPSConnectionPool)
    assert issubclass(tls.ConnectionCls, before)
    assert not issubclass(plain.ConnectionCls, before)


def test_threads_get_the_same_class(pool: HTTPConnectionPool) -> None:
    """Code that waits for a connection of the pool's own class finds one, in any thread."""

    class Slowly(type(HTTPConnection)):  # type: ignore[misc]
        def __new__(cls, *args: Any, **kwargs: Any) -> Any:
            time.sleep(0.01)
            return super().__new__(cls, *args, **kwargs)

    class Own(HTTPConnection, metaclass=Slowly):
        pass

    pool.ConnectionCls = Own
    barrier = threading.Barrier(4)
    found = []

    def look() -> None:
        barrier.wait(5.0)
        found.append(pool.ConnectionCls)

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5.0)

    assert len(found) == 4
    assert len(set(found)) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_forked_in_the_midst_goes_on(pool: HTTPConnectionPool) -> None:
    """What another thread held at the instant of the fork is free in the child."""
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with _guarded_pools._making:
            held.set()
            done.wait(10.0)

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(5.0)
    pool.ConnectionCls = type("Own", (HTTPConnection,), {})
    child = os.fork()
    if not child:
        os._exit(0 if issubclass(pool.ConnectionCls, Guarded) else 1)
    end = time.monotonic() + 5.0
    ended, status = 0, -1
    while not ended and time.monotonic() < end:
        ended, status = os.waitpid(child, os.WNOHANG)
        time.sleep(0.002)
    if not ended:
        os.kill(child, 9)
        os.waitpid(child, 0)
    done.set()
    thread.join(5.0)

    assert (ended, status) == (child, 0)
