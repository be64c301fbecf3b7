import http.client
import socket
import ssl
from typing import Any

import pytest
import urllib3.exceptions as uex
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool

from verto_resilience.outcome import Failure
from verto_resilience.transports import Urllib3PausedError
from verto_resilience.transports._limits import AttemptLimit
from verto_resilience.transports._urllib3_failures import failure_of, on_the_way

HERE = HTTPConnection("127.0.0.1", 1)
POOL = HTTPConnectionPool("127.0.0.1", 1)
REFUSED = uex.NewConnectionError(HERE, "refused")
BAD_CERTIFICATE = uex.SSLError(ssl.SSLCertVerificationError(1, "self-signed"))
KNOWN = {
    "name": (
        uex.NameResolutionError("h", HERE, socket.gaierror(-2, "unknown")),
        Failure.NAME_RESOLUTION,
    ),
    "refused": (REFUSED, Failure.CONNECT),
    "connect_timeout": (uex.ConnectTimeoutError(HERE, "slow"), Failure.CONNECT_TIMEOUT),
    "read_timeout": (uex.ReadTimeoutError(POOL, "/", "slow"), Failure.READ_TIMEOUT),
    "reset": (uex.ProtocolError("Connection aborted.", ConnectionResetError(104)), Failure.RESET),
    "disconnected": (
        uex.ProtocolError("Connection aborted.", http.client.RemoteDisconnected("closed")),
        Failure.RESET,
    ),
    "garbage": (
        uex.ProtocolError("Connection aborted.", http.client.BadStatusLine("x")),
        Failure.MALFORMED_RESPONSE,
    ),
    "two_lengths": (uex.InvalidHeader("two lengths"), Failure.MALFORMED_RESPONSE),
    "short_body": (
        uex.ProtocolError("Connection broken", uex.IncompleteRead(1, 2)),
        Failure.BODY,
    ),
    "no_gzip": (uex.DecodeError("no gzip"), Failure.BODY),
    "certificate": (BAD_CERTIFICATE, Failure.CERTIFICATE),
    "proxy": (uex.ProxyError("Unable to connect to proxy", REFUSED), Failure.PROXY),
    "pool_closed": (uex.ClosedPoolError(POOL, "closed"), Failure.CALLER),
    "pool_empty": (uex.EmptyPoolError(POOL, "empty"), Failure.CALLER),
    "no_url": (uex.LocationParseError("no url"), Failure.CALLER),
    "no_scheme": (uex.URLSchemeUnknown("ftp"), Failure.CALLER),
    "body_lost": (uex.UnrewindableBodyError("gone"), Failure.CALLER),
}
OTHERS = {
    "not_urllib3s": ValueError("Method cannot contain non-token characters"),
    "ours": Urllib3PausedError("not sent"),
}


@pytest.mark.parametrize(("error", "failure"), KNOWN.values(), ids=KNOWN)
@pytest.mark.parametrize("wrapped", [False, True], ids=["itself", "max_retry"])
def test_it_is_told_what_happened(error: Exception, failure: Failure, wrapped: bool) -> None:
    """An error means the same, raised as it is or as the reason of a ``MaxRetryError``."""
    raised = uex.MaxRetryError(POOL, "/", error) if wrapped else error

    assert failure_of(raised) is failure


@pytest.mark.parametrize("error", OTHERS.values(), ids=OTHERS)
def test_what_is_not_of_the_wire_says_nothing_about_the_server(error: Exception) -> None:
    """A mistake of the program's, and a refusal of ours from further in, are the caller's own."""
    assert failure_of(error) is Failure.CALLER


def _raised_in(name: str, error: Exception) -> Exception:
    """Give the exception as it is after it passed through a function of this name."""
    scope: dict[str, Any] = {"error": error}
    exec(f"def {name}():\n    raise error\n", scope)  # noqa: S102
    try:
        scope[name]()
    except Exception as caught:  # noqa: BLE001
        return caught
    raise AssertionError


@pytest.mark.parametrize(
    ("function", "failure"),
    [("do_handshake", Failure.TLS_HANDSHAKE), ("_tunnel", Failure.PROXY)],
)
def test_what_broke_on_the_way_there_sent_nothing(function: str, failure: Failure) -> None:
    """A reset in a handshake or in a tunnel's making came before the request."""
    error = _raised_in(function, ConnectionResetError(104))

    assert failure_of(uex.ProtocolError("Connection aborted.", error)) is failure


def test_a_bad_certificate_is_one_though_it_is_found_in_the_handshake() -> None:
    """It would be as bad the next time: it is no handshake that failed."""
    error = _raised_in("do_handshake", ssl.SSLCertVerificationError(1, "expired"))

    assert failure_of(uex.MaxRetryError(POOL, "/", uex.SSLError(error))) is Failure.CERTIFICATE


@pytest.mark.parametrize(
    ("failure", "seen", "corrected"),
    [
        (Failure.RESET, {"requested": True}, Failure.STALE_CONNECTION),
        (Failure.RESET, {"requested": True, "connected": True}, Failure.RESET),
        (Failure.RESET, {"requested": True, "answered": True}, Failure.RESET),
        (Failure.CONNECT, {"sent": True}, Failure.RESET),
        (Failure.CALLER, {"sent": True}, Failure.UNKNOWN),
        (Failure.CONNECT, {}, Failure.CONNECT),
        (Failure.READ_TIMEOUT, {"sent": True}, Failure.READ_TIMEOUT),
    ],
)
def test_what_the_connection_did_goes_before_what_it_looks_like(
    failure: Failure, seen: dict[str, bool], corrected: Failure
) -> None:
    """An old connection that broke without a byte is stale; what was sent may have arrived."""
    limit = AttemptLimit(lambda: 0.0, 1.0)
    for name, value in seen.items():
        setattr(limit, name, value)

    assert on_the_way(failure, limit) is corrected
