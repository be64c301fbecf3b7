"""What an attempt may take of its call's time: reading, writing, and what is thrown away."""

import contextlib
import gc
import gzip
import io
import os
import pickle
import signal
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter
from requests.exceptions import RequestException

import verto_resilience
from tests.end_to_end.sessions import Mounter, adapter_of, circuit, quick, report
from tests.end_to_end.wire import STALLED, STALLED_BODY, Say, Then, Wirer, answer
from verto_resilience.pipeline import End
from verto_resilience.testing import Reply, Sandbox

DRIPS = {
    "length": Say(
        b"HTTP/1.1 503 Said\r\nContent-Length: 100\r\n\r\n", Then.CLOSE, over=b"x", every=0.2
    ),
    "chunked": Say(
        b"HTTP/1.1 503 Said\r\nTransfer-Encoding: chunked\r\n\r\n",
        Then.CLOSE,
        over=b"1\r\nx\r\n",
        every=0.2,
    ),
}

SHORT = {"call_timeout": 1.0, "read_timeout": 1.0, "connect_timeout": 1.0}


@pytest.mark.parametrize("drip", list(DRIPS.values()), ids=list(DRIPS))
def test_answer_that_drips_is_not_waited_for(mounted: Mounter, wired: Wirer, drip: Say) -> None:
    """With ``stream=True`` a refused answer holds up the resend for an instant only."""
    wire = wired(drip, answer(b"good"))

    response = mounted().get(wire.url, stream=True)

    assert response.content == b"good"
    first, second = wire.heard
    assert second.arrived - first.arrived < 2.0


@pytest.mark.parametrize("drip", list(DRIPS.values()), ids=list(DRIPS))
def test_session_in_use_keeps_its_calls_to_their_time(
    plain: requests.Session, wired: Wirer, drip: Say
) -> None:
    """A connection from before the mounting is held to the deadline as a new one is."""
    wire = wired(answer(), drip)
    plain.get(wire.url)
    verto_resilience.mount(plain, policy=quick(**SHORT, max_attempts=1))
    began = time.monotonic()

    with pytest.raises(RequestException):
        plain.get(wire.url, timeout=0.9)

    assert time.monotonic() - began < 2.5
    assert {heard.connection for heard in wire.heard} == {1}


@pytest.fixture
def slow_reader() -> Iterator[str]:
    """Give the URL of a server that takes a little of each request every tenth of a second."""
    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)

        def serve() -> None:
            connection = listener.accept()[0]
            with connection, contextlib.suppress(OSError):
                while not done.wait(0.1) and connection.recv(65536):
                    pass

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        done.set()
        thread.join(5.0)


@pytest.mark.parametrize("streamed", [True, False], ids=["file", "bytes"])
def test_upload_ends_with_the_call(mounted: Mounter, slow_reader: str, streamed: bool) -> None:
    """A server that takes the body drop by drop holds the call no longer than it may last."""
    body = b"x" * 50_000_000
    session = mounted(**SHORT, max_attempts=1)
    began = time.monotonic()

    with pytest.raises(RequestException) as caught:
        session.put(slow_reader, data=io.BytesIO(body) if streamed else body)

    assert time.monotonic() - began < 4.0
    assert report(caught.value).ambiguous


def test_connect_timeout_is_not_for_uploads(mounted: Mounter, slow_reader: str) -> None:
    """A body that goes out slowly has the read timeout for each write, not the connect timeout."""
    session = mounted(call_timeout=2.0, read_timeout=1.5, connect_timeout=0.05, max_attempts=1)
    began = time.monotonic()

    with pytest.raises(RequestException):
        session.put(slow_reader, data=b"x" * 50_000_000)

    assert time.monotonic() - began > 1.0


