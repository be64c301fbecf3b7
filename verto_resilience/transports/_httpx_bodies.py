"""Bodies at the httpx edges: which can be sent again, how many are read, what is handed over."""

import inspect
import zlib
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any

import httpx
import urllib3
from anyio.lowlevel import checkpoint
from urllib3.exceptions import DecodeError

from verto_resilience.transports._bodies import Replay
from verto_resilience.transports._error_bodies import (
    FIRST_ERROR,
    LONGEST_ERROR,
    SMALL,
    beginning,
    is_packed_too_often,
)
from verto_resilience.transports._unpacking import unpacking

BODY_LIMIT = 1_048_576
"""Bytes of a body that are a part of its attempt without a word from the caller."""

STREAM = "verto_stream"
"""The extension of a request that says whether the caller alone reads the body."""

_STREAMED = frozenset(
    {
        "application/json-seq",
        "application/jsonl",
        "application/stream+json",
        "application/x-ndjson",
        "multipart/x-mixed-replace",
        "text/event-stream",
    }
)
_SWITCHED = 101

FailLate = Callable[[Exception], None]


class StreamReplay:
    """Whether the stream of a request can be sent again byte for byte, and how.

    What is in memory can, and files that can be rewound can, in a multipart form too. Generators
    cannot, nor files that are read by tasks, nor streams of a class of the caller's own.
    """

    __slots__ = ("_parts", "possible")

    def __init__(self, stream: object) -> None:
        """Note where its files stand now."""
        self._parts = [Replay(part) for part in _parts_of(stream)]
        self.possible = all(part.possible for part in self._parts)

    def rewind(self) -> bool:
        """Go back to where it stood; ``False`` when it will not go."""
        return all(part.rewind() for part in self._parts)


def _parts_of(stream: object) -> Iterable[object]:
    if isinstance(stream, httpx.ByteStream):
        return ()
    fields = getattr(stream, "fields", None)
    if isinstance(fields, list):
        # A form: what it has besides files is in memory.
        return [getattr(field, "file", None) for field in fields]
    # What httpx itself makes of content that is not in memory keeps it under this name.
    body = getattr(stream, "_stream", stream)
    return [_Once() if inspect.iscoroutinefunction(getattr(body, "seek", None)) else body]


class _Once:
    """Stands for a body that cannot be rewound."""


def bytes_to_read(
    request: httpx.Request, response: httpx.Response, limit: int | None
) -> int | None:
    """Say how much of a body is read before its response is handed over.

    An error is no stream, whatever its type: it is read, and one byte more than is kept of it.

    Args:
        request: May ask for the one or the other by its extension ``verto_stream``.
        response: As it came, with its headers.
        limit: What is read where the request does not ask; ``None``: all.

    Returns:
        Bytes; 0 leaves the body to the caller, and ``None`` reads it to its end.
    """
    if response.status_code == _SWITCHED:
        return 0
    asked = request.extensions.get(STREAM)
    if response.status_code >= FIRST_ERROR and not asked and (limit != 0 or asked is not None):
        return LONGEST_ERROR + 1
    if asked is not None:
        return 0 if asked else None
    if limit is None or request.method == "HEAD":
        return None
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if limit == 0 or kind in _STREAMED:
        return 0
    length = response.headers.get("Content-Length", "")
    if not length.isdecimal():
        return limit
    return None if int(length) <= limit else 0


def bounding_error(response: httpx.Response, pieces: list[bytes]) -> Iterator[None]:
    """Keep of an error's body what is kept of any: :data:`LONGEST_ERROR` bytes, unpacked.

    Of any other answer nothing is changed. httpx unpacks at one go what it is given. So what would
    become too long is unpacked here, and handed over as if it had come so. That takes a while, so
    it goes step by step.

    Args:
        response: Its headers say how the body is packed, and no longer where it is unpacked.
        pieces: As they came; shortened.
    """
    if response.status_code < FIRST_ERROR:
        return
    codings = response.headers.get_list("Content-Encoding", split_commas=True)
    packed = [coding for coding in map(str.lower, codings) if coding in _UNPACKED]
    size = sum(map(len, pieces))
    if is_packed_too_often(packed, size):
        # It is left to the caller as it came.
        del response.headers["Content-Encoding"]
        return
    if not {*packed} & {*urllib3.HTTPResponse.CONTENT_DECODERS}:
        if size > LONGEST_ERROR:
            pieces[:] = [beginning(pieces)[0]]
        return
    if not size or (packed in _DEFLATED and size <= SMALL):
        return
    whole = b"".join(pieces)
    try:
        body, is_cut = yield from unpacking(whole, packed, LONGEST_ERROR)
    except DecodeError:
        # So httpx finds out, and says it in its own words. It takes a deflate whose first piece is
        # broken for one without a header, of which anything may come: what begins well stays so.
        if "deflate" in packed:
            pieces[:] = [whole[:_HEADER], whole[_HEADER:]]
        return
    if is_cut:
        pieces[:] = [body]
        del response.headers["Content-Encoding"]


