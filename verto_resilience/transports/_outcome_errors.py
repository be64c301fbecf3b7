"""Errors for answers that are no success, raised when the caller asks for it.

    requests.HTTPError
     +-- OutcomeError                   carries the CallOutcome, and each of its fields
          +-- ApiFailureError               2xx whose body says ``"success": false``
          +-- ClientError                   any other 4xx
          |    +-- BadRequestError              400
          |    +-- UnauthorizedError            401
          |    +-- ForbiddenError               403
          |    +-- NotFoundError                404
          |    +-- ConflictError                409
          |    +-- TooManyRequestsError         429
          +-- ServerError                   any other 5xx
               +-- InternalServerError          500
               +-- ServiceUnavailableError      503
               +-- GatewayTimeoutError          504

None is a ``ResilienceError``: those say that nothing was sent, and these that the server answered.
For an answer of urllib3 each is a ``urllib3.exceptions.HTTPError`` as well, and for one of httpx a
``httpx.HTTPStatusError``.
"""

import sys
import typing
from functools import lru_cache
from typing import Any

import requests
import urllib3
from requests.models import PreparedRequest

from verto_resilience.outcome import Category
from verto_resilience.transports._call_outcome import CallOutcome
from verto_resilience.transports._outcome_of import outcome_of
from verto_resilience.transports._pickled import light_request, light_response

if typing.TYPE_CHECKING:
    import httpx


class OutcomeError(requests.HTTPError):
    """The server answered, and not with success.

    Also the error of the client that the answer came by, so that ``except`` clauses that exist
    catch it: ``urllib3.exceptions.HTTPError``, or ``httpx.HTTPStatusError``.

    ``str()`` of it is :class:`CallOutcome`'s: for people, and without credentials. Pickled, it
    keeps its outcome, its notes, and its response; of the request the body and the hooks stay
    behind, and of both the cookies, the headers that hold credentials, and what was sent as one
    wherever the server quotes it.

    Attributes:
        outcome: What came of the call. Its fields are attributes of the error as well.
    """

    __module__ = "verto_resilience"

    def __init__(
        self,
        message: str = "",
        *,
        outcome: CallOutcome | None = None,
        response: requests.Response | None = None,
        request: requests.Request | PreparedRequest | None = None,
    ) -> None:
        """Keep the outcome and spread out its fields."""
        super().__init__(message, response=response, request=request)
        outcome = CallOutcome() if outcome is None else outcome
        self.outcome = outcome
        self.asked = outcome.asked
        self.status = outcome.status
        self.status_message = outcome.status_message
        self.status_meaning = outcome.status_meaning
        self.category = outcome.category
        self.documented = outcome.documented
        self.failure = outcome.failure
        self.code = outcome.code
        self.code_meaning = outcome.code_meaning
        self.message = outcome.message
        self.call_id = outcome.call_id
        self.stack_id = outcome.stack_id
        self.correlation_id = outcome.correlation_id
        self.correlation_id_received = outcome.correlation_id_received
        self.idempotency_key = outcome.idempotency_key
        self.attempts = outcome.attempts
        self.end = outcome.end
        self.ambiguous = outcome.ambiguous
        self.possibly_executed = outcome.possibly_executed
        self.retry_after = outcome.retry_after
        self.operation = outcome.operation

    def __reduce__(self) -> tuple[Any, ...]:
        """Give what goes into a pickle."""
        own: Any = self
        kind, client = getattr(own, _MADE_OF, (type(own), ""))
        if client == "httpx":
            from verto_resilience.transports import _httpx_errors

            light = _httpx_errors.light_facts(self.__dict__)
        else:
            light = {
                "response": light_response(self.response),
                "request": light_request(self.request),
            }
        return _made_anew, (kind, self.args, self.__dict__ | light, client)


class ApiFailureError(OutcomeError):
    """The status says success, and the body ``"success": false``."""

    __module__ = "verto_resilience"


class ClientError(OutcomeError):
    """4xx: the request has to change before it can succeed."""

    __module__ = "verto_resilience"


class BadRequestError(ClientError):
    """400: the request is malformed, or a parameter is not valid."""

    __module__ = "verto_resilience"


class UnauthorizedError(ClientError):
    """401: credentials are missing, expired or wrong."""

    __module__ = "verto_resilience"


