import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.end_to_end.sessions import PATIENT, Mounter, balance, circuit, failures, report
from tests.end_to_end.wire import (
    CLOSE_AT_ONCE,
    RESET_AT_ONCE,
    RESET_IN_BODY,
    RESET_IN_HEADERS,
    SHORT_BODY,
    STALLED,
    Say,
    Then,
    Wirer,
    answer,
)
from verto_resilience import Failure, Health
from verto_resilience.pipeline import End
from verto_resilience.testing import Sandbox

pytestmark = pytest.mark.end_to_end

CERTIFICATE = Path(__file__).parents[1] / "testing" / "loopback.pem"
KEY = CERTIFICATE.with_suffix(".key")


@pytest.fixture
def full_port() -> Iterator[str]:
    """Give the address of a listener whose queue is full, so that connecting takes for ever."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                waiting.connect(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_refused_connection_is_tried_again_for_any_method(
    mounted: Mounter, closed_port: str, method: str
) -> None:
    """Nothing was sent: a POST without a key is tried again as well, and nothing is unknown."""
    with pytest.raises(requests.exceptions.ConnectionError) as failed:
        mounted().request(method, closed_port, data=b"x" if method == "POST" else None)

    assert failures(failed.value) == [Failure.CONNECT] * 3
    assert not report(failed.value).ambiguous
    assert report(failed.value).attempts[0].outcome.health is Health.BAD


def test_server_that_comes_up_meanwhile_gets_the_request(mounted: Mounter) -> None:
    """A POST that found nobody at home arrives once somebody is."""
    with Sandbox() as verto:
        verto.close()
        session = mounted(
            **PATIENT | {"backoff_base": 0.3, "backoff_limit": 0.3, "max_attempts": 10}
        )
        starter = _start_soon(verto)

        response = session.post(f"{verto.url}/status/201", data=b"once")
        starter.join()

        assert response.status_code == 201
        assert [arrival.body for arrival in verto.log] == [b"once"]


def _start_soon(verto: Sandbox) -> threading.Timer:
    timer = threading.Timer(0.1, verto.start)
    timer.start()
    return timer


def test_connect_timeout_is_tried_again_for_any_method(mounted: Mounter, full_port: str) -> None:
    """A server that does not take the connection has seen nothing: tried again, not unknown."""
    with pytest.raises(requests.exceptions.ConnectTimeout) as failed:
        mounted(max_attempts=2).post(full_port, data=b"x", timeout=(0.15, 5))

    assert failures(failed.value) == [Failure.CONNECT_TIMEOUT] * 2
    assert not report(failed.value).ambiguous


def test_name_that_does_not_resolve_is_tried_again(mounted: Mounter) -> None:
    """A name that nobody knows just now is asked for again: nothing was sent."""
    with pytest.raises(requests.exceptions.ConnectionError) as failed:
        mounted(max_attempts=2).post("http://nowhere.invalid/", data=b"x")

    assert failures(failed.value) == [Failure.NAME_RESOLUTION] * 2
    assert not report(failed.value).ambiguous


def test_proxy_that_is_not_there_is_tried_again(mounted: Mounter, closed_port: str) -> None:
    """A proxy that refuses the connection has passed nothing on."""
    session = mounted(max_attempts=2)
    session.proxies = {"http": closed_port}

    with pytest.raises(requests.exceptions.ProxyError) as failed:
        session.post("http://far.example.invalid/", data=b"x")

    assert failures(failed.value) == [Failure.PROXY] * 2
    assert not report(failed.value).ambiguous


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_handshake_with_a_server_that_speaks_no_tls_is_tried_again(
    mounted: Mounter, wired: Wirer, method: str
) -> None:
    """A handshake that failed comes before the request: nothing was sent, for any method."""
    wire = wired(at_the_door=answer(status=400, then=Then.CLOSE))

    with pytest.raises(requests.exceptions.SSLError) as failed:
        mounted(max_attempts=2).request(method, wire.url.replace("http", "https"))

    assert failures(failed.value) == [Failure.TLS_HANDSHAKE] * 2
    assert not report(failed.value).ambiguous
    assert wire.connections == 2
    assert wire.heard == ()


def test_handshake_that_is_cut_off_is_tried_again(mounted: Mounter, wired: Wirer) -> None:
    """A connection that is reset in the handshake has carried no request: a POST is not unknown."""
    wire = wired(at_the_door=RESET_AT_ONCE)

    with pytest.raises(requests.exceptions.ConnectionError) as failed:
        mounted(max_attempts=2).post(wire.url.replace("http", "https"), data=b"x")

    assert failures(failed.value) == [Failure.TLS_HANDSHAKE] * 2
    assert not report(failed.value).ambiguous
    assert wire.connections == 2


def test_handshake_that_stalls_is_tried_again(mounted: Mounter, wired: Wirer) -> None:
    """A server that takes the connection and never answers the handshake has seen no request."""
    wire = wired(at_the_door=STALLED)

    with pytest.raises(requests.exceptions.RequestException) as failed:
        mounted(max_attempts=2).post(wire.url.replace("http", "https"), data=b"x", timeout=0.2)

    assert len(failures(failed.value)) == 2
    assert not report(failed.value).ambiguous
    assert wire.connections == 2


def test_bad_certificate_is_never_resent(mounted: Mounter) -> None:
    """A certificate that cannot be trusted is no better the next time: one connection, no request.

    It is told to the circuit.
    """
    with Sandbox(tls=(str(CERTIFICATE), str(KEY))) as verto:
        session = mounted()

        with pytest.raises(requests.exceptions.SSLError) as failed:
            session.get(f"{verto.url}/status/200")

        assert failures(failed.value) == [Failure.CERTIFICATE]
        assert circuit(session, verto.url).failures == 1
        session.verify = str(CERTIFICATE)
        session.get(f"{verto.url}/status/200")
        assert [arrival.connection for arrival in verto.log] == [2]


def test_wrong_host_name_in_the_certificate_is_never_resent(mounted: Mounter) -> None:
    """A certificate that is another's is a certificate failure too."""
    with Sandbox(tls=(str(CERTIFICATE), str(KEY)), host="127.0.0.2") as verto:
        session = mounted()
        session.verify = str(CERTIFICATE)

        with pytest.raises(requests.exceptions.SSLError) as failed:
            session.get(f"{verto.url}/status/200")

        assert failures(failed.value) == [Failure.CERTIFICATE]
        assert verto.arrived == 0


