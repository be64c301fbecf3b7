import gzip
import time
from collections.abc import Callable
from typing import Any

import pytest
import urllib3
from urllib3 import BaseHTTPResponse

from tests.end_to_end.sessions import Told
from tests.end_to_end.urllib3.managers import Manager, attempts, circuit
from tests.end_to_end.wire import (
    BROKEN_CHUNK,
    RESET_IN_BODY,
    SHORT_BODY,
    STALLED_BODY,
    TRUNCATED_CHUNKS,
    Say,
    Wirer,
    answer,
)
from verto_resilience import Failure

pytestmark = pytest.mark.end_to_end

BREAKS = {
    "truncated_chunks": (TRUNCATED_CHUNKS, Failure.BODY),
    "broken_chunk": (BROKEN_CHUNK, Failure.BODY),
    "short_content_length": (SHORT_BODY, Failure.BODY),
    "reset_in_body": (RESET_IN_BODY, Failure.RESET),
    "stalled_body": (STALLED_BODY, Failure.READ_TIMEOUT),
}
READERS: dict[str, Callable[[BaseHTTPResponse], object]] = {
    "data": lambda response: response.data,
    "read": lambda response: response.read(),
    "stream": lambda response: list(response.stream(4)),
    "readinto": lambda response: [response.readinto(bytearray(4)) for _ in range(99)],
}


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
@pytest.mark.parametrize(("fault", "failure"), BREAKS.values(), ids=BREAKS)
def test_a_body_that_breaks_late_is_told_to_the_circuit(
    *,
    managed: Manager,
    wired: Wirer,
    fault: Say,
    failure: Failure,
    read: Callable[[BaseHTTPResponse], object],
) -> None:
    """The call returned at the headers; it counts as one failure, and raises as plain does."""
    wire = wired(fault, fault)
    manager = managed()
    caught = []
    for one in (urllib3.PoolManager(), manager):
        response = one.request("GET", wire.url, preload_content=False, timeout=0.25)
        with pytest.raises(Exception) as failed:  # noqa: PT011 - compared below
            read(response)
        caught.append((type(failed.value), str(failed.value).partition(" at 0x")[0]))
        response.close()

    stands = circuit(manager, wire.url)
    assert caught[0] == caught[1]
    assert (stands.calls, stands.failures, stands.last_failure) == (1, 1, failure)


def test_a_refused_stream_frees_its_connection(wired: Wirer, managed: Manager) -> None:
    """A 503 that is not returned is read and let go: one connection is enough for a resend."""
    wire = wired(answer(b"x" * 1000, status=503), answer(b"whole"))
    manager = managed(pools={"block": True, "maxsize": 1})

    response = manager.request("GET", wire.url, preload_content=False)

    assert (response.read(), attempts(response)) == (b"whole", 2)
    assert wire.connections == 1


def test_a_refused_stream_without_end_is_cut(wired: Wirer, managed: Manager) -> None:
    """What goes on is not waited for: its connection is closed, and given back to the pool."""
    endless = Say(
        b"HTTP/1.1 503 No\r\nContent-Length: 99999999\r\n\r\n", over=b"x" * 1000, every=0.01
    )
    wire = wired(endless, answer(b"whole"))
    manager = managed(pools={"block": True, "maxsize": 1})

    response = manager.request("GET", wire.url, preload_content=False)

    assert (response.read(), attempts(response)) == (b"whole", 2)
    assert wire.connections == 2


def test_a_refused_stream_that_is_long_is_closed(wired: Wirer, managed: Manager) -> None:
    """More than ``drain_limit`` is not read, and the place in the pool is free again."""
    wire = wired(answer(b"x" * 1_000_000, status=503), answer(b"whole"))
    manager = managed(pools={"block": True, "maxsize": 1})

    response = manager.request("GET", wire.url, preload_content=False)

    assert (response.read(), attempts(response)) == (b"whole", 2)
    assert wire.connections == 2


def test_the_last_refused_stream_can_be_read(wired: Wirer, managed: Manager) -> None:
    """The answer that is returned is whole, though others of its call were thrown away."""
    wire = wired(*[answer(f"no {number}".encode(), status=503) for number in range(3)])

    response = managed().request("GET", wire.url, preload_content=False)

    assert (response.status, response.read()) == (503, b"no 2")


def test_who_says_so_reads_undecoded(wired: Wirer, managed: Manager) -> None:
    """``decode_content`` is the caller's."""
    packed = gzip.compress(b"whole")
    wire = wired(*[answer(packed, head="Content-Encoding: gzip\r\n")] * 2)
    manager = managed()

    decoded = manager.request("GET", wire.url).data
    as_it_is = manager.request("GET", wire.url, decode_content=False).data

    assert (decoded, as_it_is) == (b"whole", packed)


@pytest.mark.parametrize("given", [{}, {"pool_timeout": 30.0}], ids=["for_ever", "long"])
def test_an_empty_blocking_pool_is_not_waited_for_beyond_the_deadline(
    wired: Wirer, managed: Manager, given: dict[str, float]
) -> None:
    """All connections in use is the program's own affair, and no mark against the server."""
    wire = wired(answer(b"x" * 10))
    settings: dict[str, Any] = {"call_timeout": 0.5, "read_timeout": 0.5, "connect_timeout": 0.5}
    manager = managed(pools={"block": True, "maxsize": 1}, **settings)
    held = manager.request("GET", wire.url, preload_content=False)
    began = time.monotonic()

    with pytest.raises(urllib3.exceptions.EmptyPoolError):
        manager.request("GET", wire.url, **given)  # type: ignore[arg-type]

    assert time.monotonic() - began < 5.0
    assert circuit(manager, wire.url).failures == 0
    held.close()


def test_a_late_failure_is_an_event(wired: Wirer, managed: Manager) -> None:
    """An observer hears of a body that broke in the caller's hands."""
    told = Told()
    response = managed(observer=told).request("GET", wired(SHORT_BODY).url, preload_content=False)

    with pytest.raises(urllib3.exceptions.HTTPError):
        response.read()

    assert "BodyFailed" in {type(event).__name__ for event in told.events}
