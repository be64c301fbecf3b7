"""What an exception of urllib3 says about what happened on the wire; requests wraps them.

The question that matters most is whether the server may have seen the request. Where an exception
does not tell, the answer is yes.
"""

import http.client
import ssl
from types import TracebackType

import urllib3.exceptions as uex
from urllib3.util.ssl_match_hostname import CertificateError

from verto_resilience.errors import ResilienceError
from verto_resilience.outcome import Failure
from verto_resilience.transports._limits import AttemptLimit


def failure_of(error: Exception) -> Failure:
    """Classify what sending through a pool, or reading a body, raised."""
    match error:
        case ResilienceError():
            return Failure.CALLER
        case uex.MaxRetryError() if isinstance(error.reason, uex.HTTPError):
            return failure_of(error.reason)
        case uex.SSLError() | uex.ProxyError():
            return failure_of_cause(error)
        case uex.HTTPError():
            return before_the_request(error) or failure_of_cause(error)
        case _:
            # Not of urllib3: a method that is none, a bug in somebody's pool.
            return Failure.CALLER


def on_the_way(failure: Failure, limit: AttemptLimit) -> Failure:
    """Correct a failure by what the connection did, which goes before what it looks like."""
    if failure is Failure.RESET and limit.went_stale:
        return Failure.STALE_CONNECTION
    if limit.sent and failure.nothing_sent:
        return Failure.UNKNOWN if failure is Failure.CALLER else Failure.RESET
    return failure


def failure_of_proxy(error: BaseException) -> Failure:
    """Tell a proxy that was not reached from one that broke off with the request in its hands.

    A connection that closes is forgotten to have reached its proxy, and urllib3 then says
    "unable to connect to proxy" of a request that the server has executed.
    """
    secured = failure_of_tls(error)
    if secured is not Failure.RESET:
        return secured
    unreached = (uex.NewConnectionError, uex.ConnectTimeoutError)
    was_not_reached = any(isinstance(cause, unreached) for cause in causes(error))
    return Failure.PROXY if was_not_reached or _in_tunnel(error) else Failure.RESET


def failure_of_cause(error: Exception) -> Failure:
    """Classify an exception of urllib3 that came up once the way to the server was made."""
    if isinstance(error, uex.MaxRetryError) and error.reason is not None:
        return failure_of_cause(error.reason)
    if isinstance(error, uex.SSLError):
        return failure_of_tls(error)
    if isinstance(error, uex.ProxyError):
        return failure_of_proxy(error)
    for kind, failure in _KINDS:
        if isinstance(error, kind):
            return failure
    return _protocol(error) if isinstance(error, uex.ProtocolError) else Failure.RESET


# In this order: a name that does not resolve is a NewConnectionError, and that a ConnectTimeout.
_KINDS: tuple[tuple[type[Exception] | tuple[type[Exception], ...], Failure], ...] = (
    (uex.NameResolutionError, Failure.NAME_RESOLUTION),
    (uex.NewConnectionError, Failure.CONNECT),
    (uex.ConnectTimeoutError, Failure.CONNECT_TIMEOUT),
    (uex.ReadTimeoutError, Failure.READ_TIMEOUT),
    ((uex.IncompleteRead, uex.InvalidChunkLength, uex.DecodeError), Failure.BODY),
    # Two lengths that differ; what a request's own headers hold is checked before it is sent.
    (uex.InvalidHeader, Failure.MALFORMED_RESPONSE),
    # A pool that is closed or has no connection free says nothing about the server.
    ((uex.ClosedPoolError, uex.EmptyPoolError, uex.LocationValueError), Failure.CALLER),
    ((uex.HostChangedError, uex.UnrewindableBodyError), Failure.CALLER),
)


def _protocol(error: uex.ProtocolError) -> Failure:
    inner = error.args[1] if len(error.args) > 1 else None
    # RemoteDisconnected is a BadStatusLine by descent, and a reset by nature.
    if isinstance(inner, ConnectionError):
        return Failure.RESET
    if isinstance(inner, http.client.IncompleteRead | uex.IncompleteRead | uex.InvalidChunkLength):
        return Failure.BODY
    if isinstance(inner, http.client.HTTPException):
        return Failure.MALFORMED_RESPONSE
    # Without a cause it is urllib3's own word that a body ended too early.
    return Failure.BODY if inner is None else Failure.RESET


def failure_of_tls(error: BaseException) -> Failure:
    """Tell a bad certificate and a failed handshake from a connection that broke later."""
    certificate = (ssl.SSLCertVerificationError, ssl.CertificateError, CertificateError)
    if any(isinstance(cause, certificate) for cause in causes(error)):
        return Failure.CERTIFICATE
    if _came_through(error, "assert_fingerprint"):
        return Failure.CERTIFICATE
    return Failure.TLS_HANDSHAKE if _in_handshake(error) else Failure.RESET


def before_the_request(error: BaseException) -> Failure | None:
    """Name what came up while the way to the server was being made; ``None``: it was not then."""
    if _in_tunnel(error):
        return Failure.PROXY
    return Failure.TLS_HANDSHAKE if _in_handshake(error) else None


def _in_tunnel(error: BaseException) -> bool:
    """Say whether it came up while a proxy was asked for a way to the server."""
    return _came_through(error, "_tunnel")


def _in_handshake(error: BaseException) -> bool:
    """Say whether it came up in the handshake, which ends before the request is sent."""
    return _came_through(error, "do_handshake")


def _came_through(error: BaseException, function: str) -> bool:
    """Say whether it was raised below a function of this name."""
    return any(_passed_through(cause.__traceback__, function) for cause in causes(error))


def causes(error: BaseException) -> list[BaseException]:
    """List an exception and those it was made from, by argument, reason or cause.

    Not by context: that may be an error of the caller's own, in whose handling it sends this.
    """
    found: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting:
        one = waiting.pop()
        if isinstance(one, BaseException) and one not in found:
            found.append(one)
            waiting += [one.__cause__, getattr(one, "reason", None), *one.args]
    return found


def _passed_through(trace: TracebackType | None, name: str) -> bool:
    while trace is not None:
        if trace.tb_frame.f_code.co_name == name:
            return True
        trace = trace.tb_next
    return False
