import http.client
import io
from http.client import HTTPMessage, HTTPResponse
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verto_resilience.transports._plain_headers import parse_headers, response_class

PLAIN = (
    b"Date: Sun, 01 Nov 2026 12:00:00 GMT\r\nContent-Length:  2 \r\nX:\r\nSet-Cookie: a=b\r\n"
    b"set-cookie: c=d; Path=/\r\nX-Colon: a:b\r\nFrom: here\r\n\r\n"
)
ODD = {
    "nothing": b"",
    "empty": b"\r\n",
    "cut off": b"A: b\r\n",
    "cut off in a line": b"A: b",
    "folded": b"A: b\r\n c\r\n\r\n",
    "folded at once": b" A: b\r\nC: d\r\n\r\n",
    "without returns": b"A: b\nC: d\n\n",
    "a return within": b"A: b\rC: d\r\n\r\n",
    "returns twice": b"A: b\r\r\nC: d\r\n\r\n",
    "a feed within": b"A: b\x0bc\x0cd\x1ce\r\n\r\n",
    "nul": b"A: b\x00c\r\n\r\n",
    "latin": b"A: \xe9\x85\r\n\r\n",
    "no colon": b"A: b\r\nnothing\r\nC: d\r\n\r\n",
    "no name": b": b\r\nC: d\r\n\r\n",
    "space in the name": b"A b: c\r\n\r\n",
    "space after the name": b"A : c\r\nC: d\r\n\r\n",
    "envelope": b"From me: today\r\nA: b\r\n\r\n",
    "multipart": b"Content-Type: multipart/mixed; boundary=x\r\nA: b\r\n\r\n",
    "multipart without parts": b"A: b\r\ncontent-type:\tMultipart/mixed\r\n\r\n",
    "message": b"Content-Type: message/rfc822\r\n\r\n",
    "a status": b"Content-Type: message/delivery-status\r\n\r\n",
}
LINES = st.sampled_from([line + b"\r\n" for line in PLAIN.split(b"\r\n")] + [*ODD.values()])
BYTES = st.sampled_from(
    [b"\r", b"\n", b"\r\n", b":", b" ", b"\t", b"a", b"From ", b"\xff", b"\x1d"]
)


def _told(message: HTTPMessage) -> tuple[Any, ...]:
    """Give all that a message holds; defects by what they say."""
    own = dict(vars(message))
    defects = [(type(defect), str(defect)) for defect in own.pop("defects")]
    parts = own.pop("_payload")
    if isinstance(parts, list):
        parts = [_told(part) for part in parts]
    return type(message), own, defects, parts


class _Pieces(io.RawIOBase):
    """Gives so many bytes with each read, as a socket that the server writes to."""

    def __init__(self, given: bytes, size: int) -> None:
        self._given = io.BytesIO(given)
        self._size = size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self._given.read(min(self._size, len(buffer)))
        buffer[: len(piece)] = piece
        return len(piece)


def _stream(given: bytes, size: int = 8192) -> io.BufferedReader:
    return io.BufferedReader(_Pieces(given, size))


def _both(header: bytes, rest: bytes = b"rest\r\n") -> None:
    given = header + rest
    other = io.BytesIO(given)
    expected = _told(http.client.parse_headers(other)), other.read()

    for size in (8192, len(given) // 2 + 1, 3):
        stream = _stream(given, size)
        assert (_told(parse_headers(stream)), stream.read()) == expected


def test_plain_lines_are_told_as_the_standard_library_tells_them() -> None:
    """Names, values, order and repetitions, in one piece or many; the body stays in the stream."""
    _both(PLAIN)

    assert parse_headers(_stream(PLAIN)).get_all("Set-Cookie") == ["a=b", "c=d; Path=/"]


@pytest.mark.parametrize("header", ODD.values(), ids=ODD)
def test_what_is_not_plain_is_told_so_too(header: bytes) -> None:
    """Defects, what could not be read and folded values are those of the standard library."""
    _both(header)
    _both(header, rest=b"")
    _both(PLAIN[:-2] + header)


@given(st.lists(LINES | BYTES | st.binary(max_size=4), max_size=12).map(b"".join))
def test_whatever_comes_is_told_so(header: bytes) -> None:
    """No bytes are known that the two read in different ways."""
    _both(header, rest=b"")


@pytest.mark.parametrize(
    "header", [b"A: b\r\n" * 101 + b"\r\n", b"A: " + b"b" * 65536 + b"\r\n\r\n"]
)
def test_the_bounds_hold(header: bytes) -> None:
    """Too many lines, or one too long, are refused as ever."""
    for parse in (parse_headers, http.client.parse_headers):
        with pytest.raises(http.client.HTTPException, match=r"more than|header line"):
            parse(_stream(header))


def test_bounds_that_a_program_has_set_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs that talk to servers with many headers raise http.client's; some lower them."""
    monkeypatch.setattr(http.client, "_MAXHEADERS", 200)
    monkeypatch.setattr(http.client, "_MAXLINE", 10)

    assert len(parse_headers(_stream(b"A: b\r\n" * 150 + b"\r\n"))) == 150
    with pytest.raises(http.client.HTTPException, match="header line"):
        parse_headers(_stream(b"A: bbbbbbbbb\r\n\r\n"))


def test_responses_are_of_the_class_that_is_known() -> None:
    """It is one of http.client's, with another way to read its header alone."""
    made = response_class()

    assert issubclass(made, HTTPResponse)
    assert made is not HTTPResponse
    assert {name for name in vars(made) if not name.startswith("_")} == {"begin"}


@pytest.mark.parametrize("place", ["parser", "method"])
def test_what_somebody_puts_in_is_used(monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    """A parser or method that stands in for http.client's is not passed by."""
    if place == "parser":
        monkeypatch.setattr(http.client, "parse_headers", lambda *_: HTTPMessage())
    else:
        monkeypatch.setattr(HTTPResponse, "begin", lambda _: None)

    assert response_class() is HTTPResponse
