"""Bodies of requests that are sent again, and of responses that are not returned."""

import http.client
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from typing import Any

import requests
import urllib3
from requests.models import CONTENT_CHUNK_SIZE
from urllib3.exceptions import HTTPError

from verto_resilience.transports._error_bodies import (
    LONGEST_ERROR,
    may_be_too_long,
    raise_of_requests,
    read_error,
)


class Replay:
    """Whether a request body can be sent again byte for byte, and how.

    What is in memory can. A file or a seekable stream can, from where it stood at first. A
    generator cannot: sent again it would be empty, and the server would take that for the request.
    """

    __slots__ = ("_body", "_start", "possible")

    def __init__(self, body: Any) -> None:
        """Note where the body stands now."""
        self._body = body
        self._start: int | None = None
        if body is None or isinstance(body, bytes | str | bytearray | memoryview | list | tuple):
            self.possible = True
            return
        self.possible = False
        # Whatever a stranger's tell() and seek() raise, the answer is that it cannot be rewound.
        with suppress(Exception):
            # Going to where it stands proves that it can go back: tell() alone promises nothing.
            start = body.tell()
            body.seek(start)
            says_no = callable(getattr(body, "seekable", None)) and not body.seekable()
            self._start = start
            self.possible = isinstance(start, int) and not says_no

    def rewind(self) -> bool:
        """Go back to where it stood; ``False`` when it will not go."""
        if self._start is None:
            return self.possible
        try:
            self._body.seek(self._start)
        except Exception:  # noqa: BLE001 - a stranger's seek() may raise anything
            return False
        return True


def read_whole(response: requests.Response) -> None:
    """Read the body into ``response.content``; of a very long error only the beginning.

    Raises:
        RequestException: What ``response.content`` itself raises.
    """
    raw = response.raw
    if (
        type(response) is not requests.Response
        or type(raw) is not urllib3.HTTPResponse
        or raw.length_remaining is None
        or raw.length_remaining > CONTENT_CHUNK_SIZE
        or "content-encoding" in raw.headers
        # Of any other body a read of the whole does not look at the length.
        or not isinstance(raw._fp, http.client.HTTPResponse)  # noqa: SLF001
    ):
        if may_be_too_long(response):
            read_error(response)
        response.content  # noqa: B018
        return
    # What requests reads as one piece is read at one go; it takes it through three generators.
    try:
        response._content = raw.read(decode_content=True)  # noqa: SLF001
    except HTTPError as error:
        raise_of_requests(error)
    response._content_consumed = True  # type: ignore[attr-defined]  # noqa: SLF001


def drain(response: requests.Response, limit: int) -> None:
    """Free the connection of a response that is not returned.

    Reads up to ``limit`` bytes, so that the connection can be used again; closes it when there is
    more to come, or it does not come in time.
    """
    drain_raw(response.raw, limit)
    response.close()


def drain_raw(raw: Any, limit: int) -> None:
    """Do so with an answer of urllib3; of other kinds nothing is read."""
    if isinstance(raw, urllib3.HTTPResponse):
        with suppress(HTTPError, OSError):
            if len(raw.read(limit + 1, decode_content=False)) > limit:
                raw.close()


def hold_raw(raw: Any) -> None:
    """Take an answer of urllib3 off its connection; it is read from memory, as from the wire.

    No more of it is kept than of an error, and of one that breaks nothing: reading it tells of a
    length that was not reached. Other kinds are left as they are.
    """
    if not isinstance(raw, urllib3.HTTPResponse):
        return
    length, body = raw.length_remaining, b""
    with suppress(HTTPError, OSError):
        # Not read(), after which ``data`` would not keep what it gives.
        body = raw._raw_read(LONGEST_ERROR)  # noqa: SLF001
    raw.close()
    raw.release_conn()
    raw._fp, raw._fp_bytes_read = io.BytesIO(body), 0  # type: ignore[assignment]  # noqa: SLF001
    raw.length_remaining = length


def watch(raw: Any, fail_late: Callable[[Exception], None]) -> None:
    """Report a body of urllib3's that fails while the caller reads it.

    What the caller sees stays the same.
    """
    if isinstance(raw, urllib3.HTTPResponse):
        raw.fail_late = fail_late  # type: ignore[attr-defined]
        # Methods set on the instance would refer to it, and an answer that is dropped unread
        # would keep its connection until the garbage is collected.
        raw.__class__ = _watched(type(raw))


@lru_cache(maxsize=16)
def _watched(base: type[urllib3.HTTPResponse]) -> type[urllib3.HTTPResponse]:
    class HTTPResponse(base):  # type: ignore[misc,valid-type]
        fail_late: Callable[[Exception], None] | None

        def read(self, *args: Any, **kwargs: Any) -> Any:
            with _reported(self):
                return super().read(*args, **kwargs)

        def read1(self, *args: Any, **kwargs: Any) -> Any:
            with _reported(self):
                return super().read1(*args, **kwargs)

        def readinto(self, *args: Any, **kwargs: Any) -> Any:
            with _reported(self):
                return super().readinto(*args, **kwargs)

        def stream(self, *args: Any, **kwargs: Any) -> Iterator[bytes]:
            with _reported(self):
                yield from super().stream(*args, **kwargs)

        def read_chunked(self, *args: Any, **kwargs: Any) -> Iterator[bytes]:
            with _reported(self):
                yield from super().read_chunked(*args, **kwargs)

    HTTPResponse.__name__, HTTPResponse.__qualname__ = base.__name__, base.__qualname__
    HTTPResponse.__module__ = base.__module__
    return HTTPResponse


@contextmanager
def _reported(raw: Any) -> Iterator[None]:
    """Report the first failure that passes through."""
    try:
        yield
    except HTTPError as error:
        fail_late, raw.fail_late = raw.fail_late, None
        if fail_late is not None:
            fail_late(error)
        raise
