"""The credentials that a request carries, so that a text about it can be freed of them."""

import base64
import binascii
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple, Protocol
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from verto_resilience.outcome import LONGEST_MESSAGE, ApiError, names_a_secret, scrub

_LARGEST_BODY = 65_536


class Sent(Protocol):
    """A request as it was sent, of whichever client; one of requests is such a thing."""

    @property
    def url(self) -> str | None:
        """Whole."""
        ...

    @property
    def headers(self) -> Any:
        """Names and values, text or bytes; ``None`` for none."""
        ...

    @property
    def body(self) -> Any:
        """What was given for it; ``None`` for none."""
        ...


class Carrier(NamedTuple):
    """A request as it was sent, where the client has no object for it that lasts."""

    url: str
    headers: Mapping[str, Any]
    body: Any


def secrets_of(request: Sent | None) -> frozenset[str]:
    """Collect the values of credentials in headers, URL and body; never raises.

    Args:
        request: As it was sent; ``None`` has none. A body that is not in memory, or is larger
            than 64 KiB, is not looked at.
    """
    if request is None:
        return frozenset()
    found = {*_in_headers(request), *_in_url(request.url or ""), *_in_body(request.body)}
    return frozenset(form for value in found for form in (value, quote(value, safe="")) if form)


def without_secrets(error: ApiError, secrets: Iterable[str]) -> ApiError:
    """Give what an answer says without credentials, those that are known and those that look so."""
    if error.message is None:
        return error
    return replace(error, message=scrub(error.message, secrets)[:LONGEST_MESSAGE])


def _in_headers(request: Sent) -> Iterator[str]:
    for name, value in (request.headers or {}).items():
        if not names_a_secret(_text(name)):
            continue
        text = _text(value)
        yield text
        scheme, _, credentials = text.partition(" ")
        yield credentials.strip()
        if scheme.lower() == "basic":
            yield from _in_basic(credentials)
        for pair in text.split(";"):
            yield pair.partition("=")[2].strip().strip('"')


def _in_basic(credentials: str) -> Iterator[str]:
    try:
        decoded = base64.b64decode(credentials).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return
    yield decoded
    yield decoded.partition(":")[2]


def _in_url(url: str) -> Iterator[str]:
    try:
        parts = urlsplit(url)
        password, query = parts.password, parts.query
    except ValueError:
        return
    if password:
        yield unquote(password)
    yield from _in_pairs(query)


def _in_pairs(text: str) -> Iterator[str]:
    for name, value in parse_qsl(text):
        if names_a_secret(name):
            yield value


def _in_body(body: Any) -> Iterator[str]:
    if isinstance(body, bytearray | memoryview) and memoryview(body).nbytes <= _LARGEST_BODY:
        body = bytes(body)
    if not isinstance(body, bytes | str) or len(body) > _LARGEST_BODY:
        return
    text = _text(body)
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        yield from _in_pairs(text)
        yield from _in_parts(text)
    else:
        yield from _in_document(document)


def _in_parts(text: str) -> Iterator[str]:
    """Look through a form in parts, as files are sent with."""
    for part in text.split("\r\n--") if text.startswith("--") else ():
        head, _, value = part.partition("\r\n\r\n")
        name = _PART.search(head)
        if name is not None and names_a_secret(name.group(1)):
            yield value


_PART = re.compile(r'[; ]name="([^"]*)"', re.IGNORECASE)


def _in_document(document: Any) -> Iterator[str]:
    waiting = [("", document)]
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, dict):
            # What is in something of such a name is of such a name, whatever its own.
            whole = names_a_secret(name)
            waiting += [(name, one) for one in value.values()] if whole else value.items()
        elif isinstance(value, list):
            waiting += [(name, one) for one in value]
        elif isinstance(value, str) and names_a_secret(name):
            yield value


def _text(value: str | bytes) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
