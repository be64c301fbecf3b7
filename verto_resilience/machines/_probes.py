"""Half-open trials that are out, each with a lease on its place.

A lease is about the place, not about the result: at its end the place is free for another, so that
a probe whose owner vanished blocks nobody. If the owner was only slow, what the probe found out
still counts. Not safe on its own: the owner holds its lock.
"""

from verto_resilience.machines._circuit import Permit

# Each may be one whose owner vanished, and none of those comes back to be forgotten.
_MOST_GIVEN_UP = 1000


class Probes:
    """Permits that hold a place, and those whose lease ended, oldest first.

    Attributes:
        until: Monotonic seconds at which the newest lease ends or ended.
    """

    __slots__ = ("_given_up", "_out", "until")

    def __init__(self) -> None:
        """Start with none."""
        self._out: dict[Permit, float] = {}
        self._given_up: dict[Permit, bool] = {}
        self.until = 0.0

    def __len__(self) -> int:
        """Count the places in use, as of the last :meth:`give_up`."""
        return len(self._out)

    def enter(self, permit: Permit, *, until: float) -> None:
        """Give a probe a place until its lease ends (monotonic seconds)."""
        self._out[permit] = self.until = until

    def give_up(self, now: float) -> None:
        """Free the places whose lease has ended."""
        # A probe may come back in between, in the same thread (see the breaker's theory).
        for permit in list(self._out):
            until = self._out.get(permit)
            if until is not None and now >= until:
                self._given_up[permit] = True
                self._out.pop(permit, None)
        while len(self._given_up) > _MOST_GIVEN_UP:
            self._given_up.pop(next(iter(self._given_up)), None)

    def leave(self, permit: Permit) -> bool:
        """Take a probe back; ``False`` when it is none of these, or came back before."""
        return self._out.pop(permit, None) is not None or self._given_up.pop(permit, False)

    def clear(self) -> None:
        """Forget all."""
        self._out.clear()
        self._given_up.clear()
