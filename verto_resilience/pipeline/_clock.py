"""The only place that reads a clock or sleeps."""

import threading
import time
from typing import Protocol


class Clock(Protocol):
    """Where time comes from."""

    def monotonic(self) -> float:
        """Give seconds that never go back; every decision is taken in these."""
        ...

    def wall(self) -> float:
        """Give seconds since the epoch; used only to read an HTTP-date without a ``Date``."""
        ...

    def sleep(self, seconds: float) -> bool:
        """Wait at least this long; ``False`` when the wait was ended early."""
        ...


class AsyncClock(Protocol):
    """Where time comes from for tasks; an edge brings it, for it knows whose loop it is."""

    def monotonic(self) -> float:
        """Give seconds that never go back; every decision is taken in these."""
        ...

    def wall(self) -> float:
        """Give seconds since the epoch; used only to read an HTTP-date without a ``Date``."""
        ...

    async def sleep(self, seconds: float) -> bool:
        """Let other tasks run for at least this long; ``False`` when it was ended early."""
        ...


class SystemClock:
    """The machine's clock; its sleeps end early when :meth:`interrupt` is called.

    Args:
        interrupted: Ends the sleeps under way once it is set; one of its own by default.
    """

    __slots__ = ("_interrupted",)

    def __init__(self, interrupted: threading.Event | None = None) -> None:
        """Start uninterrupted."""
        self._interrupted = threading.Event() if interrupted is None else interrupted

    # Bound once: these are asked three times for each call.
    monotonic = staticmethod(time.monotonic)
    wall = staticmethod(time.time)

    def sleep(self, seconds: float) -> bool:
        """Wait at least this long; ``False`` when interrupted before the time was up."""
        interrupted = self._interrupted
        end = time.monotonic() + seconds
        left = seconds
        # A wait may come back a hair early, and a resend must not.
        while left > 0.0:
            if interrupted.wait(left):
                return False
            left = end - time.monotonic()
        return True

    def interrupt(self) -> None:
        """End the sleeps under way; later ones are sleeps again."""
        interrupted, self._interrupted = self._interrupted, threading.Event()
        interrupted.set()

    def start_over(self) -> None:
        """Forget who sleeps: in a forked child a thread of the parent's may seem to hold a lock."""
        self._interrupted = threading.Event()
