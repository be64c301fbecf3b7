"""A wire between a process and its store that can be cut without anybody being told."""

import contextlib
import selectors
import socket
import threading
from typing import Self


class Wire:
    """Passes bytes on in both directions until it is cut; then it keeps them.

    Args:
        target: The port behind it.

    Attributes:
        port: Where it listens.
    """

    def __init__(self, target: int) -> None:
        """Listen."""
        self._target = target
        self._cut = threading.Event()
        self._over = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._pass_on, daemon=True)

    def cut(self) -> None:
        """Pass nothing on any more, and take nobody in; nobody is told."""
        self._cut.set()

    def mend(self) -> None:
        """Go on, with what was kept."""
        self._cut.clear()

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        self._over.set()
        self._thread.join(10)
        self._listener.close()

    def _pass_on(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            others: dict[socket.socket, socket.socket] = {}
            while not self._over.is_set():
                if self._cut.is_set():
                    self._over.wait(0.01)
                    continue
                for key, _ in selector.select(0.01):
                    ready = key.fileobj
                    if ready is self._listener:
                        near, _ = self._listener.accept()
                        far = socket.create_connection(("127.0.0.1", self._target), timeout=5)
                        others |= {near: far, far: near}
                        selector.register(near, selectors.EVENT_READ)
                        selector.register(far, selectors.EVENT_READ)
                    elif isinstance(ready, socket.socket) and ready in others:
                        self._move(ready, others, selector)
            for end in others:
                end.close()

    @staticmethod
    def _move(
        ready: socket.socket,
        others: dict[socket.socket, socket.socket],
        selector: selectors.BaseSelector,
    ) -> None:
        other = others[ready]
        data = b""
        with contextlib.suppress(OSError):
            data = ready.recv(65536)
            other.sendall(data)
        if not data:
            for end in (ready, other):
                selector.unregister(end)
                del others[end]
                end.close()
