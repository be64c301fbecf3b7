import contextlib
import socket
import ssl
import threading
from pathlib import Path
from typing import Self

import pytest
import requests

from tests.end_to_end.sessions import Mounter, failures, report
from tests.end_to_end.wire import (
    CLOSE_AT_ONCE,
    GARBAGE,
    RESET_AT_ONCE,
    STALLED,
    Say,
    Then,
    Wirer,
    answer,
)
from verto_resilience import Failure
from verto_resilience.pipeline import End

pytestmark = pytest.mark.end_to_end

CERTIFICATE = Path(__file__).parents[1] / "testing" / "loopback.pem"
KEY = CERTIFICATE.with_suffix(".key")
LONGEST = 5.0


class Tunnel:
    """A proxy that answers ``CONNECT`` with 200 and passes all that follows on to one port."""

    def __init__(self, port: int) -> None:
        """Listen at once."""
        self.asked: list[bytes] = []
        self._port = port
        self._closing = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(0.02)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def __enter__(self) -> Self:
        """Give itself; it listens already."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self._closing.set()
        for thread in self._threads:
            thread.join(LONGEST)

    def _accept(self) -> None:
        with self._listener:
            while not self._closing.is_set():
                with contextlib.suppress(OSError):
                    client = self._listener.accept()[0]
                    thread = threading.Thread(target=self._hold, args=(client,), daemon=True)
                    self._threads.append(thread)
                    thread.start()

    def _hold(self, client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", self._port)) as server:
            client.settimeout(LONGEST)
            head = b""
            while b"\r\n\r\n" not in head:
                head += client.recv(65536)
            self.asked.append(b" ".join(head.split(b" ")[:2]))
            client.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
            back = threading.Thread(target=_pass_on, args=(server, client), daemon=True)
            back.start()
            _pass_on(client, server)
            back.join(LONGEST)


def _pass_on(giver: socket.socket, taker: socket.socket) -> None:
    giver.settimeout(LONGEST)
    with contextlib.suppress(OSError):
        while data := giver.recv(65536):
            taker.sendall(data)
    with contextlib.suppress(OSError):
        taker.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def secured() -> ssl.SSLContext:
    """Give what makes a wire speak TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE, KEY)
    return context


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_write_is_sent_again_when_its_proxy_is_not_there(
    mounted: Mounter, closed_port: str, scheme: str
) -> None:
    """A proxy that takes no connection has seen nothing: resent, and nothing is unknown."""
    session = mounted(max_attempts=2)
    session.proxies = {scheme: closed_port}

    with pytest.raises(requests.exceptions.ProxyError) as failed:
        session.post(f"{scheme}://far.example.invalid/", data=b"x")

    assert failures(failed.value) == [Failure.PROXY] * 2
    assert not report(failed.value).ambiguous


@pytest.mark.parametrize(
    "said",
    [
        answer(status=502, then=Then.CLOSE),
        answer(status=407, head="Proxy-Authenticate: Basic\r\n", then=Then.CLOSE),
        CLOSE_AT_ONCE,
        RESET_AT_ONCE,
        GARBAGE,
        STALLED,
    ],
    ids=["502", "407", "closed", "reset", "garbage", "stalled"],
)
def test_write_is_sent_again_when_no_tunnel_came_about(
    mounted: Mounter, wired: Wirer, said: Say
) -> None:
    """Whatever a proxy answers to ``CONNECT`` but 2xx, the request stayed here: it is resent."""
    proxy = wired(at_the_door=said)
    session = mounted(max_attempts=2)
    session.proxies = {"https": proxy.url}

    with pytest.raises(requests.exceptions.RequestException) as failed:
        session.post("https://far.example.invalid/", data=b"x", timeout=0.3)

    assert failures(failed.value) == [Failure.PROXY] * 2
    assert proxy.connections == 2
    assert not report(failed.value).ambiguous


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(
    "said", [answer(status=400, then=Then.CLOSE), RESET_AT_ONCE], ids=["no_tls", "reset"]
)
def test_write_is_sent_again_when_its_proxy_speaks_no_tls(
    mounted: Mounter, wired: Wirer, said: Say, scheme: str
) -> None:
    """A handshake with a secured proxy comes before all else: resent, and nothing is unknown."""
    proxy = wired(at_the_door=said)
    session = mounted(max_attempts=2)
    session.proxies = {scheme: proxy.url.replace("http", "https")}

    with pytest.raises(requests.exceptions.RequestException) as failed:
        session.post(f"{scheme}://far.example.invalid/", data=b"x")

    assert failures(failed.value) == [Failure.TLS_HANDSHAKE] * 2
    assert not report(failed.value).ambiguous


