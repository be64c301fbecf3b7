import socket
import ssl

import httpcore
import httpx
import pytest

from verto_resilience.outcome import Failure
from verto_resilience.transports._httpx_failures import failure_of
from verto_resilience.transports._httpx_wire import WireLimit


def _made_from(error: Exception, *causes: Exception) -> Exception:
    """Chain as httpx and httpcore do: httpcore keeps what it was made from as an argument."""
    inner: Exception = causes[-1]
    for cause in reversed(causes[:-1]):
        cause.args = (inner,)
        inner = cause
    error.__cause__ = inner
    return error


def _wire(**told: bool) -> WireLimit:
    limit = WireLimit(lambda: 0.0, 10.0)
    for name, value in told.items():
        setattr(limit, name, value)
    return limit


SENT = {"connected": True, "requested": True, "sent": True}
CONNECTING = {"connected": True}
SECURING = {"connected": True, "securing": True}
TUNNELLING = {"connected": True, "tunnelling": True}
REUSED = {"requested": True, "sent": True}
UNRESOLVED = _made_from(httpx.ConnectError("x"), httpcore.ConnectError(), socket.gaierror(-2, "x"))
UNTRUSTED = _made_from(
    httpx.ConnectError("x"), httpcore.ConnectError(), ssl.SSLCertVerificationError("x")
)
NO_TLS = _made_from(httpx.ConnectError("x"), httpcore.ConnectError(), ssl.SSLError("x"))
PARSED = _made_from(httpx.RemoteProtocolError("x"), httpcore.RemoteProtocolError(), ValueError())
CLOSED = _made_from(httpx.RemoteProtocolError("x"), httpcore.RemoteProtocolError("closed"))

ROWS = [
    (httpx.ConnectTimeout("x"), {}, Failure.CONNECT_TIMEOUT),
    (httpx.ConnectTimeout("x"), CONNECTING, Failure.CONNECT_TIMEOUT),
    (httpx.ConnectError("x"), {}, Failure.CONNECT),
    (UNRESOLVED, CONNECTING, Failure.NAME_RESOLUTION),
    (UNTRUSTED, SECURING, Failure.CERTIFICATE),
    (NO_TLS, {}, Failure.TLS_HANDSHAKE),
    (httpx.ReadError("x"), SECURING, Failure.TLS_HANDSHAKE),
    (httpx.ProxyError("x"), {}, Failure.PROXY),
    (httpx.ReadTimeout("x"), TUNNELLING, Failure.PROXY),
    (httpx.ReadError("x"), CONNECTING, Failure.CONNECT),
    (httpx.PoolTimeout("x"), {}, Failure.CALLER),
    (httpx.UnsupportedProtocol("x"), {}, Failure.CALLER),
    (httpx.LocalProtocolError("x"), {}, Failure.CALLER),
    (httpx.LocalProtocolError("x"), SENT, Failure.UNKNOWN),
    (ValueError("a bug of somebody's"), {}, Failure.CALLER),
    (ValueError("a body that failed"), SENT, Failure.UNKNOWN),
    (httpx.ReadTimeout("x"), {}, Failure.READ_TIMEOUT),
    (httpx.WriteTimeout("x"), SENT, Failure.READ_TIMEOUT),
    (httpx.ReadError("x"), SENT, Failure.RESET),
    (httpx.WriteError("x"), {}, Failure.RESET),
    (httpx.ReadError("x"), REUSED, Failure.STALE_CONNECTION),
    (CLOSED, SENT, Failure.RESET),
    (CLOSED, REUSED, Failure.STALE_CONNECTION),
    (PARSED, SENT, Failure.MALFORMED_RESPONSE),
    (httpx.ConnectError("x"), SENT, Failure.RESET),
    (httpx.DecodingError("x"), SENT, Failure.BODY),
]


@pytest.mark.parametrize(("error", "told", "expected"), ROWS)
def test_what_was_raised_and_what_the_wire_told(
    error: Exception, told: dict[str, bool], expected: Failure
) -> None:
    """What the wire told goes before what an exception looks like."""
    assert failure_of(error, _wire(**told)) is expected


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (PARSED, Failure.BODY),
        (CLOSED, Failure.BODY),
        (httpx.ReadError("x"), Failure.RESET),
        (httpx.ReadTimeout("x"), Failure.READ_TIMEOUT),
    ],
)
def test_a_body_that_breaks(error: Exception, expected: Failure) -> None:
    """After the headers a broken protocol is a broken body, on a connection that was used too."""
    limit = _wire(**REUSED, answered=True)

    assert failure_of(error, limit, in_body=True) is expected


def test_a_request_to_a_proxy_for_a_tunnel_is_not_the_request() -> None:
    """Nothing was sent to the server while ``CONNECT`` is under way."""
    limit = _wire()
    asks = httpcore.Request("CONNECT", "http://proxy.invalid/")

    limit.note("connection.connect_tcp.started", {})
    limit.note("http11.send_request_headers.started", {"request": asks})
    limit.note("http11.receive_response_headers.complete", {})

    assert limit.on_the_way
    assert (limit.tunnelling, limit.answered) == (True, False)


def test_a_handshake_that_is_done_is_over() -> None:
    """What comes up after it is no failure of TLS."""
    limit = _wire()

    limit.note("connection.start_tls.started", {})
    limit.note("connection.start_tls.complete", {})

    assert not limit.securing
