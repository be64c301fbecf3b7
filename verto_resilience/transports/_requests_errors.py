"""Our rejections as requests knows errors, so that ``except`` clauses that exist catch them."""

import requests.exceptions

from verto_resilience.errors import CallRejectedError, CircuitOpenError, PausedError
from verto_resilience.pipeline import End, Rejection
from verto_resilience.transports._pickled import PickledLight

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
    key, retry_after = rejection.key, rejection.retry_after
    when = "" if retry_after is None else f"; ask again in {retry_after:.3g} s"
    refusal = rejection.refusal
    if refusal is not None:
        why = "" if refusal.last_failure is None else f", last failure {refusal.last_failure}"
        return RequestsCircuitOpenError(
            f"not sent: the circuit of {key} is {refusal.state} ({refusal.reason}{why}){when}",
            key=key,
            retry_after=retry_after,
            reason=refusal.reason,
            last_failure=refusal.last_failure,
        )
    if rejection.end is End.PAUSED:
        return RequestsPausedError(
            f"not sent: {key} asked not to be called, for longer than this call may last{when}",
            key=key,
            retry_after=retry_after,
        )
    return RequestsCallRejectedError(f"not sent: {rejection.end.sentence}", key=key)
