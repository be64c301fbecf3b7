"""Our rejections as requests knows errors, so that ``except`` clauses that exist catch them."""

import requests.exceptions

from verto_resilience.errors import CallRejectedError, CircuitOpenError, PausedError
from verto_resilience.pipeline import Rejection
from verto_resilience.transports._pickled import PickledLight
from verto_resilience.transports._rejections import error_of

# Tracebacks, pickles and error.type name a class by where users import it from.
_PUBLIC = "verto_resilience.transports"


class RequestsCallRejectedError(
    PickledLight, CallRejectedError, requests.exceptions.ConnectionError
):
    """The request was not sent; also a :class:`requests.exceptions.ConnectionError`.

    Pickled, it leaves the request's body, hooks and credentials behind.
    """

    __module__ = _PUBLIC


class RequestsCircuitOpenError(
    CircuitOpenError, RequestsCallRejectedError, requests.exceptions.ConnectionError
):
    """The circuit is open; also a :class:`requests.exceptions.ConnectionError`."""

    __module__ = _PUBLIC


class RequestsPausedError(
    PausedError, RequestsCallRejectedError, requests.exceptions.ConnectionError
):
    """The origin is paused; also a :class:`requests.exceptions.ConnectionError`."""

    __module__ = _PUBLIC


def rejection_error(rejection: Rejection) -> RequestsCallRejectedError:
    """Give the exception for a refusal; a new one each time, so that no traceback grows."""
    return error_of(
        rejection,
        rejected=RequestsCallRejectedError,
        circuit_open=RequestsCircuitOpenError,
        paused=RequestsPausedError,
    )
