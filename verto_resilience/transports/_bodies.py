"""Bodies of requests that are sent again, and of responses that are not returned."""

import io
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any

import requests
import urllib3
from requests.exceptions import RequestException
from urllib3.exceptions import HTTPError

from verto_resilience.outcome import Failure
from verto_resilience.transports._requests_failures import failure_of


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


def drain(response: requests.Response, limit: int) -> None:
    """Free the connection of a response that will not be returned.

    Reads up to ``limit`` bytes, so that the connection can be used again; closes it when there is
    more to come.
    """
    with suppress(RequestException, HTTPError, OSError):
        raw = response.raw
        if raw is not None and len(raw.read(limit + 1, decode_content=False)) > limit:
            raw.close()
    response.close()


def keep_small_body(response: requests.Response, limit: int) -> bool:
    """Read a small unread body into memory, so that its connection is free and it can be returned.

    Returns:
        ``False`` when it is not known to be small, or could not be read: then nothing was read.
    """
    raw = response.raw
    if not isinstance(raw, urllib3.HTTPResponse):
        return False
    length = raw.length_remaining
    if length is None or length > limit:
        return False
    try:
        body = raw.read(decode_content=False)
    except (HTTPError, OSError):
        return False
    response.raw = urllib3.HTTPResponse(
        body=io.BytesIO(body),
        headers=raw.headers,
        status=raw.status,
        version=raw.version,
        reason=raw.reason,
        preload_content=False,
        decode_content=raw.decode_content,
        original_response=raw._original_response,  # noqa: SLF001 - cookies are read from it
        request_method=None if response.request is None else response.request.method,
    )
    raw.release_conn()
    return True


def watch(response: requests.Response, fail_late: Callable[[Failure], None]) -> None:
    """Report a body that fails while the caller reads it; what the caller sees stays the same."""
    raw = response.raw
    if not isinstance(raw, urllib3.HTTPResponse):
        return
    watcher = _Watcher(fail_late)
    # The public ways to read. Set on the instance, so that the response keeps its class.
    for name in ("read", "read1", "readinto"):
        if hasattr(raw, name):
            setattr(raw, name, partial(watcher.read, getattr(raw, name)))
    for name in ("stream", "read_chunked"):
        setattr(raw, name, partial(watcher.stream, getattr(raw, name)))


class _Watcher:
    """Passes reads on, and reports the first that fails."""

    def __init__(self, fail_late: Callable[[Failure], None]) -> None:
        self._fail_late: Callable[[Failure], None] | None = fail_late

    def read(self, read: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        try:
            return read(*args, **kwargs)
        except HTTPError as error:
            self._report(error)
            raise

    def stream(
        self,
        stream: Callable[..., Iterator[bytes]],
        *args: Any,
        **kwargs: Any,
    ) -> Iterator[bytes]:
        try:
            yield from stream(*args, **kwargs)
        except HTTPError as error:
            self._report(error)
            raise

    def _report(self, error: Exception) -> None:
        fail_late, self._fail_late = self._fail_late, None
        if fail_late is not None:
            fail_late(failure_of(error))
