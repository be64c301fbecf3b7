"""What a circuit knows of the same circuit in other processes, and what it has not told them.

The fleet counts its verdicts on a circuit. Only a newer one is heard, and only what a process found
out by itself is to be said. Not safe on its own: the owner holds its lock.
"""

import math

from verto_resilience.machines._circuit import Trigger

# What others said is not said again; that a break is over everybody knows by himself.
_NOBODYS_FINDING = frozenset(
    {Trigger.OPENED_ELSEWHERE, Trigger.CLOSED_ELSEWHERE, Trigger.BREAK_OVER}
)


class Fleet:
    """One circuit's ties to its fleet; without a fleet nothing ever comes of them.

    Attributes:
        heard: The generation of the newest verdict of the fleet; 0 before the first.
        unsaid: Whether the circuit has moved by itself, and the fleet has not been told.
        probes_from: Monotonic seconds before which no probe begins.
        asked_at: Monotonic seconds at which somebody was last refused, or let through as a probe.
    """

    __slots__ = ("asked_at", "heard", "probes_from", "unsaid")

    def __init__(self) -> None:
        """Start alone."""
        self.heard = 0
        self.unsaid = False
        self.probes_from = -math.inf
        self.asked_at = -math.inf

    def hear(self, generation: int) -> bool:
        """Take note of a verdict; ``False`` when it is no newer than the last.

        What was still to be said is out of date with it.
        """
        if generation <= self.heard:
            return False
        self.heard = generation
        self.unsaid = False
        return True

    def agree(self, generation: int, *, all_said: bool) -> None:
        """Take note of the generation that an own verdict was given."""
        self.heard = max(self.heard, generation)
        if all_said:
            self.unsaid = False

    def moved(self, trigger: Trigger) -> None:
        """Take note of a move."""
        if trigger not in _NOBODYS_FINDING:
            self.unsaid = True
