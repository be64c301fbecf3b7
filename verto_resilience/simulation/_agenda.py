"""What happens when: the only clock there is here."""

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any, TypeVar

T = TypeVar("T")


class Agenda:
    """Things to do, in the order of their instants; of two at the same, the first put in.

    Attributes:
        now: Seconds since the beginning of the run.
    """

    __slots__ = ("_entries", "_number", "now")

    def __init__(self) -> None:
        """Start with nothing to do, at 0."""
        self.now = 0.0
        self._entries: list[tuple[float, int, Callable[[Any], object], Any]] = []
        self._number = 0

    def at(self, when: float, action: Callable[[T], object], argument: T) -> None:
        """Put in what is to be done at ``when``, which is not before ``now``."""
        self._number += 1
        heappush(self._entries, (when, self._number, action, argument))

    def run(self, until: float) -> None:
        """Do what is due before ``until``, and what comes of it."""
        entries = self._entries
        while entries and entries[0][0] < until:
            self.now, _, action, argument = heappop(entries)
            action(argument)
        self.now = until