def test_bad_certificate_of_a_proxy_is_never_resent(
    mounted: Mounter, wired: Wirer, secured: ssl.SSLContext
) -> None:
    """A proxy that cannot be trusted is no better the next time, and has seen nothing."""
    proxy = wired(tls=secured)
    session = mounted()
    session.proxies = {"https": proxy.url}

    with pytest.raises(requests.exceptions.RequestException) as failed:
        session.post("https://far.example.invalid/", data=b"x")

    assert failures(failed.value) == [Failure.CERTIFICATE]
    assert not report(failed.value).ambiguous
    assert (proxy.connections, proxy.heard) == (1, ())


@pytest.mark.parametrize(
    ("fault", "failure"),
    [
        (CLOSE_AT_ONCE, Failure.RESET),
        (RESET_AT_ONCE, Failure.RESET),
        (GARBAGE, Failure.MALFORMED_RESPONSE),
        (STALLED, Failure.READ_TIMEOUT),
    ],
    ids=["closed", "reset", "garbage", "stalled"],
)
def test_write_is_not_resent_when_its_proxy_broke_off_with_it(
    mounted: Mounter, wired: Wirer, fault: Say, failure: Failure
) -> None:
    """A proxy that has the request may have passed it on, whatever urllib3 says: sent once."""
    proxy = wired(fault)
    session = mounted()
    session.proxies = {"http": proxy.url}

    with pytest.raises(requests.exceptions.RequestException) as failed:
        session.post("http://far.example.invalid/x", data=b"once", timeout=(5, 1))

    assert failures(failed.value) == [failure]
    assert [heard.body for heard in proxy.heard] == [b"once"]
    assert report(failed.value).ambiguous
    assert report(failed.value).end is End.NOT_REPEATABLE


@pytest.mark.parametrize("fault", [CLOSE_AT_ONCE, RESET_AT_ONCE, STALLED])
def test_write_is_not_resent_when_it_went_through_the_tunnel(
    mounted: Mounter, wired: Wirer, secured: ssl.SSLContext, fault: Say
) -> None:
    """Behind ``CONNECT`` too a server that broke off may have executed it: sent once."""
    wire = wired(fault, tls=secured)
    with Tunnel(wire.port) as proxy:
        session = mounted()
        session.verify = str(CERTIFICATE)
        session.proxies = {"https": proxy.url}

        with pytest.raises(requests.exceptions.RequestException) as failed:
            session.post(f"{wire.url}/x", data=b"once", timeout=(5, 1))
        session.close()

    assert [heard.body for heard in wire.heard] == [b"once"]
    assert report(failed.value).ambiguous
    assert report(failed.value).end is End.NOT_REPEATABLE


def test_write_is_sent_again_when_the_handshake_in_the_tunnel_failed(
    mounted: Mounter, wired: Wirer
) -> None:
    """The tunnel stood and no TLS came of it: the request stayed here, and nothing is unknown."""
    wire = wired(at_the_door=RESET_AT_ONCE)
    with Tunnel(wire.port) as proxy:
        session = mounted(max_attempts=2)
        session.proxies = {"https": proxy.url}

        with pytest.raises(requests.exceptions.ConnectionError) as failed:
            session.post(f"https://127.0.0.1:{wire.port}/x", data=b"x")
        session.close()

    assert failures(failed.value) == [Failure.TLS_HANDSHAKE] * 2
    assert proxy.asked == [f"CONNECT 127.0.0.1:{wire.port}".encode()] * 2
    assert not report(failed.value).ambiguous


def test_calls_through_both_kinds_of_proxy_are_answered(
    mounted: Mounter, wired: Wirer, secured: ssl.SSLContext
) -> None:
    """A proxy that works is no hindrance."""
    wire, forward = wired(tls=secured), wired()
    with Tunnel(wire.port) as proxy:
        session = mounted()
        session.verify = str(CERTIFICATE)
        session.proxies = {"https": proxy.url, "http": forward.url}

        bodies = [
            session.post(url, data=b"x").content
            for url in (wire.url, "http://far.example.invalid/", wire.url)
        ]
        session.close()

    assert bodies == [b"fine"] * 3
    assert len(proxy.asked) == 1
    assert (len(wire.heard), len(forward.heard)) == (2, 1)