class ForbiddenError(ClientError):
    """403: the caller may not do this."""

    __module__ = "verto_resilience"


class NotFoundError(ClientError):
    """404: there is no such resource."""

    __module__ = "verto_resilience"


class ConflictError(ClientError):
    """409: the request conflicts with the state that the server is in."""

    __module__ = "verto_resilience"


class TooManyRequestsError(ClientError):
    """429: too many requests; ``retry_after`` has the seconds where the server said them."""

    __module__ = "verto_resilience"


class ServerError(OutcomeError):
    """5xx: the server failed; a write may have been executed, see ``ambiguous``."""

    __module__ = "verto_resilience"


class InternalServerError(ServerError):
    """500: a generic error."""

    __module__ = "verto_resilience"


class ServiceUnavailableError(ServerError):
    """503: the server is not able to handle requests for now."""

    __module__ = "verto_resilience"


class GatewayTimeoutError(ServerError):
    """504: the server waited too long for another one."""

    __module__ = "verto_resilience"


_BY_STATUS: dict[int, type[OutcomeError]] = {
    400: BadRequestError,
    401: UnauthorizedError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
    429: TooManyRequestsError,
    500: InternalServerError,
    503: ServiceUnavailableError,
    504: GatewayTimeoutError,
}
_CLIENT_ERRORS = range(400, 500)


def raise_for_outcome(
    response: "requests.Response | urllib3.BaseHTTPResponse | httpx.Response | Exception",
) -> CallOutcome:
    """Raise a typed error for an answer that is no success; else say what came of the call.

    Args:
        response: Usually one that came through the adapter; any other is classified from itself.
            An exception is raised as it is.

    Returns:
        The outcome of a success or a redirect.

    Raises:
        OutcomeError: The subclass for the status, or for its class where Verto does not document
            the status; :class:`ApiFailureError` for a 2xx that denies its success. Each is a
            ``requests.HTTPError``, with ``response`` and ``request``. For an answer of urllib3 it
            is a ``urllib3.exceptions.HTTPError`` too, and for one of httpx a
            ``httpx.HTTPStatusError``.
    """
    if isinstance(response, Exception):
        raise response
    outcome = outcome_of(response)
    if outcome.category in _NO_ERROR:
        return outcome
    kind: Any = error_class(outcome)
    given: Any = response
    if isinstance(response, requests.Response):
        raise kind(str(outcome), outcome=outcome, response=given)
    client = "urllib3" if isinstance(response, urllib3.BaseHTTPResponse) else "httpx"
    error: Any = _at_client(kind, client)(str(outcome), outcome=outcome)
    # Not given to requests, which would look for a request of its own in it.
    error.response, error.request = given, vars(given).get("_request")
    raise error


def error_class(outcome: CallOutcome) -> type[OutcomeError]:
    """Give the class of the error for an outcome that is no success."""
    if outcome.category is Category.API_FAILURE:
        return ApiFailureError
    status = outcome.status or 0
    documented = _BY_STATUS.get(status)
    if documented is not None:
        return documented
    # A caller's catalogue may call any status an error.
    failed = outcome.category is Category.SERVER_ERROR and status not in _CLIENT_ERRORS
    return ServerError if failed else ClientError


_NO_ERROR = frozenset({Category.SUCCESS, Category.REDIRECT})


_MADE_OF = "_verto_resilience_made_of"


@lru_cache(maxsize=64)
def _at_client(kind: Any, client: str) -> type[OutcomeError]:
    """Give the class that is the client's error as well; it goes by the same name."""
    base: Any = urllib3.exceptions.HTTPError
    if client == "httpx":
        base = sys.modules["httpx"].HTTPStatusError
    names = {"__module__": kind.__module__, "__doc__": kind.__doc__, _MADE_OF: (kind, client)}
    return type(kind.__name__, (kind, base), names)


def _made_anew(
    kind: type[OutcomeError], args: tuple[Any, ...], state: dict[str, Any], client: str = ""
) -> OutcomeError:
    if client == "httpx":
        import httpx  # noqa: F401 - another process may not have called by it yet
    plain: Any = kind
    made = _at_client(plain, client) if client else kind
    error = made.__new__(made, *args)
    error.args = args
    error.__dict__.update(state)
    return error
