import gzip
import io
import itertools
import os
import struct
import tracemalloc
import zlib
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import anyio
import httpx
import pytest

from verto_resilience.transports._httpx_bodies import (
    StreamReplay,
    bounding_error,
    bytes_to_read,
    decoded_start,
)

PAYLOAD = b"x" * 100
KEPT = 2**24


class Unseekable(io.BytesIO):
    """A file that only goes on."""

    def seekable(self) -> bool:
        """Say no."""
        return False

    def seek(self, *_: int) -> int:
        """Refuse."""
        raise io.UnsupportedOperation


class Own(httpx.SyncByteStream):
    """A stream of the caller's own class."""

    def __iter__(self) -> Iterator[bytes]:
        """Give it."""
        yield PAYLOAD


def _pieces() -> Iterator[bytes]:
    yield PAYLOAD


async def _task_pieces() -> AsyncIterator[bytes]:
    yield PAYLOAD


def _request(**given: Any) -> httpx.Request:
    return httpx.Request("POST", "https://api.example.com/", **given)


@pytest.mark.parametrize(
    ("given", "possible"),
    [
        ({}, True),
        ({"content": PAYLOAD}, True),
        ({"json": {"a": 1}}, True),
        ({"content": io.BytesIO(PAYLOAD)}, True),
        ({"content": Unseekable(PAYLOAD)}, False),
        ({"content": _pieces()}, False),
        ({"content": _task_pieces()}, False),
        ({"stream": Own()}, False),
        ({"files": {"a": PAYLOAD, "b": io.BytesIO(PAYLOAD)}, "data": {"c": "d"}}, True),
        ({"files": {"a": io.BytesIO(PAYLOAD), "b": Unseekable(PAYLOAD)}}, False),
    ],
)
def test_what_can_be_sent_again(given: dict[str, Any], possible: bool) -> None:
    """What is in memory or can be rewound; nothing that would be empty the second time."""
    replay = StreamReplay(_request(**given).stream)

    assert (replay.possible, replay.rewind()) == (possible, possible)


def test_a_file_is_rewound_to_where_it_stood() -> None:
    """What the caller had read already is not sent the second time either."""
    file = io.BytesIO(b"skipped, sent")
    file.seek(9)
    request = _request(content=file)
    replay = StreamReplay(request.stream)
    assert isinstance(request.stream, httpx.SyncByteStream)
    first = b"".join(request.stream)

    replay.rewind()

    assert (first, b"".join(request.stream)) == (b"sent", b"sent")


def test_a_file_that_tasks_read_is_not_asked_where_it_stands() -> None:
    """To ask it is a coroutine, which nobody would await."""

    async def main() -> bool:
        async with await anyio.open_file(__file__, "rb") as file:
            return StreamReplay(_request(content=file).stream).possible

    assert not anyio.run(main)


@pytest.mark.parametrize(
    ("headers", "asked", "limit", "expected"),
    [
        ({"Content-Length": "10"}, None, 10, None),
        ({"Content-Length": "11"}, None, 10, 0),
        ({"Content-Length": "0"}, None, 10, None),
        ({"Content-Length": "10"}, None, 0, 0),
        ({"Content-Length": "9" * 30}, None, None, None),
        ({"Content-Length": "odd"}, None, 10, 10),
        ({}, None, 10, 10),
        ({}, None, 0, 0),
        ({"Content-Type": "text/event-stream"}, None, 10, 0),
        ({"Content-Type": " Application/X-NDJSON ; charset=utf-8"}, None, 10, 0),
        ({"Content-Type": "text/event-stream"}, None, None, None),
        ({"Content-Length": "10"}, True, None, 0),
        ({"Content-Length": "10"}, False, 0, None),
    ],
)
def test_how_much_is_read(
    headers: dict[str, str], asked: bool | None, limit: int | None, expected: int | None
) -> None:
    """What the request asks goes before the limit, and the limit before the answer's headers."""
    extensions = {} if asked is None else {"verto_stream": asked}
    response = httpx.Response(200, headers=headers, stream=Own())

    assert bytes_to_read(_request(extensions=extensions), response, limit) == expected


