"""Whether an open circuit may be tried before its break is over: another process may be wrong.

A trip is the finding of one process. Where some requests fail whoever sends them, one of many
processes soon has as many failures in a row as open a circuit, by bad luck. So those who only heard
of a trip may try the origin early, a few in the whole fleet, and not the one that has said it. Not
safe on its own: the owner holds its lock.
"""

import math
from collections.abc import Callable

from verto_resilience.machines._circuit import Trigger

OPINIONS = 2
"""How many that fail confirm a trip; the first good one overturns it."""

# Chance puts processes apart by so many seconds that the first to try is heard of by most others.
SOONEST, _LATEST = 0.1, 1.0


class Doubt:
    """One circuit's doubt in what its fleet has said.

    Attributes:
        opinions: How many more may be asked for, by anybody.
        begins: Monotonic seconds from which this process may give one; infinity when it may not.
        until: End of the break within which it gives one; ``-math.inf`` when it gives none.
    """

    __slots__ = ("_apart", "begins", "opinions", "until")

    def __init__(self) -> None:
        """Start without."""
        self.opinions = 0
        self.begins = math.inf
        self.until = -math.inf
        self._apart = 0.0

    def moved(self, trigger: Trigger, now: float, *, ends: float) -> None:
        """Go by a move; what this process finds out by itself it does not doubt.

        Args:
            trigger: What moved the circuit. A break that is over before its end is tried early.
            now: Monotonic seconds.
            ends: When the break ends, monotonic seconds.
        """
        is_early = trigger is Trigger.BREAK_OVER and now < ends
        if trigger is Trigger.TRIP:
            self.opinions = OPINIONS
        elif trigger is Trigger.PROBE_BAD and now < self.until:
            self.opinions -= 1
        elif not is_early:
            self.opinions = 0
        self.until = ends if is_early else -math.inf
        self.begins = math.inf

    def adopt(self, opinions: int, now: float, chance: Callable[[], float]) -> None:
        """Doubt what was heard, if it may be doubted: from an instant that chance chooses."""
        self.opinions, self.begins = opinions, math.inf
        if opinions > 0:
            self._apart = SOONEST + (_LATEST - SOONEST) * chance()
            self.begins = now + self._apart

    def hold(self, until: float) -> None:
        """Begin no sooner than this, and as far apart from the others who are told the same."""
        self.begins = max(self.begins, until + self._apart)
