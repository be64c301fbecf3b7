"""What is measured: one way to make a call."""

from collections.abc import Callable
from dataclasses import dataclass


def _nothing() -> None:
    return None


@dataclass(frozen=True, slots=True)
class Contender:
    """One way to make a call.

    Attributes:
        call: Makes one.
        flush: Brings out what was recorded; done within the measured time, after each round's
            calls, so that nobody's exports fall into another's time.
        repeat: Makes so many, one after the other, where that takes less than as many times one:
            a loop of tasks is entered once. ``None``: by ``call``.
    """

    call: Callable[[], object]
    flush: Callable[[], object] = _nothing
    repeat: Callable[[int], object] | None = None

    def make(self, calls: int) -> None:
        """Make so many calls, one after the other."""
        if self.repeat is not None:
            self.repeat(calls)
            return
        call = self.call
        for _ in range(calls):
            call()