def test_a_connection_that_changes_its_protocol_is_left_alone() -> None:
    """What comes after 101 is no body."""
    assert bytes_to_read(_request(), httpx.Response(101, stream=Own()), None) == 0


def test_an_answer_to_head_has_no_body_whatever_its_length() -> None:
    """There is nothing to leave to the client."""
    request = httpx.Request("HEAD", "https://api.example.com/")
    response = httpx.Response(200, headers={"Content-Length": "9999"}, stream=Own())

    assert bytes_to_read(request, response, 10) is None


def _answer(coding: str | None, kind: str | None = "application/json") -> httpx.Response:
    given = {"Content-Encoding": coding, "Content-Type": kind}
    headers = {name: value for name, value in given.items() if value is not None}
    return httpx.Response(400, headers=headers, stream=Own())


def _raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


@pytest.mark.parametrize(
    ("coding", "kind", "body", "expected"),
    [
        (None, "text/html", PAYLOAD, PAYLOAD),
        ("identity", "text/html", PAYLOAD, PAYLOAD),
        (None, None, PAYLOAD * 20, PAYLOAD * 10 + b"x"),
        ("gzip", None, gzip.compress(PAYLOAD), PAYLOAD),
        (" GZIP ", "Application/Problem+JSON", gzip.compress(PAYLOAD), PAYLOAD),
        ("gzip", "text/plain; charset=utf-8", gzip.compress(PAYLOAD), PAYLOAD),
        ("gzip", None, gzip.compress(PAYLOAD * 20), PAYLOAD * 10 + b"x"),
        ("gzip", "text/html", gzip.compress(PAYLOAD), None),
        ("gzip", None, gzip.compress(bytes(range(256)) * 4, compresslevel=0), None),
        ("deflate", None, zlib.compress(PAYLOAD), PAYLOAD),
        ("deflate", None, _raw_deflate(PAYLOAD), PAYLOAD),
        ("gzip", None, PAYLOAD, None),
        ("deflate", None, PAYLOAD, None),
        ("gzip, gzip", None, gzip.compress(gzip.compress(PAYLOAD)), None),
        ("br", None, PAYLOAD, None),
        ("zstd", None, PAYLOAD, None),
    ],
    ids=itertools.count(),
)
def test_what_of_a_body_is_searched(
    coding: str | None, kind: str | None, body: bytes, expected: bytes | None
) -> None:
    """No more than the limit and a byte, through one coding; what is broken is not searched."""
    pieces = [body[:7], body[7:]]

    assert decoded_start(_answer(coding, kind), pieces, 1000) == expected


def test_a_body_that_unpacks_to_much_is_not_unpacked() -> None:
    """A small body may unpack to a thousand times its size: only its start is looked at."""
    bomb = gzip.compress(bytes(2**25))
    tracemalloc.start()

    start = decoded_start(_answer("gzip"), [bomb], 65_536)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert start == bytes(65_537)
    assert peak < 2**20


@pytest.mark.parametrize(
    ("asked", "limit", "expected"),
    [
        (None, 10, KEPT + 1),
        (None, None, KEPT + 1),
        (False, 0, KEPT + 1),
        (None, 0, 0),
        (True, 10, 0),
    ],
)
def test_an_error_is_read_whatever_it_says_of_itself(
    asked: bool | None, limit: int | None, expected: int
) -> None:
    """Neither its length nor its type leaves it to a caller who has not asked for that."""
    request = _request(extensions={} if asked is None else {"verto_stream": asked})
    for headers in ({"Content-Length": "9" * 30}, {"Content-Type": "text/event-stream"}, {}):
        assert bytes_to_read(request, httpx.Response(503, headers=headers), limit) == expected


def _bounded(status: int, coding: str | None, *pieces: bytes) -> tuple[str | None, list[bytes]]:
    response = httpx.Response(
        status, headers=None if coding is None else {"Content-Encoding": coding}
    )
    left = list(pieces)
    deque(bounding_error(response, left), 0)
    return response.headers.get("Content-Encoding"), left