@pytest.mark.parametrize(
    ("method", "headers", "sends"),
    [("GET", {}, 2), ("PUT", {}, 2), ("POST", {}, 1), ("POST", {"Idempotency-Key": "k"}, 2)],
)
def test_read_timeout_is_resent_only_when_repeatable(
    mounted: Mounter, wired: Wirer, method: str, headers: dict[str, str], sends: int
) -> None:
    """A server that fell silent may be at work: only what may run twice is sent twice."""
    wire = wired(STALLED, STALLED)
    session = mounted(max_attempts=2)

    with pytest.raises(requests.exceptions.ReadTimeout) as failed:
        session.request(method, wire.url, headers=headers, timeout=0.2)

    assert failures(failed.value) == [Failure.READ_TIMEOUT] * sends
    assert len(wire.heard) == sends
    assert circuit(session, wire.url).failures == sends


@pytest.mark.parametrize("fault", [CLOSE_AT_ONCE, RESET_AT_ONCE], ids=["closed", "reset"])
def test_stale_connection_is_resent_at_once_and_free(
    mounted: Mounter, wired: Wirer, fault: Say
) -> None:
    """A kept connection that the server dropped costs a GET nothing: no attempt, no token, no mark.

    One attempt is allowed, and yet the second send is made, at once.
    """
    wire = wired(answer(b"one"), fault, answer(b"two"))
    session = mounted(max_attempts=1, backoff_base=5, backoff_limit=5, budget_trickle=0)
    session.get(wire.url)
    began = time.monotonic()

    response = session.get(wire.url)

    assert response.content == b"two"
    assert time.monotonic() - began < 0.3
    assert failures(response) == [Failure.STALE_CONNECTION, None]
    assert [heard.connection for heard in wire.heard] == [1, 1, 2]
    assert balance(session, wire.url) == 10.0
    stands = circuit(session, wire.url)
    assert (stands.calls, stands.failures) == (2, 0)


def test_stale_connection_of_a_write_is_not_resent(mounted: Mounter, wired: Wirer) -> None:
    """Whether the server saw a POST before it dropped the connection nobody knows: sent once."""
    wire = wired(answer(), CLOSE_AT_ONCE)
    session = mounted()
    session.get(wire.url)

    with pytest.raises(requests.exceptions.ConnectionError) as failed:
        session.post(wire.url, data=b"x")

    assert report(failed.value).ambiguous
    assert report(failed.value).end is End.NOT_REPEATABLE
    assert len(wire.heard) == 2


def test_stale_connections_are_free_once_in_a_call(mounted: Mounter, wired: Wirer) -> None:
    """A server that drops every connection gets one free resend in a call, then as usual."""
    wire = wired(answer(), *[CLOSE_AT_ONCE] * 9)
    session = mounted(max_attempts=2)
    session.get(wire.url)

    with pytest.raises(requests.exceptions.ConnectionError):
        session.get(wire.url)

    assert len(wire.heard) == 1 + 3


def test_new_connection_that_is_dropped_is_no_stale_one(mounted: Mounter, wired: Wirer) -> None:
    """A connection that never carried an answer counts against the origin when it breaks."""
    wire = wired(CLOSE_AT_ONCE, answer())
    session = mounted()

    response = session.get(wire.url)

    assert failures(response) == [Failure.RESET, None]
    assert circuit(session, wire.url).failures == 1


@pytest.mark.parametrize(
    "fault", [RESET_IN_HEADERS, RESET_IN_BODY, SHORT_BODY], ids=["headers", "body", "short"]
)
def test_answer_that_breaks_on_a_kept_connection_is_no_stale_one(
    mounted: Mounter, wired: Wirer, fault: Say
) -> None:
    """A server that had begun to answer did not merely drop an idle connection: it counts."""
    wire = wired(answer(), fault)
    session = mounted()
    session.get(wire.url)

    response = session.get(wire.url)

    assert response.content == b"fine"
    assert failures(response)[0] is not Failure.STALE_CONNECTION
    assert circuit(session, wire.url).failures == 1


def test_connection_opened_anew_is_no_stale_one(mounted: Mounter, wired: Wirer) -> None:
    """After ``Connection: close`` each call has a connection of its own: its reset counts."""
    wire = wired(answer(head="Connection: close\r\n", then=Then.CLOSE), RESET_AT_ONCE)
    session = mounted()
    session.get(wire.url)

    response = session.get(wire.url)

    assert failures(response) == [Failure.RESET, None]
    assert [heard.connection for heard in wire.heard] == [1, 2, 3]
    assert circuit(session, wire.url).failures == 1


def test_idle_connection_that_was_closed_is_replaced_unseen(
    verto: Sandbox, mounted: Mounter
) -> None:
    """A server that restarts between two calls costs neither a failure nor a resend."""
    session = mounted(max_attempts=1)
    session.get(f"{verto.url}/status/200")
    verto.close()
    verto.start()

    response = session.get(f"{verto.url}/status/200")

    assert response.status_code == 200
    assert failures(response) == [None]
