"""Our errors as urllib3 knows errors, so that ``except`` clauses that exist catch them."""

from urllib3.exceptions import HTTPError

from verto_resilience.errors import (
    CallRejectedError,
    CircuitOpenError,
    ConfigurationError,
    PausedError,
)
from verto_resilience.pipeline import Rejection
from verto_resilience.transports._rejections import error_of

# Tracebacks, pickles and error.type name a class by where users import it from.
_PUBLIC = "verto_resilience.transports"


class Urllib3CallRejectedError(CallRejectedError, HTTPError):
    """The request was not sent; also a :class:`urllib3.exceptions.HTTPError`."""

    __module__ = _PUBLIC


class Urllib3CircuitOpenError(CircuitOpenError, Urllib3CallRejectedError):
    """The circuit is open; also a :class:`urllib3.exceptions.HTTPError`."""

    __module__ = _PUBLIC


class Urllib3PausedError(PausedError, Urllib3CallRejectedError):
    """The origin is paused; also a :class:`urllib3.exceptions.HTTPError`."""

    __module__ = _PUBLIC


class Urllib3InsecureRequestError(ConfigurationError, HTTPError):
    """The request was not sent: it would have gone out in the clear, or to anybody.

    Also a :class:`urllib3.exceptions.HTTPError`.
    """

    __module__ = _PUBLIC


def rejection_error(rejection: Rejection) -> Urllib3CallRejectedError:
    """Give the exception for a refusal; a new one each time, so that no traceback grows."""
    return error_of(
        rejection,
        rejected=Urllib3CallRejectedError,
        circuit_open=Urllib3CircuitOpenError,
        paused=Urllib3PausedError,
    )
