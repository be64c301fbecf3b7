"""The time that one attempt may take in all, kept at the socket.

A timeout bounds each read and each write. A server that sends or takes one byte every second,
interim responses without end, or a body that drips, never runs into it. So each read and write of
an attempt is given no longer than what the whole attempt has left. This is done where urllib3 lets
a connection class be chosen, and nothing else about the connection changes.
"""

import io
import math
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPResponse
from typing import Any, Self

import urllib3.connection

from verto_resilience.transports._error_bodies import preload
from verto_resilience.transports._plain_headers import response_class

_current = threading.local()


class AttemptLimit:
    """When an attempt must be over, and what its connection told on the way.

    As a context manager it holds what this thread sends to the limit.

    Args:
        clock: Gives monotonic seconds.
        end: The instant after which nothing more is read or written.
        patience: Seconds for one read or write while the end is far; ``None``: until the end.
    """

    __slots__ = (
        "_before",
        "_clock",
        "_patience",
        "_sock",
        "answered",
        "connected",
        "end",
        "requested",
        "sent",
    )

    def __init__(
        self, clock: Callable[[], float], end: float, patience: float | None = None
    ) -> None:
        """Nothing was asked for yet."""
        self._before: AttemptLimit | None = None
        self._clock = clock
        self._patience = patience
        self._sock: socket.socket | None = None
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

    @property
    def left(self) -> float:
        """Seconds until the end; 0 when it has come."""
        return max(0.0, self.end - self._clock())

    @property
    def is_over(self) -> bool:
        """Whether the end has come."""
        return self.left == 0.0

    def shorten(self, seconds: float) -> None:
        """Bring the end forward to at most so many seconds from now."""
        self.end = min(self.end, self._clock() + seconds)

    def lift(self) -> None:
        """Let the caller read the body for as long as it likes, each read with its own timeout."""
        self.end = math.inf
        if self._sock is not None:
            # It may be closed by now.
            with suppress(OSError):
                self._sock.settimeout(self._patience)

    def before_read(self, sock: socket.socket) -> None:
        """Shorten the next read to what is left.

        Raises:
            TimeoutError: Nothing is left.
        """
        if self.end == math.inf:
            return
        left = self._left()
        timeout = _timeout_of(sock, self._patience)
        if timeout is None or timeout > left:
            self._sock = sock
            sock.settimeout(left)

    def before_write(self, sock: socket.socket) -> None:
        """Give the next write the time of a read, and no more than is left.

        Without it urllib3 would go by the connect timeout. The first write is the headers', which
        the kernel takes at once.

        Raises:
            TimeoutError: Nothing is left.
        """
        if not self.sent:
            self.sent = True
            return
        left, patience = self._left(), self._patience
        timeout = left if patience is None or patience > left else patience
        if _timeout_of(sock, None) != timeout:
            sock.settimeout(timeout)

    def _left(self) -> float:
        left = self.end - self._clock()
        if left <= 0.0:
            message = "timed out"
            raise TimeoutError(message)
        return left


def _timeout_of(sock: socket.socket, unknown: float | None) -> float | None:
    try:
        return sock.gettimeout()
    except AttributeError:
        # What urllib3 puts around pyOpenSSL's connections does not tell.
        return unknown


def time_left() -> float | None:
    """Give the seconds that what this thread sends may still take; ``None``: no limit."""
    limit = getattr(_current, "limit", None)
    return None if limit is None else limit.left


class Guarded:
    """Marks a connection class that keeps limits."""


def guarded(base: Any) -> Any:
    """Make a connection class that keeps the limit of the thread that uses it.

    Of what is preloaded within a limit it keeps no more of an error than is kept of any.
    """

    class Connection(Guarded, base):  # type: ignore[misc]
        is_of_urllib3 = base.getresponse is urllib3.connection.HTTPConnection.getresponse

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
            _before_write(self)
            super().send(data)

        def getresponse(self) -> Any:
            return _preloaded(self, super().getresponse)

        @staticmethod
        def response_class(sock: Any, *args: Any, **kwargs: Any) -> Any:
            limit = getattr(_current, "limit", None)
            if limit is None or base.response_class is not HTTPResponse:
                return base.response_class(sock, *args, **kwargs)
            limited: Any = _LimitedStreams(sock, limit)
            return response_class()(limited, *args, **kwargs)

    # Messages of urllib3 show the class by its name, and the caller's must not change.
    Connection.__name__, Connection.__qualname__ = base.__name__, base.__qualname__
    Connection.__module__ = base.__module__
    return Connection


def _before_write(connection: Any) -> None:
    limit = getattr(_current, "limit", None)
    # What connect() sends of its own accord, to a proxy, is not the request.
    if limit is not None and limit.requested:
        if connection.sock is None and connection.auto_open:
            connection.connect()
        limit.before_write(connection.sock)


def _preloaded(connection: Any, get: Callable[[], Any]) -> Any:
    """Get a response; what is to be preloaded within a limit is read here."""
    if getattr(_current, "limit", None) is None or not connection.is_of_urllib3:
        return get()
    asked = connection._response_options  # noqa: SLF001 - urllib3 has no name for it
    if asked is None or not asked.preload_content:
        return get()
    connection._response_options = asked._replace(preload_content=False)  # noqa: SLF001
    response = get()
    if preload(response):
        connection.close()
    return response


class _LimitedStreams:
    """Of a socket, what a response asks for: a stream to read from, each read within the limit."""

    __slots__ = ("_limit", "_sock")

    def __init__(self, sock: socket.socket, limit: AttemptLimit) -> None:
        self._sock = sock
        self._limit = limit

    def makefile(self, *_: Any, **__: Any) -> io.BufferedReader:
        raw: Any = self._sock.makefile("rb", buffering=0)
        # A stream around the stream would cost a second call for each read.
        raw.__class__ = _LimitedReads
        raw.limit = self._limit
        raw.limited = self._sock
        return io.BufferedReader(raw)


class _LimitedReads(socket.SocketIO):
    """A socket's stream whose reads keep a limit."""

    limit: AttemptLimit
    limited: socket.socket

    def readinto(self, buffer: Any) -> int | None:
        limit = self.limit
        limit.before_read(self.limited)
        read = super().readinto(buffer)
        if read:
            limit.answered = True
        return read
