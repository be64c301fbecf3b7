import contextlib
import gc
import time
import weakref
from collections.abc import Callable, Iterator

import pytest
import requests
from requests.adapters import HTTPAdapter

import verto_resilience
from tests.end_to_end.sessions import adapter_of, quick
from tests.end_to_end.wire import Wire, Wirer, answer
from verto_resilience import VertoAdapter, VertoAuth

pytestmark = pytest.mark.end_to_end

TOKEN = answer(b'{"token": "t"}')


@pytest.fixture
def _no_collection() -> Iterator[None]:
    """Collect no garbage for the time of a test."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def _left_open(wire: Wire) -> int:
    """Count the connections that are open still, once a close had the time to get through."""
    end = time.monotonic() + 2.0
    while wire.still_open and time.monotonic() < end:
        time.sleep(0.01)
    return wire.still_open


def _plain(session: requests.Session, url: str) -> None:
    """Leave it plain."""


def _mounted(session: requests.Session, url: str) -> None:
    verto_resilience.mount(session, policy=quick())


def _by_hand(session: requests.Session, url: str) -> None:
    session.mount("http://", VertoAdapter(policy=quick()))


def _around_its_own(session: requests.Session, url: str) -> None:
    session.mount("http://", VertoAdapter(inner=HTTPAdapter(), policy=quick()))


def _signed_in(session: requests.Session, url: str) -> None:
    auth = VertoAuth("client-id", "api-key", login_url=f"{url}/users/login")
    session.auth = auth
    policy = quick(
        verto_hosts=("127.0.0.1",), server_error_wait_min=0.01, server_error_wait_max=0.02
    )
    verto_resilience.mount(session, policy=policy, refresh=auth)


def _unmounted(session: requests.Session, url: str) -> None:
    _mounted(session, url)
    verto_resilience.unmount(session)


@pytest.mark.usefixtures("_no_collection")
@pytest.mark.parametrize(
    "prepare", [_plain, _mounted, _by_hand, _around_its_own, _signed_in, _unmounted]
)
@pytest.mark.parametrize("status", [200, 503])
def test_dropped_session_closes_its_connections(
    wired: Wirer, prepare: Callable[[requests.Session, str], None], status: int
) -> None:
    """At once and without the garbage collector, as those of a plain session are closed."""
    wire = wired(TOKEN, *[answer(status=status)] * 9)
    session = requests.Session()
    session.trust_env = False
    prepare(session, wire.url)
    session.get(wire.url)
    assert wire.still_open == 1

    del session

    assert _left_open(wire) == 0


@pytest.mark.usefixtures("_no_collection")
def test_dropped_session_leaves_nothing_behind(wired: Wirer) -> None:
    """Neither the adapter, nor the one it wraps, nor its pool, nor the registry of circuits."""
    wire = wired()
    session = requests.Session()
    session.trust_env = False
    _mounted(session, wire.url)
    session.get(wire.url)
    adapter = adapter_of(session, wire.url)
    inner = adapter.inner
    assert isinstance(inner, HTTPAdapter)
    left = [weakref.ref(thing) for thing in (session, adapter, inner, inner.poolmanager)]
    left.append(weakref.ref(adapter.circuits))

    del session, adapter, inner

    assert [reference() for reference in left] == [None] * 5


@pytest.mark.usefixtures("_no_collection")
def test_session_that_refused_a_call_is_dropped_as_well(wired: Wirer) -> None:
    """An open circuit's error holds the session no longer than the caller holds the error."""
    wire = wired(*[answer(status=503)] * 9)
    session = requests.Session()
    session.trust_env = False
    _mounted(session, wire.url)
    for _ in range(3):
        with contextlib.suppress(verto_resilience.CircuitOpenError):
            session.post(wire.url)
            session.get(wire.url)
    with pytest.raises(verto_resilience.CircuitOpenError) as refused:
        session.get(wire.url)

    del session, refused

    assert _left_open(wire) == 0
