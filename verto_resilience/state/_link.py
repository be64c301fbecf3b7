"""The connection to a server: the only place that speaks with Redis.

Two sockets, one for scripts and one that hears nudges, both with a timeout on everything. Whatever
goes wrong comes out as :class:`LinkError`, which says what it means and quotes nobody.
"""

import os
import selectors
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from verto_resilience.pipeline import Secret, StoreAddress, StoreFault
from verto_resilience.state._faults import BROKEN, fault_of, is_missing
from verto_resilience.state._scripts import Script

# One of redis-py's, whose own types leave most of it open.
Connection = Any

_CHANNEL = "verto:resilience:v1:{}:verdicts"
_TRIED = b"0"
_LEAST_VERSION = (7, 0)
_WITHOUT_A_SOCKET = 0.05


class LinkError(Exception):
    """The server cannot be had, or does not do what it is asked.

    Attributes:
        fault: What is wrong.
    """

    def __init__(self, fault: StoreFault) -> None:
        """Say what is wrong."""
        super().__init__(fault.value)
        self.fault = fault


@dataclass(frozen=True, slots=True)
class Place:
    """Which server, which namespace, and with what credentials.

    Attributes:
        address: The server.
        namespace: Whose verdicts; others share the server without hearing of them.
        username: ``None``: the one in the address, or none.
        password: ``None``: the one in the address, or none.
    """

    address: StoreAddress
    namespace: str
    username: str | None = None
    password: Secret | None = None


