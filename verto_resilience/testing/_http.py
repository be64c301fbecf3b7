"""HTTP/1.1 on a socket, as little of it as a test server needs: no I/O library, no surprises."""

import contextlib
import socket
import time
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from verto_resilience.testing._headers import Headers

MAX_HEAD = 64 * 1024
MAX_BODY = 16 * 1024 * 1024

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_HEX = frozenset(b"0123456789abcdefABCDEF")


class MalformedRequestError(Exception):
    """The bytes received are no request that this server reads.

    Attributes:
        status: What to answer before the connection is closed.
    """

    def __init__(self, status: int, message: str) -> None:
        """Keep the status beside the message for the client."""
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Request:
    """One request, read to its end; ``arrived`` is the monotonic instant of its first byte."""

    method: str
    path: str
    query: str
    headers: Headers
    body: bytes
    arrived: float
    keeps_alive: bool


class RequestReader:
    """Reads the requests of one connection, one after the other."""

    __slots__ = ("_buffer", "_sock")

    def __init__(self, sock: socket.socket) -> None:
        """Read from this socket; the caller closes it."""
        self._sock = sock
        self._buffer = bytearray()

    def read(self) -> Request | None:
        """Wait for the next request.

        Returns:
            ``None`` when the client has closed, also in the middle of a request.

        Raises:
            MalformedRequestError: What came is no HTTP request, or is too large.
        """
        if not self._buffer and not self._fill():
            return None
        arrived = time.monotonic()
        head = self._take_until(b"\r\n\r\n", MAX_HEAD)
        if head is None:
            return None
        lines = head.decode("latin-1").split("\r\n")
        method, target, version = _request_line(lines[0])
        headers = Headers(_field(line) for line in lines[1:])
        body = self._body(headers)
        if body is None:
            return None
        path, query = _split(target)
        wanted = headers.get("Connection", "").lower()
        keeps_alive = "close" not in wanted and (version == "HTTP/1.1" or "keep-alive" in wanted)
        return Request(method, path, query, headers, body, arrived, keeps_alive)

    def _body(self, headers: Headers) -> bytes | None:
        chunked = "chunked" in headers.get("Transfer-Encoding", "").lower()
        length = 0 if chunked else _length(headers.get("Content-Length", "0"))
        expects = headers.get("Expect", "").lower() == "100-continue"
        if expects and (chunked or length) and not self._buffer:
            try:
                self._sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            except OSError:
                return None
        return self._chunks() if chunked else self._take(length)

    def _chunks(self) -> bytes | None:
        body = bytearray()
        while (line := self._take_until(b"\r\n", MAX_HEAD)) is not None:
            digits = line.partition(b";")[0].strip()
            if not digits or not _HEX.issuperset(digits):
                raise MalformedRequestError(400, "The chunk size is no hexadecimal number")
            size = int(digits, 16)
            if len(body) + size > MAX_BODY:
                raise MalformedRequestError(413, "The body is too large for the sandbox")
            if size == 0:
                return bytes(body) if self._skip_trailers() else None
            chunk = self._take(size + 2)
            if chunk is None:
                return None
            body += chunk[:-2]
        return None

    def _skip_trailers(self) -> bool:
        while line := self._take_until(b"\r\n", MAX_HEAD):
            pass
        return line is not None

    def _take_until(self, end: bytes, limit: int) -> bytes | None:
        searched = 0
        while (at := self._buffer.find(end, searched)) < 0:
            searched = max(0, len(self._buffer) - len(end) + 1)
            if searched > limit:
                raise MalformedRequestError(431, "The request head is too large for the sandbox")
            if not self._fill():
                return None
        taken = bytes(self._buffer[:at])
        del self._buffer[: at + len(end)]
        return taken

    def _take(self, size: int) -> bytes | None:
        while len(self._buffer) < size:
            if not self._fill():
                return None
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken

    def _fill(self) -> bool:
        data = b""
        with contextlib.suppress(OSError):
            data = self._sock.recv(65536)
        self._buffer += data
        return bool(data)


def head(status: int, reason: str, fields: Iterable[tuple[str, str]]) -> bytes:
    """Write a status line and header fields, blank line included."""
    lines = [f"HTTP/1.1 {status} {reason}"]
    lines += [f"{name}: {value}" for name, value in fields]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def imf_fixdate(seconds: int) -> str:
    """Write an instant as HTTP does (RFC 9110 §5.6.7), whatever the locale.

    Args:
        seconds: Whole seconds since 1970-01-01 UTC.
    """
    at = time.gmtime(seconds)
    day, month = _DAYS[at.tm_wday], _MONTHS[at.tm_mon - 1]
    clock = f"{at.tm_hour:02}:{at.tm_min:02}:{at.tm_sec:02}"
    return f"{day}, {at.tm_mday:02} {month} {at.tm_year:04} {clock} GMT"


def iso_instant(seconds: int) -> str:
    """Write an instant as JSON bodies do (RFC 3339).

    Args:
        seconds: Whole seconds since 1970-01-01 UTC.
    """
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def _request_line(line: str) -> tuple[str, str, str]:
    parts = line.split(" ")
    match parts:
        case [method, target, "HTTP/1.1" | "HTTP/1.0" as version] if method and target:
            return method, target, version
        case _:
            raise MalformedRequestError(400, "The request line is no HTTP/1.1 request line")


def _field(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon or not name or name != name.strip():
        raise MalformedRequestError(400, "A header line has no name")
    return name, value.strip()


def _length(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < len(str(MAX_BODY)) * 2):
        raise MalformedRequestError(400, "Content-Length is no whole number")
    length = int(text)
    if length > MAX_BODY:
        raise MalformedRequestError(413, "The body is too large for the sandbox")
    return length


def _split(target: str) -> tuple[str, str]:
    if target.startswith("/"):
        path, _, query = target.partition("?")
        return path, query
    try:
        parts = urlsplit(target)
    except ValueError:
        raise MalformedRequestError(400, "The request target is no address") from None
    return parts.path or "/", parts.query
