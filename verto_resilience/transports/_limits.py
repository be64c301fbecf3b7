"""The time that one attempt may take in all, kept at the socket.

A timeout bounds each read. A server that sends one byte every second, interim responses without
end, or a body that drips, never runs into it. So each read of an attempt is given no longer than
what the whole attempt has left. This is done where urllib3 lets a connection class be chosen, and
nothing else about the connection changes.
"""

import http.client
import io
import math
import socket
import threading
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Self

from urllib3 import HTTPConnectionPool
from urllib3.connection import HTTPConnection

_current = threading.local()


class AttemptLimit:
    """When an attempt must be over, and what its connection told on the way.

    As a context manager it holds what this thread sends to the limit.

    Args:
        clock: Gives monotonic seconds.
        end: The instant after which nothing more is read.
    """

    __slots__ = ("_before", "_clock", "answered", "connected", "end", "requested", "sent")

    def __init__(self, clock: Callable[[], float], end: float) -> None:
        """Nothing was asked for yet."""
        self._before: AttemptLimit | None = None
        self._clock = clock
        self.end = end
        self.requested = False
        self.connected = False
        self.answered = False
        self.sent = False

    def __enter__(self) -> Self:
        """Begin; limits nest, as an adapter may send through another that is wrapped as well."""
        self._before = getattr(_current, "limit", None)
        _current.limit = self
        return self

    def __exit__(self, *_: object) -> None:
        """Go back to the limit before."""
        _current.limit = self._before

    @property
    def went_stale(self) -> bool:
        """Whether the request went out on an old connection, and not a byte came back."""
        return self.requested and not self.connected and not self.answered

    def lift(self) -> None:
        """Let the caller read the body for as long as it likes."""
        self.end = math.inf

    def apply(self, sock: socket.socket) -> None:
        """Shorten the next read to what is left.

        Raises:
            TimeoutError: Nothing is left.
        """
        if self.end == math.inf:
            return
        left = self.end - self._clock()
        if left <= 0.0:
            message = "timed out"
            raise TimeoutError(message)
        timeout = sock.gettimeout()
        if timeout is None or timeout > left:
            sock.settimeout(left)


class Guarded:
    """Marks a connection class that keeps limits."""


def guard(pool: HTTPConnectionPool) -> None:
    """Have a pool's connections keep the limit of the thread that uses them."""
    # Read once: another thread may be doing the same.
    base = pool.ConnectionCls
    if not issubclass(base, Guarded):
        pool.ConnectionCls = _guarded(base)


@lru_cache(maxsize=64)
def _guarded(base: type[HTTPConnection]) -> type[HTTPConnection]:
    class Connection(Guarded, base):  # type: ignore[misc,valid-type]
        def connect(self) -> None:
            limit = getattr(_current, "limit", None)
            if limit is not None:
                limit.connected = True
            super().connect()

        def request(self, *args: Any, **kwargs: Any) -> None:
            limit = getattr(_current, "limit", None)
            if limit is not None:
                limit.requested = True
            super().request(*args, **kwargs)

        def send(self, data: Any) -> None:
            limit = getattr(_current, "limit", None)
            # What connect() sends of its own accord, to a proxy, is not the request.
            if limit is not None and limit.requested:
                if self.sock is None and self.auto_open:
                    self.connect()
                limit.sent = True
            super().send(data)

        @staticmethod
        def response_class(sock: socket.socket, *args: Any, **kwargs: Any) -> Any:
            response = base.response_class(sock, *args, **kwargs)
            limit = getattr(_current, "limit", None)
            if limit is not None and type(response) is http.client.HTTPResponse:
                raw = response.fp.detach()
                response.fp = io.BufferedReader(_LimitedReads(raw, sock, limit))
            return response

    # Messages of urllib3 show the class by its name, and the caller's must not change.
    Connection.__name__, Connection.__qualname__ = base.__name__, base.__qualname__
    Connection.__module__ = base.__module__
    return Connection


class _LimitedReads(io.RawIOBase):
    """Passes reads on to a socket's stream, each within the limit."""

    def __init__(self, raw: Any, sock: socket.socket, limit: AttemptLimit) -> None:
        super().__init__()
        self._raw = raw
        self._sock = sock
        self._limit = limit

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._limit.apply(self._sock)
        read: int | None = self._raw.readinto(buffer)
        if read:
            self._limit.answered = True
        return read

    def fileno(self) -> int:
        number: int = self._raw.fileno()
        return number

    def close(self) -> None:
        self._raw.close()
        super().close()