# What httpx unpacks.
_UNPACKED = frozenset({"gzip", "deflate", "br", "zstd"})
_DEFLATED = (["gzip"], ["deflate"])
# Bytes by which a deflate with a header is known.
_HEADER = 2


def decoded_start(response: httpx.Response, pieces: list[bytes], limit: int) -> bytes | None:
    """Give the first bytes of a body that was read, to be searched for an error of the API.

    Never raises: whether all of it can be decoded is for the client to find out, if it wants to.

    Args:
        response: Says how it is encoded.
        pieces: As they came.
        limit: Up to so many bytes are given, and one more where there are more.

    Returns:
        ``None`` for a body that is not searched: one that is longer than ``limit`` as it came,
        whose type is not that of JSON, or whose coding is not gzip or deflate alone.
    """
    coding = response.headers.get("Content-Encoding", "").strip().lower()
    if coding in _PLAIN:
        start = bytearray()
        for piece in pieces:
            start += piece[: limit + 1 - len(start)]
            if len(start) > limit:
                break
        return bytes(start)
    kind = response.headers.get("Content-Type", "json").lower()
    if sum(map(len, pieces)) > limit or not any(known in kind for known in _SEARCHED):
        return None
    data = b"".join(pieces)
    for window in _WINDOWS.get(coding, ()):
        with suppress(zlib.error):
            return zlib.decompressobj(window).decompress(data, limit + 1)
    return None


_PLAIN = frozenset({"", "identity"})
_SEARCHED = ("json", "text/plain")
# Some call deflate what has no header.
_WINDOWS = {"gzip": (16 + zlib.MAX_WBITS,), "deflate": (zlib.MAX_WBITS, -zlib.MAX_WBITS)}


class HeldStream(httpx.SyncByteStream):
    """A body of which the first part was read, and what is left of it.

    Args:
        pieces: What was read; let go as it is given.
        rest: What is still on the connection; ``None`` when all was read.
        close: Frees the connection.

    Attributes:
        fail_late: Is told of an exception that the rest brings up.
    """

    def __init__(
        self, pieces: Iterable[bytes], rest: Iterator[bytes] | None, close: Callable[[], None]
    ) -> None:
        """Give nothing yet."""
        self._pieces = deque(pieces)
        self._rest = rest
        self._close = close
        self.fail_late: FailLate | None = None

    def __iter__(self) -> Iterator[bytes]:
        """Give what was read, and go on reading."""
        while self._pieces:
            yield self._pieces.popleft()
        if self._rest is not None:
            try:
                yield from self._rest
            except Exception as error:
                _report(self, error)
                raise

    def close(self) -> None:
        """Be done with it."""
        self._pieces.clear()
        self._close()


class AsyncHeldStream(httpx.AsyncByteStream):
    """The same for tasks."""

    def __init__(
        self,
        pieces: Iterable[bytes],
        rest: AsyncIterator[bytes] | None,
        close: Callable[[], Any],
    ) -> None:
        """Give nothing yet."""
        self._pieces = deque(pieces)
        self._rest = rest
        self._close = close
        self._was_begun = False
        self.fail_late: FailLate | None = None

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Give itself: a generator would be left to the garbage collector where it is left."""
        return self

    async def __anext__(self) -> bytes:
        """Give what was read, and go on reading."""
        if self._pieces:
            if self._was_begun:
                # The client may unpack each piece: in between others have their turn.
                await checkpoint()
            self._was_begun = True
            return self._pieces.popleft()
        if self._rest is None:
            raise StopAsyncIteration
        try:
            return await anext(self._rest)
        except StopAsyncIteration:
            raise
        except Exception as error:
            _report(self, error)
            raise

    async def aclose(self) -> None:
        """Be done with it."""
        self._pieces.clear()
        # A generator that is left to the garbage collector has no loop to end in.
        end = getattr(self._rest, "aclose", None)
        if end is not None:
            await end()
        await self._close()


def cut_off() -> Iterator[bytes]:
    """Stand for the rest of a body that was closed: it cannot be taken for the whole."""
    yield from ()
    raise httpx.ReadError(_CUT_OFF)


async def cut_off_in_tasks() -> AsyncIterator[bytes]:
    """The same for tasks."""
    for piece in cut_off():
        yield piece


_CUT_OFF = "the rest of this body was closed before new credentials were asked for"


def _report(stream: HeldStream | AsyncHeldStream, error: Exception) -> None:
    """Report the first failure."""
    fail_late, stream.fail_late = stream.fail_late, None
    if fail_late is not None:
        fail_late(error)