class Link:
    """Connected to a server, or about to be; used by one thread.

    Args:
        place: Where.
        timeout: Seconds that connecting, and each answer, may take.
    """

    def __init__(self, place: Place, *, timeout: float) -> None:
        """Connect to nobody yet."""
        self.key = _CHANNEL.format(place.namespace)
        self._place = place
        self._timeout = timeout
        self._scripts: Connection = None
        self._nudges: Connection = None

    @property
    def is_open(self) -> bool:
        """Whether scripts can be run, as far as is known."""
        return self._scripts is not None

    def is_usable_after(self, fault: StoreFault) -> bool:
        """Say whether it can still be asked: it refused something, and goes on answering."""
        return self.is_open and fault not in BROKEN

    def open(self) -> None:
        """Connect, and see whether the server is one that can be used.

        Raises:
            LinkError: It is not.
        """
        self.close()
        self._scripts = self._connection()
        self._check_version()
        nudges = self._connection()
        try:
            _ask(nudges, "SUBSCRIBE", self.key)
        except LinkError as error:
            nudges.disconnect()
            if error.fault is not StoreFault.NOT_PERMITTED:
                raise
        else:
            self._nudges = nudges

    def run(self, script: Script, *arguments: str | int) -> list[Any]:
        """Run a script on the hash of this namespace.

        Raises:
            LinkError: It did not run, or nobody knows whether it did.
        """
        connection = self._scripts
        if connection is None:
            raise LinkError(StoreFault.UNREACHABLE)
        try:
            answer = _ask(connection, "EVALSHA", script.sha, 1, self.key, *arguments)
        except _NoSuchScript:
            answer = _ask(connection, "EVAL", script.text, 1, self.key, *arguments)
        if not isinstance(answer, list):
            raise LinkError(StoreFault.NOT_REDIS)
        return answer

    def wait(self, seconds: float, waker: socket.socket) -> bool:
        """Wait for a nudge, or for a byte from the waker; says whether there was a nudge.

        Raises:
            LinkError: The connection was lost meanwhile.
        """
        nudges = self._nudges
        listening = None if nudges is None else getattr(nudges, "_sock", None)
        if nudges is not None:
            if listening is None:
                # A redis-py that keeps its socket elsewhere: asked again and again.
                seconds = min(seconds, _WITHOUT_A_SOCKET)
            elif self._take(nudges):
                return True
        end = time.monotonic() + max(0.0, seconds)
        with selectors.DefaultSelector() as selector:
            selector.register(waker, selectors.EVENT_READ)
            if listening is not None:
                selector.register(listening, selectors.EVENT_READ)
            while True:
                ready = selector.select(max(0.0, end - time.monotonic()))
                is_woken = any(key.fileobj is waker for key, _ in ready)
                if is_woken:
                    with suppress(BlockingIOError):
                        waker.recv(4096)
                is_nudged = nudges is not None and self._take(nudges)
                if is_nudged or is_woken or time.monotonic() >= end:
                    return is_nudged

    def close(self) -> None:
        """Let go of both sockets."""
        for connection in (self._scripts, self._nudges):
            if connection is not None:
                connection.disconnect()
        self._scripts = self._nudges = None

    def abandon(self) -> None:
        """Close this process's copies of sockets that belong to its parent, which goes on."""
        for connection in (self._scripts, self._nudges):
            # Neither says goodbye to the server nor shuts anything down.
            mine = getattr(connection, "_sock", None)
            if mine is not None:
                with suppress(OSError):
                    os.close(mine.detach())
        self._scripts = self._nudges = None

    def _take(self, nudges: Connection) -> bool:
        heard = False
        while _has_more(nudges):
            message = _read(nudges)
            # Somebody has only tried whether it may be said.
            heard = heard or not (isinstance(message, list) and message[-1] == _TRIED)
        return heard

    def _check_version(self) -> None:
        if self._scripts is None:
            return
        try:
            told = _ask(self._scripts, "INFO", "server")
        except LinkError as error:
            if error.fault is StoreFault.NOT_PERMITTED:
                return
            raise
        text = told.decode("utf-8", "replace") if isinstance(told, bytes) else ""
        for line in text.splitlines():
            name, _, version = line.partition(":")
            # Valkey says with which Redis it goes under this name, too.
            if name == "redis_version":
                numbers = [int(part) for part in version.strip().split(".") if part.isdigit()]
                if tuple(numbers) < _LEAST_VERSION:
                    raise LinkError(StoreFault.TOO_OLD)

    def _connection(self) -> Connection:
        import redis.connection
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        place = self._place
        read_url: Any = redis.connection.parse_url
        given = dict(read_url(place.address.url))
        kind = given.pop("connection_class", redis.connection.Connection)
        if place.username is not None:
            given["username"] = place.username
        if place.password is not None:
            given["password"] = place.password.revealed
        if kind is redis.connection.SSLConnection:
            given["ssl_check_hostname"] = True
        over_tls = kind is redis.connection.SSLConnection
        # To make one opens a file already: redis-py looks up its own version.
        with _translated(over_tls=over_tls):
            connection = kind(
                **given,
                protocol=2,
                socket_timeout=self._timeout,
                socket_connect_timeout=self._timeout,
                retry=Retry(NoBackoff(), 0),
                client_name="verto-resilience",
            )
        with _translated(connection, over_tls=over_tls):
            connection.connect()
        return connection


class _NoSuchScript(LinkError):  # noqa: N818 - an answer rather than a failure
    """The server has not kept it, or was restarted."""


class _translated:  # noqa: N801 - reads as a verb
    """Turns what redis-py raises into what it means."""

    __slots__ = ("_connection", "_over_tls")

    def __init__(self, connection: Connection = None, *, over_tls: bool = False) -> None:
        self._connection = connection
        self._over_tls = over_tls

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Translate."""
        if error is None or not isinstance(error, Exception):
            return
        fault = fault_of(error, over_tls=self._over_tls)
        if self._connection is not None and fault in BROKEN:
            with suppress(Exception):
                self._connection.disconnect()
        # Nothing of it is kept: its message may quote an address or a value.
        raise (_NoSuchScript if is_missing(error) else LinkError)(fault) from None


def _ask(connection: Connection, *command: str | int) -> Any:
    with _translated(connection):
        connection.send_command(*command, check_health=False)
        return connection.read_response()


def _read(connection: Connection) -> Any:
    with _translated(connection):
        return connection.read_response()


def _has_more(connection: Connection) -> bool:
    with _translated(connection):
        return bool(connection.can_read(timeout=0))
