"""What an exception of requests says about what happened on the wire.

The question that matters most is whether the server may have seen the request. Where an exception
does not tell, the answer is yes.
"""

import requests.exceptions as rex
import urllib3.exceptions as uex

from verto_resilience.errors import ResilienceError
from verto_resilience.outcome import Failure
from verto_resilience.transports._urllib3_failures import (
    before_the_request,
    failure_of_cause,
    failure_of_proxy,
    failure_of_tls,
)

_CALLERS_OWN = (
    rex.InvalidURL,
    rex.InvalidSchema,
    rex.MissingSchema,
    rex.UnrewindableBodyError,
    ResilienceError,
)


def failure_of_unseen(error: Exception) -> Failure:
    """Classify an exception that no attempt of ours ended with.

    There the exception alone tells, so one that says nothing of the wire leaves it open.
    """
    if isinstance(error, rex.InvalidHeader) and not isinstance(
        next(iter(error.args), None), uex.HTTPError
    ):
        # Said of a request that is prepared; of an answer it is said with the error of urllib3.
        return Failure.CALLER
    return failure_of(error, otherwise=Failure.UNKNOWN)


def failure_of(error: Exception, *, otherwise: Failure = Failure.CALLER) -> Failure:
    """Classify what an adapter's ``send``, or reading a body, raised.

    Args:
        error: The exception.
        otherwise: What one is taken for that is not of the wire.
    """
    match error:
        case rex.ConnectTimeout():
            return Failure.CONNECT_TIMEOUT
        case rex.ProxyError():
            return failure_of_proxy(error)
        case rex.SSLError():
            return failure_of_tls(error)
        case rex.ContentDecodingError():
            return Failure.BODY
        case rex.InvalidHeader():
            # A request's own headers are checked when it is prepared: this is about the response.
            return Failure.MALFORMED_RESPONSE
        case _ if isinstance(error, _CALLERS_OWN):
            return Failure.CALLER
        case rex.ConnectionError() | rex.RetryError() | rex.Timeout() | uex.HTTPError():
            return before_the_request(error) or _connection(error)
        case rex.ChunkedEncodingError():
            return _connection(error)
        case _:
            # Not of requests: a missing CA bundle, a bug in somebody's adapter.
            return otherwise


def _connection(error: Exception) -> Failure:
    if isinstance(error, uex.HTTPError):
        return failure_of_cause(error)
    if isinstance(error, rex.Timeout):
        return Failure.READ_TIMEOUT
    inner = error.args[0] if error.args else None
    return failure_of_cause(inner) if isinstance(inner, Exception) else Failure.RESET