def test_streamed_body_is_read_in_the_caller_s_time(mounted: Mounter, wired: Wirer) -> None:
    """Once returned, a body may take longer than the call had left when its attempt began."""
    slow = Say(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", over=b"x", every=1.0)
    wire = wired(answer(status=503, head="Retry-After: 1\r\n"), slow)
    session = mounted(call_timeout=1.6, read_timeout=1.6, connect_timeout=1.0)

    response = session.get(wire.url, stream=True)

    assert response.content == b"xx"


LATE = Say(
    b"HTTP/1.1 503 Said\r\nContent-Length: 2\r\nRetry-After: 1\r\n\r\n",
    Then.CLOSE,
    over=b"x",
    every=0.3,
)


@pytest.mark.parametrize("end", [End.INTERRUPTED, End.CIRCUIT_OPEN])
def test_answer_that_waits_is_whole_when_it_is_returned(
    mounted: Mounter, wired: Wirer, end: End
) -> None:
    """A body that comes late is not broken off while its call waits to resend."""
    wire = wired(LATE)
    session = mounted()
    adapter = adapter_of(session, wire.url)
    breaker = adapter.circuits.at(wire.url, time.monotonic()).breaker
    acts = {
        End.INTERRUPTED: adapter.close,
        End.CIRCUIT_OPEN: lambda: breaker.open(time.monotonic() + 10.0),
    }
    actor = threading.Timer(0.5, acts[end])
    actor.start()

    response = session.get(wire.url, stream=True)
    actor.join()

    assert report(response).end is end
    assert response.content == b"xx"


@pytest.mark.parametrize("stream", [True, False])
def test_401_that_nobody_helps_is_whole(
    plain: requests.Session, wired: Wirer, stream: bool
) -> None:
    """An answer whose body comes late is returned as it is when there are no new credentials."""
    late = Say(b"HTTP/1.1 401 Said\r\nContent-Length: 2\r\n\r\n", over=b"x", every=0.3)
    wire = wired(late)
    policy = quick(verto_hosts=("127.0.0.1",))
    verto_resilience.mount(plain, policy=policy, refresh=lambda refused: None)

    response = plain.get(wire.url, stream=stream, hooks={"response": lambda answer, **_: None})

    assert (response.status_code, response.content) == (401, b"xx")


def test_pool_that_blocks_keeps_no_call_beyond_its_time(
    plain: requests.Session, verto: Sandbox
) -> None:
    """Waiting for a free connection ends with the call, as an exception of requests."""
    plain.mount("http://", HTTPAdapter(pool_maxsize=1, pool_block=True))
    verto_resilience.mount(plain, policy=quick(**SHORT))
    verto.script("/x", [Reply(200, body=b"x" * 1_000_000)])
    began = time.monotonic()

    with (
        plain.get(f"{verto.url}/x", stream=True),
        pytest.raises(RequestException) as caught,
    ):
        plain.get(f"{verto.url}/y")

    assert 0.9 < time.monotonic() - began < 5.0
    assert not report(caught.value).ambiguous


class OwnKeys(HTTPAdapter):
    """Says itself what its pools are for, as requests documents."""

    def build_connection_pool_key_attributes(self, *args: Any, **kwargs: Any) -> Any:
        """Say nothing else."""
        return super().build_connection_pool_key_attributes(*args, **kwargs)


def test_adapter_with_pools_of_its_own_keeps_its_calls_to_their_time(
    plain: requests.Session, wired: Wirer
) -> None:
    """How an adapter finds its pools has no bearing on the deadline."""
    wire = wired(DRIPS["length"])
    plain.mount("http://", OwnKeys())
    verto_resilience.mount(plain, policy=quick(**SHORT, max_attempts=1))
    began = time.monotonic()

    with pytest.raises(RequestException):
        plain.get(wire.url, timeout=0.9)

    assert time.monotonic() - began < 3.0


class TimeIsUpError(Exception):
    """What a program raises from a signal handler of its own."""


@pytest.mark.parametrize("method", ["GET", "PUT", "POST"])
def test_exception_of_the_program_passes_while_a_body_is_read(
    mounted: Mounter, wired: Wirer, method: str
) -> None:
    """It reaches the program as it is, nothing is sent again, and the server is not blamed."""
    wire = wired(STALLED_BODY)
    session = mounted()

    def up(*_: object) -> None:
        raise TimeIsUpError

    before = signal.signal(signal.SIGALRM, up)
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    try:
        with pytest.raises(TimeIsUpError):
            session.request(method, wire.url)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)

    assert len(wire.heard) == 1
    assert circuit(session, wire.url).failures == 0


def test_body_is_as_plain_requests_reads_it(
    plain: requests.Session, mounted: Mounter, verto: Sandbox
) -> None:
    """Also where it is compressed and its second part is damaged."""
    damaged = bytearray(gzip.compress(os.urandom(50_000)))
    damaged[-6] ^= 255
    body = gzip.compress(b"a" * 1000) + bytes(damaged)
    verto.script("/x", [Reply(200, body=body, headers={"Content-Encoding": "gzip"})], repeat=True)

    expected = plain.get(f"{verto.url}/x").content

    assert mounted().get(f"{verto.url}/x").content == expected


def test_attempt_that_the_deadline_cut_says_nothing_of_the_server(
    mounted: Mounter, wired: Wirer
) -> None:
    """A resend with a second left of a read timeout of two is no failure when it takes longer."""
    wire = wired(answer(status=503, head="Retry-After: 1\r\n"), STALLED)
    session = mounted(call_timeout=2.0, read_timeout=2.0, connect_timeout=1.0)

    with pytest.raises(RequestException) as caught:
        session.get(wire.url)

    assert [attempt.outcome.cause for attempt in report(caught.value).attempts] == [
        "503",
        "read_timeout",
    ]
    assert circuit(session, wire.url).failures == 1


def test_attempt_that_had_its_time_is_counted(mounted: Mounter, wired: Wirer) -> None:
    """A first attempt that lasts as long as the call is a failure of the server."""
    wire = wired(STALLED)
    session = mounted(call_timeout=0.5, read_timeout=0.5, connect_timeout=0.5)

    with pytest.raises(RequestException):
        session.get(wire.url)

    assert circuit(session, wire.url).failures == 1


def test_answer_that_is_dropped_unread_closes_its_connection(
    mounted: Mounter, wired: Wirer
) -> None:
    """Nothing refers back to a streamed answer, so it goes without the garbage collector."""
    wire = wired(Say(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", Then.STALL))
    session = mounted()
    gc.collect()
    gc.disable()
    try:
        response = session.get(wire.url, stream=True)
        del response
        end = time.monotonic() + 3.0
        while wire.still_open and time.monotonic() < end:
            time.sleep(0.01)
    finally:
        gc.enable()

    assert wire.still_open == 0


def test_hooks_stay_the_caller_s(verto: Sandbox, mounted: Mounter) -> None:
    """The hooks of an answer's request are what the caller gave, to be used and pickled again."""
    verto.script("/x", [Reply(302, headers={"Location": "/y"})])
    verto.script("/y", [200, 200])
    session = mounted()

    request = session.get(f"{verto.url}/x").request

    assert request.hooks == {"response": []}
    again = requests.Request("GET", f"{verto.url}/y", hooks=request.hooks)
    assert session.send(session.prepare_request(again)).status_code == 200
    assert b"verto" not in pickle.dumps(request.hooks)
