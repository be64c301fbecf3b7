"""Our errors as httpx knows errors, so that ``except`` clauses that exist catch them."""

from typing import Any
from urllib.parse import urlencode

import httpx

from verto_resilience.errors import (
    CallRejectedError,
    CircuitOpenError,
    ConfigurationError,
    PausedError,
)
from verto_resilience.outcome import names_a_secret, scrub_known
from verto_resilience.pipeline import Rejection
from verto_resilience.transports._pickled import light_headers, without
from verto_resilience.transports._rejections import error_of
from verto_resilience.transports._request_secrets import Carrier, secrets_of

# Tracebacks, pickles and error.type name a class by where users import it from.
_PUBLIC = "verto_resilience.transports"


class HttpxPickledLight:
    """An exception of httpx that leaves its secrets behind when it is pickled or copied."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Give what goes along: message, facts and notes, the request without credentials."""
        own: Any = self
        state = own.__dict__ | {"_request": _light(own.__dict__.get("_request"))}
        return type(own), own.args, state


class HttpxCallRejectedError(HttpxPickledLight, CallRejectedError, httpx.ConnectError):
    """The request was not sent; also a :class:`httpx.ConnectError`.

    Pickled, it leaves the request's body and credentials behind.
    """

    __module__ = _PUBLIC


class HttpxCircuitOpenError(CircuitOpenError, HttpxCallRejectedError, httpx.ConnectError):
    """The circuit is open; also a :class:`httpx.ConnectError`."""

    __module__ = _PUBLIC


class HttpxPausedError(PausedError, HttpxCallRejectedError, httpx.ConnectError):
    """The origin is paused; also a :class:`httpx.ConnectError`."""

    __module__ = _PUBLIC


class HttpxInsecureRequestError(HttpxPickledLight, ConfigurationError, httpx.TransportError):
    """The request was not sent: it would have gone out in the clear, or to anybody.

    Also a :class:`httpx.TransportError`.
    """

    __module__ = _PUBLIC

    def __init__(self, message: str = "", *, problems: tuple[str, ...] = ()) -> None:
        """Keep the facts; all but the message have defaults, so that the error pickles."""
        super().__init__(message, problems=problems)
        # ValueError stands before TransportError, and asks nobody further.
        self._request = None


def rejection_error(rejection: Rejection) -> HttpxCallRejectedError:
    """Give the exception for a refusal; a new one each time, so that no traceback grows."""
    return error_of(
        rejection,
        rejected=HttpxCallRejectedError,
        circuit_open=HttpxCircuitOpenError,
        paused=HttpxPausedError,
    )


def carried_by(request: httpx.Request) -> Carrier:
    """Give what of a request may hold credentials."""
    return Carrier(str(request.url), request.headers, body_to_search(request))


def body_in_memory(request: httpx.Request) -> bytes | None:
    """Give the body of a request; ``None`` when it is not in memory."""
    try:
        return request.content
    except httpx.RequestNotRead:
        return None


def body_to_search(request: httpx.Request) -> bytes | None:
    """Give what of a body is in memory, to be searched for credentials.

    Of a form in parts these are its fields of that name, as they would stand in one without files.
    """
    fields = getattr(request.stream, "fields", None)
    if not isinstance(fields, list):
        return body_in_memory(request)
    named = [(str(getattr(one, "name", "")), getattr(one, "value", None)) for one in fields]
    return urlencode([field for field in named if names_a_secret(field[0])]).encode()


def light_facts(facts: dict[str, Any]) -> dict[str, Any]:
    """Give what of an error about an answer is put lighter into a pickle: answer and request."""
    request, response = facts.get("_request"), facts.get("response")
    light: dict[str, Any] = {"_request": _light(request), "response": None}
    if isinstance(response, httpx.Response):
        sent = vars(response).get("_request")
        known = secrets_of(carried_by(sent)) if isinstance(sent, httpx.Request) else frozenset()
        headers, content = light_headers(response.headers, known), vars(response).get("_content")
        for name in _OF_THE_WIRE:
            headers.pop(name, None)
        light["response"] = httpx.Response(
            response.status_code,
            headers=dict(headers),
            content=without(content, known) if isinstance(content, bytes) else b"",
            request=_light(sent),
        )
    return light


# What they say of a body is not true of one that was unpacked.
_OF_THE_WIRE = ("Content-Encoding", "Content-Length", "Transfer-Encoding")


def _light(request: object) -> httpx.Request | None:
    if not isinstance(request, httpx.Request):
        return None
    headers = [(name, value) for name, value in request.headers.items() if not names_a_secret(name)]
    url = request.url.copy_with(username=None, password=None, fragment=None)
    text = scrub_known(str(url), secrets_of(carried_by(request)))
    return httpx.Request(request.method, text, headers=headers)
