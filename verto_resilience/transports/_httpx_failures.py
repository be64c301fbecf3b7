"""What an exception of httpx says about what happened on the wire.

The question that matters most is whether the server may have seen the request. Where neither the
exception nor the wire tells, the answer is yes.
"""

import socket
import ssl

import httpx

from verto_resilience.outcome import Failure
from verto_resilience.transports._httpx_wire import WireLimit
from verto_resilience.transports._urllib3_failures import causes, on_the_way


def failure_of(error: Exception, limit: WireLimit, *, in_body: bool = False) -> Failure:
    """Classify what a transport, or reading a body, raised.

    Args:
        error: The exception.
        limit: What the wire told; a transport that tells nothing is judged by the exception alone.
        in_body: Whether the headers of an answer had come.
    """
    return on_the_way(_looks_like(error, limit, in_body=in_body), limit)


def _looks_like(error: Exception, limit: WireLimit, *, in_body: bool) -> Failure:
    match error:
        case httpx.ConnectTimeout():
            return Failure.CONNECT_TIMEOUT
        case httpx.ConnectError() | httpx.ProxyError():
            return _on_connecting(error, limit)
        case httpx.PoolTimeout() | httpx.UnsupportedProtocol() | httpx.LocalProtocolError():
            # A pool without a free connection says nothing about the server.
            return Failure.CALLER
        case httpx.TransportError() if limit.on_the_way:
            return _on_connecting(error, limit)
        case httpx.TimeoutException():
            return Failure.READ_TIMEOUT
        case httpx.DecodingError():
            return Failure.BODY
        case httpx.RemoteProtocolError():
            return Failure.BODY if in_body else _protocol(error)
        case httpx.TransportError():
            return Failure.RESET
        case _:
            # Not of httpx: a bug in somebody's transport, a body of the caller's that fails.
            return Failure.CALLER


def _on_connecting(error: Exception, limit: WireLimit) -> Failure:
    found = causes(error)
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in found):
        return Failure.CERTIFICATE
    if limit.securing or any(isinstance(cause, ssl.SSLError) for cause in found):
        return Failure.TLS_HANDSHAKE
    if any(isinstance(cause, socket.gaierror) for cause in found):
        return Failure.NAME_RESOLUTION
    if limit.tunnelling or isinstance(error, httpx.ProxyError):
        return Failure.PROXY
    return Failure.CONNECT


def _protocol(error: httpx.RemoteProtocolError) -> Failure:
    """Tell an answer that is none from a connection that was closed before any.

    httpcore says the one with what its parser raised, and the other in its own words.
    """
    said = error.__cause__
    parsed = said is not None and any(isinstance(part, Exception) for part in said.args)
    return Failure.MALFORMED_RESPONSE if parsed else Failure.RESET
