import contextlib
import gc
import io
import weakref
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any
from unittest import mock

import pytest
import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPResponse, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

import verto_resilience
from tests.end_to_end.sessions import Mounter, adapter_of, report
from tests.end_to_end.wire import Say, Then, Wirer
from verto_resilience.testing import Sandbox

pytestmark = pytest.mark.end_to_end


class Recording(HTTPResponse):
    """Gives its connection back once it is read, as those of vcrpy do."""

    def read(self, *args: Any, **kwargs: Any) -> bytes:
        """Read."""
        data = super().read(*args, **kwargs)
        self.release_conn()
        return data


def _recording() -> Any:
    return Recording(io.BytesIO(b"recorded"), status=200, preload_content=False)


class Recorded:
    """A connection that plays a recording and has no socket, as those of vcrpy do."""

    is_verified = True

    @property
    def is_closed(self) -> bool:
        """Say that there is no need to connect."""
        return False

    def __setattr__(self, name: str, value: Any) -> None:
        """Set it on the real connection as well, as those of vcrpy do, which is another one."""
        assert name != "__class__"
        super().__setattr__(name, value)

    def connect(self) -> None:
        """Refuse."""
        pytest.fail("a recording was asked to connect")

    def request(self, *_: Any, **__: Any) -> None:
        """Send nothing."""

    def getresponse(self) -> Any:
        """Play."""
        return _recording()


def _get_conn(pool: HTTPConnectionPool, timeout: float | None = None) -> Any:
    """Take out connections until one is of the pool's class, as vcrpy does."""
    USED.append(pool)
    kind: Any = pool.ConnectionCls
    connection = GET_CONN(pool, timeout)
    for _ in range(50):
        if isinstance(connection, kind):
            return connection
        connection.close()
        connection = GET_CONN(pool, timeout)
    pytest.fail("the pool makes no connection of its own class")


GET_CONN = HTTPConnectionPool._get_conn
USED: list[HTTPConnectionPool] = []


@contextlib.contextmanager
def _played() -> Iterator[None]:
    """Patch the classes of urllib3 as vcrpy does in a cassette."""
    tape = type("Tape", (Recorded, HTTPConnection), {})
    tape_of_tls = type("Tape", (Recorded, HTTPSConnection), {})
    with (
        mock.patch.object(HTTPConnectionPool, "ConnectionCls", tape),
        mock.patch.object(HTTPSConnectionPool, "ConnectionCls", tape_of_tls),
        mock.patch.object(HTTPConnectionPool, "_get_conn", _get_conn),
    ):
        yield
    while USED:
        _drop_connections(USED.pop())


def _drop_connections(pool: HTTPConnectionPool) -> None:
    assert pool.pool is not None
    slots = [pool.pool.get() for _ in range(pool.pool.qsize())]
    for connection in slots:
        if connection is not None:
            connection.close()
        pool.pool.put(None)


def _own_pool(session: requests.Session, url: str) -> HTTPConnectionPool:
    inner = adapter_of(session, url).inner
    assert isinstance(inner, HTTPAdapter)
    prepared = requests.Request("GET", url).prepare()
    pool = inner.get_connection_with_tls_context(prepared, verify=True)
    assert isinstance(pool, HTTPConnectionPool)
    return pool


@pytest.mark.parametrize("known", [True, False], ids=["pool from before", "new pool"])
def test_patched_connection_class_is_used(verto: Sandbox, mounted: Mounter, known: bool) -> None:
    """A test that plays recordings sends nothing, in pools of before as well, and then again."""
    session = mounted()
    if known:
        session.get(f"{verto.url}/status/200")
    before = verto.arrived

    for _ in range(3):
        with _played():
            texts = [session.get(f"{verto.url}/status/200").text for _ in range(2)]
        assert texts == ["recorded"] * 2

    assert verto.arrived == before
    assert session.get(f"{verto.url}/status/204").status_code == 204


def test_patched_class_of_a_tls_pool_is_used(mounted: Mounter) -> None:
    """The pools of https have a class of their own, and it is patched as well."""
    with _played():
        response = mounted().get("https://api.example.invalid/")

    assert response.text == "recorded"
    assert len(report(response).attempts) == 1


def test_a_patch_is_seen_after_unmount(verto: Sandbox, mounted: Mounter) -> None:
    """A session that was mounted once plays recordings like one that never was."""
    session = mounted()
    session.get(f"{verto.url}/status/200")
    verto_resilience.unmount(session)

    with _played():
        assert session.get(f"{verto.url}/status/200").text == "recorded"

    assert verto.arrived == 1


