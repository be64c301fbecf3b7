"""A server that puts on the wire whatever it is told to, for faults that no sane server has."""

import contextlib
import socket
import ssl
import struct
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Any, Protocol, Self

from verto_resilience.testing._http import MalformedRequestError, RequestReader

_LONGEST = 5.0
_RESET = struct.pack("ii", 1, 0)


class Then(StrEnum):
    """What becomes of the connection once the bytes are sent."""

    KEEP = "keep"
    CLOSE = "close"
    RESET = "reset"
    STALL = "stall"


@dataclass(frozen=True, slots=True)
class Say:
    """What to answer to one request.

    Attributes:
        data: The bytes, status line and all.
        then: What becomes of the connection.
        over: Bytes to be said after ``data`` again and again, until the client leaves or 5 s
            have passed.
        every: Seconds between two of these.
    """

    data: bytes = b""
    then: Then = Then.KEEP
    over: bytes = b""
    every: float = 0.0


def answer(
    body: bytes = b"fine", *, status: int = 200, head: str = "", then: Then = Then.KEEP
) -> Say:
    """Make a whole and correct answer; ``head`` is further header lines, each with its CRLF."""
    start = f"HTTP/1.1 {status} Said\r\nContent-Length: {len(body)}\r\n{head}\r\n"
    return Say(start.encode("latin-1") + body, then)


TRUNCATED_CHUNKS = Say(
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", Then.CLOSE
)
BROKEN_CHUNK = Say(
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n", Then.CLOSE
)
SHORT_BODY = Say(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this", Then.CLOSE)
RESET_IN_BODY = Say(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this", Then.RESET)
STALLED_BODY = Say(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this", Then.STALL)
RESET_AT_ONCE = Say(b"", Then.RESET)
CLOSE_AT_ONCE = Say(b"", Then.CLOSE)
RESET_IN_HEADERS = Say(b"HTTP/1.1 200 OK\r\nContent-Le", Then.RESET)
GARBAGE = Say(b"\x00\x01 no HTTP at all\r\n\r\n", Then.CLOSE)
STALLED = Say(b"", Then.STALL)


@dataclass(frozen=True, slots=True)
class Heard:
    """One request that came; ``arrived`` is monotonic, connections count from 1."""

    connection: int
    arrived: float
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class Wire:
    """Listens on loopback and gives its answers one after the other, whatever the connection.

    Args:
        *says: The answers; a correct one once they are used up.
        tls: Wraps every connection; ``None`` for plain HTTP.
        at_the_door: What every connection is answered as soon as the client has said anything,
            instead of being listened to; ``None`` for nothing of the kind.
        path: Where to listen on a Unix socket instead; ``port`` is 0 then.
    """

    def __init__(
        self,
        *says: Say,
        tls: ssl.SSLContext | None = None,
        at_the_door: Say | None = None,
        path: str | None = None,
    ) -> None:
        """Listen at once."""
        self._says = list(says)
        self._tls = tls
        self._at_the_door = at_the_door
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._heard: list[Heard] = []
        self._open: dict[int, socket.socket] = {}
        self._connections = 0
        self._threads: list[threading.Thread] = []
        if path is None:
            self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
            self.port = int(self._listener.getsockname()[1])
        else:
            self._listener = socket.create_server(path, family=socket.AF_UNIX, backlog=64)
            self.port = 0
        self._listener.settimeout(0.02)
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"{'http' if self._tls is None else 'https'}://127.0.0.1:{self.port}"

    @property
    def heard(self) -> tuple[Heard, ...]:
        """What came, oldest first."""
        with self._lock:
            return tuple(self._heard)

    @property
    def connections(self) -> int:
        """How many connections were accepted."""
        with self._lock:
            return self._connections

    @property
    def still_open(self) -> int:
        """How many of them neither side has closed."""
        with self._lock:
            return len(self._open)

    def say(self, *says: Say) -> None:
        """Give these next."""
        with self._lock:
            self._says += says

    def forget(self) -> None:
        """Give correct answers from now on."""
        with self._lock:
            self._says.clear()

    def close(self) -> None:
        """Drop every connection and stop."""
        self._closing.set()
        self._acceptor.join(_LONGEST)
        with self._lock:
            left = list(self._open.values())
        for sock in left:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(_LONGEST)

    def __enter__(self) -> Self:
        """Give itself; it listens already."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()

    def _accept(self) -> None:
        with self._listener:
            while not self._closing.is_set():
                try:
                    sock = self._listener.accept()[0]
                except OSError:
                    continue
                sock.settimeout(_LONGEST)
                with self._lock:
                    self._connections += 1
                    number = self._connections
                    self._open[number] = sock
                thread = threading.Thread(target=self._hold, args=(sock, number), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _hold(self, sock: socket.socket, number: int) -> None:
        try:
            if self._at_the_door is not None:
                sock.recv(65536)
                self._say(sock, self._at_the_door)
                return
            if self._tls is not None:
                sock = self._tls.wrap_socket(sock, server_side=True)
                with self._lock:
                    self._open[number] = sock
            self._converse(sock, number)
        except (OSError, MalformedRequestError):
            pass
        finally:
            with self._lock:
                del self._open[number]
            sock.close()

    def _converse(self, sock: socket.socket, number: int) -> None:
        reader = RequestReader(sock)
        while (request := reader.read()) is not None:
            with self._lock:
                self._heard.append(
                    Heard(
                        number,
                        request.arrived,
                        request.method,
                        request.path,
                        request.headers,
                        request.body,
                    )
                )
                said = self._says.pop(0) if self._says else answer()
            if not self._say(sock, said):
                return

    def _say(self, sock: socket.socket, said: Say) -> bool:
        sock.sendall(said.data)
        end = time.monotonic() + _LONGEST
        while said.over and time.monotonic() < end and not self._closing.wait(said.every):
            sock.sendall(said.over)
        match said.then:
            case Then.RESET:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            case Then.STALL:
                sock.recv(1)
            case Then.KEEP | Then.CLOSE:
                pass
        return said.then is Then.KEEP


class Wirer(Protocol):
    """Makes wires that the fixture closes."""

    def __call__(self, *says: Say, **options: Any) -> Wire:
        """Listen."""
