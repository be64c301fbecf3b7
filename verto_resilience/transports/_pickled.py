"""What goes into a pickle of our errors: no credential, no body, nothing that hangs or cannot.

A pickled error leaves the process, by a queue of tasks or a log of failures, and the request that
it is about goes with it.
"""

from contextlib import suppress
from typing import Any

import requests
from requests.hooks import default_hooks
from requests.models import PreparedRequest
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


def light_response(response: object) -> requests.Response | None:
    """Copy a response for a pickle, without reading what is still on the connection."""
    if not isinstance(response, requests.Response):
        return None
    state = {name: getattr(response, name, None) for name in response.__attrs__}
    if not isinstance(state["_content"], bytes):
        state["_content"] = None
    state["url"] = _url(response.url, response.request)
    state["request"] = light_request(response.request)
    state["history"] = [light_response(earlier) for earlier in response.history]
    light = requests.Response()
    vars(light).update(state, raw=None, _content_consumed=True)
    return light


def light_request(request: object) -> PreparedRequest | None:
    """Copy a request for a pickle, without credentials, body and hooks."""
    if not isinstance(request, PreparedRequest):
        return None
    light = PreparedRequest()
    light.method = request.method
    light.url = _url(request.url, request)
    light.headers = request.headers.copy()
    for name in [name for name in light.headers if names_a_secret(name)]:
        del light.headers[name]
    light.hooks = default_hooks()
    return light


def _url(url: str | None, request: PreparedRequest | None) -> str:
    """Give a URL without user, and without the credentials in its query."""
    text = url or ""
    # What cannot be read is given without the credentials that are known.
    with suppress(ValueError):
        text = urldefragauth(text)
    return scrub_known(text, secrets_of(request))