@pytest.mark.parametrize(
    ("coding", "pack"),
    [("gzip", gzip.compress), ("deflate", zlib.compress), ("GZip", gzip.compress)],
)
def test_an_error_that_unpacks_to_too_much_is_unpacked_as_far_as_it_is_kept(
    coding: str, pack: Callable[[bytes], bytes]
) -> None:
    """It is handed over as if it had come so, and nothing says that it is packed."""
    coding_left, left = _bounded(400, coding, pack(bytes(KEPT + 1)))

    assert coding_left is None
    assert [len(piece) for piece in left] == [KEPT]


@pytest.mark.parametrize(
    ("status", "coding", "body"),
    [
        (400, "gzip", gzip.compress(bytes(100_000))),
        (400, "gzip", gzip.compress(bytes(KEPT))),
        (400, "gzip", b"no gzip at all" * 9999),
        (400, None, bytes(KEPT)),
        (400, "something else", b"fine"),
        (400, "gzip, gzip", gzip.compress(gzip.compress(b"fine"))),
        (200, "gzip", gzip.compress(bytes(KEPT + 1))),
    ],
    ids=["small", "just_so", "broken", "plain", "unknown", "twice", "success"],
)
def test_any_other_body_is_left_as_it_came(status: int, coding: str | None, body: bytes) -> None:
    """What is short enough, what httpx cannot unpack, and what is no error."""
    assert _bounded(status, coding, body) == (coding, [body])


@pytest.mark.parametrize("coding", [None, "identity", "something else"])
def test_an_error_that_is_too_long_as_it_came_is_cut(coding: str | None) -> None:
    """What httpx does not unpack is counted as it came."""
    coding_left, left = _bounded(500, coding, bytes(KEPT), b"x")

    assert (coding_left, sum(map(len, left))) == (coding, KEPT)


def _of_two_minds(size: int) -> bytes:
    """Make a deflate that is broken with its header, and without it unpacks to so many bytes."""
    packing = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    # Read without a header this is a block of so many bytes as they are, then one of a few more.
    one, other = 0x789C, 8000
    stored = struct.pack("<HH", one, one ^ 0xFFFF)
    # With it, one of which the second block is the end: there comes what no deflate has.
    start = struct.pack("<H", one).ljust(one, b"x")
    more = b"\0" + struct.pack("<HH", other, other ^ 0xFFFF) + b"\7" * other
    return b"\x78" + stored + start + more + packing.compress(bytes(size)) + packing.flush()


@pytest.mark.parametrize("coding", ["deflate", "deflate, gzip"])
def test_an_error_that_may_be_unpacked_in_two_ways_unpacks_to_too_much_in_neither(
    coding: str,
) -> None:
    """What cannot be unpacked the first way is not unpacked the second way, which has no bound."""
    body = _of_two_minds(2 * KEPT)
    assert len(zlib.decompress(body, -zlib.MAX_WBITS)) > 2 * KEPT
    coding_left, left = _bounded(400, coding, gzip.compress(body) if "gzip" in coding else body)

    handed_over = httpx.Response(400, headers={"Content-Encoding": coding}, content=iter(left))

    assert coding_left == coding
    with pytest.raises(httpx.DecodingError):
        handed_over.read()


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip, gzip, gzip", b"fine"),
        ("gzip, gzip", os.urandom(20_000)),
        ("gzip, deflate", os.urandom(20_000)),
        ("br, gzip", b"fine"),
        ("zstd, gzip", b"fine"),
    ],
)
def test_what_is_packed_again_and_again_is_handed_over_packed(coding: str, body: bytes) -> None:
    """What is long on the way, or may be, is meant for nobody to read, and unpacked by nobody."""
    assert _bounded(400, coding, body) == (None, [body])


@pytest.mark.parametrize("coding", ["gzip, gzip, gzip", "br, gzip"])
def test_an_answer_without_a_body_keeps_what_it_says_of_it(coding: str) -> None:
    """One to HEAD tells what the body of another would be."""
    assert _bounded(400, coding) == (coding, [])
