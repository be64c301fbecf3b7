"""Bounds: labels of limited variety, and caches that cannot grow for ever."""

from collections.abc import Callable
from typing import Generic, TypeVar

OTHER = "_OTHER"

K = TypeVar("K")
V = TypeVar("V")


class Bounded(Generic[K]):
    """Lets the first ``limit`` distinct values pass; whatever comes later is refused for good.

    The Python SDK keeps a series for each set of labels it ever saw, so variety ends here. Threads
    that meet at the limit may each let one more pass.
    """

    __slots__ = ("_limit", "_seen")

    def __init__(self, limit: int) -> None:
        """Start with none seen."""
        self._limit = limit
        self._seen: set[K] = set()

    def admits(self, value: K) -> bool:
        """Whether this value is one of the first."""
        if value in self._seen:
            return True
        if len(self._seen) >= self._limit:
            return False
        self._seen.add(value)
        return True


class Remembered(dict[K, V]):
    """A cache that makes what is missing, and starts over when it is full. Safe for threads.

    Args:
        make: Makes a value from its key.
        limit: Entries it holds at the most.
    """

    __slots__ = ("_limit", "_make")

    def __init__(self, make: Callable[[K], V], *, limit: int) -> None:
        """Start empty."""
        super().__init__()
        self._make = make
        self._limit = limit

    def __missing__(self, key: K) -> V:
        value = self._make(key)
        if len(self) >= self._limit:
            self.clear()
        self[key] = value
        return value
