"""Calls over a Unix socket: the URL says who is called, and the inner transport where that is."""

import gc
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from opentelemetry.trace import SpanKind

from tests.end_to_end.httpx_edge.conftest import Call, Clients
from tests.end_to_end.httpx_edge.looks import circuit
from tests.end_to_end.sessions import failures, report
from tests.end_to_end.telemetry.setups import OURS, drawn_by, shown
from tests.end_to_end.wire import RESET_AT_ONCE, Say, Wirer, answer
from tests.telemetry.makers import Sdk
from verto_resilience import CircuitOpenError, Failure

pytestmark = [
    pytest.mark.end_to_end,
    pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="there are no Unix sockets"),
]

URL = "http://engine.invalid/things"
ORIGIN = "http://engine.invalid:80"


@pytest.fixture
def at() -> Iterator[str]:
    """Give a path where nobody listens yet, short enough for a socket."""
    with tempfile.TemporaryDirectory(prefix="verto") as directory:
        yield str(Path(directory) / "socket")


def test_a_call_is_resent_over_the_same_connection(call: Call, wired: Wirer, at: str) -> None:
    """The name in the URL is looked up nowhere, and goes along as ``Host``."""
    wire = wired(answer(status=503), answer(), path=at)

    response = call("GET", URL, uds=at)

    assert response.text == "fine"
    assert [attempt.outcome.status for attempt in report(response).attempts] == [503, 200]
    assert [heard.headers["Host"] for heard in wire.heard] == ["engine.invalid"] * 2
    assert wire.connections == 1


# In threads httpcore 1.0.9 leaves a socket that it could not connect to the garbage collector.
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
def test_a_socket_that_is_not_there_is_tried_again_whatever_the_method(call: Call, at: str) -> None:
    """Nothing was sent, so a write may be tried again as well, and its outcome is known."""
    with pytest.raises(httpx.ConnectError) as failed:
        call("POST", URL, uds=at, content=b"{}")

    assert failures(failed.value) == [Failure.CONNECT] * 3
    assert not report(failed.value).ambiguous
    del failed
    gc.collect()


def test_a_write_that_was_on_its_way_is_in_doubt(call: Call, wired: Wirer, at: str) -> None:
    """A connection that breaks once the request is out is told from one that was never made."""
    wire = wired(RESET_AT_ONCE, path=at)

    with pytest.raises(httpx.TransportError) as failed:
        call("POST", URL, uds=at, content=b"{}")

    assert report(failed.value).ambiguous
    assert len(wire.heard) == 1


def test_the_circuit_is_that_of_the_url(client: Clients, wired: Wirer, at: str) -> None:
    """Its key names whom the URL names, and another name over the same socket has its own."""
    wired(*[answer(status=503)] * 5, path=at)
    sender = client(inner=httpx.HTTPTransport(uds=at), max_attempts=1)
    for _ in range(5):
        sender.get(URL)

    with pytest.raises(CircuitOpenError) as refused:
        sender.get(URL)

    assert refused.value.key == ORIGIN
    assert circuit(sender, URL).state == "open"
    assert sender.get("http://other.invalid/").text == "fine"


def test_a_server_that_drips_is_cut_off_at_the_deadline(call: Call, wired: Wirer, at: str) -> None:
    """Each read over such a socket gets no longer than the call has left, too."""
    wired(Say(b"HTTP/1.1 200 OK\r\n", over=b"X: x\r\n", every=0.05), path=at)
    times = dict.fromkeys(("call_timeout", "connect_timeout", "read_timeout"), 0.3)
    began = time.monotonic()

    with pytest.raises(httpx.ReadTimeout):
        call("GET", URL, uds=at, **times)

    assert time.monotonic() - began < 3.0


def test_telemetry_names_the_server_of_the_url_and_no_peer(
    sdk: Sdk, call: Call, wired: Wirer, at: str
) -> None:
    """There is no address at the other end, and the path of a socket is none."""
    wired(path=at)

    call("GET", URL, uds=at)

    (attempt,) = [span for span in drawn_by(sdk, OURS) if span.kind is SpanKind.CLIENT]
    assert shown(attempt, "server.address") == "engine.invalid"
    assert shown(attempt, "server.port") == 80
    assert shown(attempt, "url.full") == URL
    assert shown(attempt, "network.protocol.version") == "1.1"
    assert shown(attempt, "network.peer.address") is None
    assert shown(attempt, "network.peer.port") is None
    assert at not in "".join(span.to_json() for span in sdk.spans)
