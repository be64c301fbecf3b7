"""One run of a piece of work at a time: who comes meanwhile gets what the one under way brings."""

import os
import threading
import weakref
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Flights(Generic[T]):
    """Work under way, by key; safe for threads, and empty again in a forked child.

    Attributes:
        lock: Guards what is under way. Work may guard with it what it keeps of its results, for
            no longer than arithmetic takes.
    """

    def __init__(self) -> None:
        """Start with nothing under way."""
        self.start_over()
        _alive.add(self)

    def start_over(self) -> None:
        """Forget what is under way: in a forked child nobody would ever end it."""
        # Whatever is collected as garbage meanwhile may well come by here.
        self.lock = threading.RLock()
        self._under_way: dict[Hashable, _Flight[T]] = {}

    def run(self, key: Hashable, work: Callable[[], T], patience: float | None = None) -> T | None:
        """Do the work, or wait for the one that does.

        Args:
            key: Of those with the same key one works and the others wait.
            work: What it raises is raised here; those who wait get ``None`` then.
            patience: Seconds to wait at most; ``None`` waits for as long as the work takes.

        Returns:
            What the work gave. ``None`` when the wait was too long, when the work came to no end,
            and when this very thread is at work already: waiting for itself would never end.
        """
        mine = _Flight[T](threading.get_ident())
        try:
            with self.lock:
                if any(flight.owner == mine.owner for flight in self._under_way.values()):
                    return None
                flight = self._under_way.setdefault(key, mine)
            if flight is mine:
                mine.result = work()
            else:
                flight.over.wait(patience)
            return flight.result
        finally:
            with self.lock:
                if self._under_way.get(key) is mine:
                    del self._under_way[key]
            mine.over.set()


class _Flight(Generic[T]):
    """One piece of work, and who does it."""

    __slots__ = ("over", "owner", "result")

    def __init__(self, owner: int) -> None:
        self.owner = owner
        self.over = threading.Event()
        self.result: T | None = None


_alive: weakref.WeakSet[Flights[Any]] = weakref.WeakSet()


def _after_fork() -> None:
    for flights in list(_alive):
        flights.start_over()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
