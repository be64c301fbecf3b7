"""What goes into a pickle of our errors: no credential, no body, nothing that hangs or cannot.

A pickled error leaves the process, by a queue of tasks or a log of failures, and the request that
it is about goes with it.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import requests
from requests.cookies import RequestsCookieJar
from requests.hooks import default_hooks
from requests.models import PreparedRequest
from requests.structures import CaseInsensitiveDict
from requests.utils import urldefragauth

from verto_resilience.outcome import names_a_secret, scrub_known
from verto_resilience.transports._request_secrets import secrets_of


class PickledLight:
    """An exception of requests that leaves its secrets behind when it is pickled or copied."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Give what goes along: message, facts and notes, the request and response lightened."""
        own: Any = self
        state = own.__dict__ | {
            "request": light_request(own.request),
            "response": light_response(own.response),
        }
        return type(own), own.args, state


def light_response(
    response: object, known: frozenset[str] = frozenset()
) -> requests.Response | None:
    """Copy a response for a pickle, without reading what is still on the connection.

    Its cookies stay behind, and so do headers that are named like a credential. Of the rest what
    the request carried as a credential is taken out, should the server have quoted it.

    Args:
        response: What is no response gives none.
        known: Credentials that other requests of the same call carried.
    """
    if not isinstance(response, requests.Response):
        return None
    known = known.union(secrets_of(response.request), *map(_secrets_of, response.history))
    state = {name: getattr(response, name, None) for name in response.__attrs__}
    content = state["_content"]
    state["_content"] = without(content, known) if isinstance(content, bytes) else None
    state["headers"] = light_headers(response.headers, known)
    state["cookies"] = RequestsCookieJar()
    state["reason"] = scrub_known(response.reason, known) if response.reason else response.reason
    state["url"] = _url(response.url, known)
    state["request"] = light_request(response.request, known)
    state["history"] = [light_response(earlier, known) for earlier in response.history]
    light = requests.Response()
    vars(light).update(state, raw=None, _content_consumed=True)
    return light


def light_request(request: object, known: frozenset[str] = frozenset()) -> PreparedRequest | None:
    """Copy a request for a pickle, without credentials, body and hooks."""
    if not isinstance(request, PreparedRequest):
        return None
    light = PreparedRequest()
    light.method = request.method
    light.url = _url(request.url, known | secrets_of(request))
    light.headers = request.headers.copy()
    for name in [name for name in light.headers if names_a_secret(name)]:
        del light.headers[name]
    light.hooks = default_hooks()
    return light


def _secrets_of(response: requests.Response) -> frozenset[str]:
    return secrets_of(response.request)


def light_headers(headers: Mapping[str, Any], known: frozenset[str]) -> CaseInsensitiveDict[Any]:
    """Copy headers of an answer without credentials."""
    kept: CaseInsensitiveDict[Any] = CaseInsensitiveDict()
    for name, value in headers.items():
        if names_a_secret(name):
            continue
        if not isinstance(value, str):
            kept[name] = value
        elif name.lower() == "location" and "://" in value:
            kept[name] = _url(value, known)
        else:
            kept[name] = scrub_known(value, known)
    return kept


def without(content: bytes, known: frozenset[str]) -> bytes:
    """Give a body without the credentials that are known."""
    # As Latin-1 every byte is a character, whatever the body's encoding.
    values = [value.encode("utf-8", "replace").decode("latin-1") for value in known]
    return scrub_known(content.decode("latin-1"), values).encode("latin-1")


def _url(url: str | None, known: frozenset[str]) -> str:
    """Give a URL without user, and without the credentials in its query."""
    text = url or ""
    # What cannot be read is given without the credentials that are known.
    with suppress(ValueError):
        text = urldefragauth(text)
    return scrub_known(text, known)