def test_mounting_while_a_recording_is_played(verto: Sandbox, plain: requests.Session) -> None:
    """A session that has connections of the recording already goes on playing it."""
    with _played():
        plain.get(f"{verto.url}/status/200")
        verto_resilience.mount(plain)

        assert plain.get(f"{verto.url}/status/200").text == "recorded"

    assert plain.get(f"{verto.url}/status/204").status_code == 204


def test_limits_hold_once_the_patch_is_gone(wired: Wirer, mounted: Mounter) -> None:
    """A body that drips is cut off again, on a connection made after a recording was played."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
    wire = wired(Say(head, Then.CLOSE, over=b".", every=0.05))
    session = mounted(call_timeout=0.5, read_timeout=0.4, connect_timeout=0.3, max_attempts=1)
    with _played():
        session.get(wire.url)

    with pytest.raises(requests.exceptions.ConnectionError, match="timed out"):
        session.get(wire.url)


def test_a_class_set_on_one_pool_is_used(verto: Sandbox, mounted: Mounter) -> None:
    """A pool that was given a class of its own makes connections of it, and of the old after."""
    session = mounted()
    session.get(f"{verto.url}/status/200")
    pool = _own_pool(session, verto.url)
    made: list[Any] = []

    class Counted(HTTPConnection):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            made.append(self)
            super().__init__(*args, **kwargs)

    with mock.patch.object(pool, "ConnectionCls", Counted):
        assert issubclass(pool.ConnectionCls, Counted)
        _drop_connections(pool)
        session.get(f"{verto.url}/status/200")
        assert len(made) == 1
    _drop_connections(pool)
    session.get(f"{verto.url}/status/200")

    assert len(made) == 1
    assert not issubclass(pool.ConnectionCls, Counted)


def test_a_pool_is_what_it_was(verto: Sandbox, mounted: Mounter) -> None:
    """Its class is one of its own kind and name, and so is that of its connections."""
    session = mounted()
    session.get(f"{verto.url}/status/200")

    pool = _own_pool(session, verto.url)

    assert isinstance(pool, HTTPConnectionPool)
    assert repr(pool).startswith("<urllib3.connectionpool.HTTPConnectionPool object at ")
    assert str(pool).startswith("HTTPConnectionPool(host='127.0.0.1', port=")
    assert pool.ConnectionCls.__name__ == "HTTPConnection"
    assert issubclass(pool.ConnectionCls, HTTPConnection)
    assert pool.ConnectionCls is pool.ConnectionCls


def test_what_was_patched_in_is_not_kept(verto: Sandbox, mounted: Mounter) -> None:
    """The class of a recording, and the recording with it, is gone when it has been played."""
    session = mounted()
    with _played():
        session.get(f"{verto.url}/status/200")
        tape = weakref.ref(HTTPConnectionPool.ConnectionCls)

    # The class is what its guarded one is known by, and is free when that one has gone.
    gc.collect()
    gc.collect()

    assert tape() is None


@pytest.mark.parametrize(
    "patch",
    [
        lambda: mock.patch.object(
            HTTPConnectionPool,
            "urlopen",
            new=_urlopen,
        ),
        lambda: mock.patch.object(HTTPAdapter, "send", _answer),
        lambda: mock.patch.object(HTTPAdapter, "get_connection_with_tls_context", _other_pool),
    ],
    ids=["urlopen", "send", "pool"],
)
def test_other_places_that_are_patched_are_used(
    verto: Sandbox, mounted: Mounter, patch: Callable[[], AbstractContextManager[object]]
) -> None:
    """That is ``urlopen`` for pook, and for responses ``HTTPAdapter.send``."""
    session = mounted()
    session.get(f"{verto.url}/status/200")

    with patch():
        assert session.get(f"{verto.url}/status/200").text == "recorded"

    assert verto.arrived == 1


def test_another_request_line_is_sent(verto: Sandbox, mounted: Mounter) -> None:
    """What is put in the place of ``HTTPAdapter.request_url`` says what is asked for."""
    session = mounted()
    session.get(f"{verto.url}/status/200")

    with mock.patch.object(HTTPAdapter, "request_url", return_value="/status/204"):
        assert session.get(f"{verto.url}/status/200").status_code == 204


def _other_pool(*_: Any, **__: Any) -> Any:
    pool = HTTPConnectionPool("api.example.invalid")
    pool.urlopen = _urlopen  # type: ignore[method-assign]
    return pool


def _urlopen(*_: Any, **__: Any) -> Any:
    return _recording()


def _answer(adapter: HTTPAdapter, request: requests.PreparedRequest, **_: Any) -> requests.Response:
    return adapter.build_response(request, _recording())
