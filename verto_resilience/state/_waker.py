"""Ends the wait of the thread that speaks with the store."""

import socket
from contextlib import suppress


class Waker:
    """Two sockets: any thread writes a byte into one, the waiting thread watches the other.

    Attributes:
        watched: The socket that can be read once somebody has woken.

    Raises:
        OSError: This process may open no more files.
    """

    __slots__ = ("_written", "watched")

    def __init__(self) -> None:
        """Open both; neither ever blocks."""
        self.watched, self._written = socket.socketpair()
        for end in (self.watched, self._written):
            end.setblocking(False)  # noqa: FBT003 - its only argument

    def wake(self) -> None:
        """End the wait, or the next one."""
        # Full of calls to wake up, or closed in this instant.
        with suppress(OSError):
            self._written.send(b".")

    def close(self) -> None:
        """Let go of both."""
        self.watched.close()
        self._written.close()
