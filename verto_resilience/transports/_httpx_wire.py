"""What happens on the wire in one attempt: told by httpcore, and kept within the attempt's time.

httpcore tells by the ``trace`` extension of a request when it connects, begins TLS, sends and
receives. And each read and write of a pool gets no longer than the attempt has left: httpcore gives
each of them the whole timeout, so a server that sends a byte every second would never run into it.
"""

from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any

import httpcore

from verto_resilience.transports._limits import AttemptLimit, time_left

# What is written at one go, and so between two looks at the time.
_PIECE = 65_536


class WireLimit(AttemptLimit):
    """When an attempt must be over, and what httpcore told on the way.

    Attributes:
        opened: The connection that was made, until its TLS handshake is over.
        securing: Whether a TLS handshake is under way.
        tunnelling: Whether a proxy is asked for a way to the server.
    """

    __slots__ = ("opened", "securing", "tunnelling")

    def __init__(
        self, clock: Callable[[], float], end: float, patience: float | None = None
    ) -> None:
        """Nothing was asked for yet."""
        super().__init__(clock, end, patience)
        self.opened: Any = None
        self.securing = False
        self.tunnelling = False

    @property
    def on_the_way(self) -> bool:
        """Whether a way to the server is being made, so that it cannot have seen the request."""
        return self.connected and not self.requested

    def note(self, event: str, info: Mapping[str, Any]) -> None:
        """Take note of an event of httpcore's."""
        _, _, event = event.partition(".")
        if event == "send_request_headers.started":
            # What goes to a proxy to ask for a tunnel is not the request.
            if info["request"].method == b"CONNECT":
                self.tunnelling = True
            else:
                self.requested = self.sent = True
        elif event == "receive_response_headers.complete":
            self.answered = self.requested
        elif event in _CONNECTING:
            self.connected = True
        elif event == "setup_socks5_connection.started":
            self.tunnelling = True
        elif event in _CONNECTED:
            self.opened = info["return_value"]
        elif event in _SECURING:
            self.securing = _SECURING[event]
            if not self.securing:
                self.opened = None


_CONNECTED = frozenset({"connect_tcp.complete", "connect_unix_socket.complete"})
_CONNECTING = frozenset({"connect_tcp.started", "connect_unix_socket.started"})
_SECURING = {"start_tls.started": True, "start_tls.complete": False}

Trace = Callable[[str, Mapping[str, Any]], Any]


def traced(limit: WireLimit, own: Trace | None) -> Trace:
    """Give the ``trace`` extension of an attempt; the caller's ``own`` is called as well."""
    if own is None:
        return limit.note

    def both(event: str, info: Mapping[str, Any]) -> Any:
        limit.note(event, info)
        return own(event, info)

    return both


def traced_in_tasks(
    limit: WireLimit, own: Trace | None
) -> Callable[[str, Mapping[str, Any]], Coroutine[Any, Any, None]]:
    """Give the same for a transport that awaits its ``trace``."""

    async def note(event: str, info: Mapping[str, Any]) -> None:
        limit.note(event, info)
        if own is not None:
            await own(event, info)

    return note


def pool_of(transport: object) -> Any:
    """Give the pool of an ``HTTPTransport`` of httpx, which has no name for it; else ``None``."""
    return getattr(transport, "_pool", None)


def goes_by_proxy(transport: object) -> bool:
    """Say whether a transport asks a proxy for its way to the servers."""
    return isinstance(pool_of(transport), _PROXIES)


_PROXIES = (
    httpcore.HTTPProxy,
    httpcore.SOCKSProxy,
    httpcore.AsyncHTTPProxy,
    httpcore.AsyncSOCKSProxy,
)


def keep_time(transport: object) -> bool:
    """Have what a transport's pool reads and writes keep the limit of the thread that does so.

    Returns:
        Whether it does: a transport that is none of httpx's own goes by its timeouts alone.
    """
    pool = pool_of(transport)
    if not isinstance(pool, httpcore.ConnectionPool):
        return False
    backend = getattr(pool, "_network_backend", None)
    if not isinstance(backend, httpcore.NetworkBackend):
        return False
    if not isinstance(backend, LimitedBackend):
        pool._network_backend = LimitedBackend(backend)  # noqa: SLF001 - see pool_of
    return True


class LimitedBackend(httpcore.NetworkBackend):
    """Connects within the limit of the thread, and gives streams that keep it."""

    def __init__(self, inner: httpcore.NetworkBackend) -> None:
        """Connect through this one."""
        self._inner = inner

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect."""
        timeout = _within(timeout, httpcore.ConnectTimeout)
        return LimitedStream(
            self._inner.connect_tcp(host, port, timeout, local_address, socket_options)
        )

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.NetworkStream:
        """Connect."""
        timeout = _within(timeout, httpcore.ConnectTimeout)
        return LimitedStream(self._inner.connect_unix_socket(path, timeout, socket_options))

    def sleep(self, seconds: float) -> None:
        """Wait, as it does between two tries to connect."""
        self._inner.sleep(_within(seconds, httpcore.ConnectTimeout) or 0.0)


class LimitedStream(httpcore.NetworkStream):
    """A connection each of whose reads and writes gets no longer than the thread has left."""

    def __init__(self, inner: httpcore.NetworkStream) -> None:
        """Read from and write to this one."""
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read what is there, or wait for it."""
        return self._inner.read(max_bytes, _within(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write all of it."""
        for start in range(0, len(buffer), _PIECE):
            piece = buffer[start : start + _PIECE]
            self._inner.write(piece, _within(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        """Close it."""
        self._inner.close()

    def start_tls(
        self,
        ssl_context: Any,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        """Go on under TLS."""
        timeout = _within(timeout, httpcore.ConnectTimeout)
        return LimitedStream(self._inner.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        """Give what the connection knows of itself."""
        return self._inner.get_extra_info(info)


def _within(timeout: float | None, late: type[Exception]) -> float | None:
    """Shorten a timeout to what this thread has left."""
    left = time_left()
    if left is None or (timeout is not None and timeout <= left):
        return timeout
    if left == 0.0:
        raise late("timed out")
    return left
