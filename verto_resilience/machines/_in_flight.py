"""Which calls are out, so that one that hangs is known to be slow before it ends.

Kept only where a slow-call duration is set. Not safe on its own: the owner holds its lock.
"""

from verto_resilience.machines._circuit import Permit

# Each may be one whose owner vanished, and none of those comes back to be forgotten.
_MOST_LOST = 1000


class InFlight:
    """Permits that are out, oldest first: in time, counted as slow already, or taken for lost."""

    __slots__ = ("_lost", "_out", "_overdue")

    def __init__(self) -> None:
        """Start with none."""
        self._out: dict[Permit, bool] = {}
        self._overdue: dict[Permit, bool] = {}
        self._lost: dict[Permit, bool] = {}

    def __len__(self) -> int:
        """Count all that are out; who is taken for lost is not."""
        return len(self._out) + len(self._overdue)

    def enter(self, permit: Permit) -> None:
        """Note that a call went out."""
        self._out[permit] = True

    def leave(self, permit: Permit) -> bool | None:
        """Note that a call ended.

        Returns:
            Whether it had been counted as slow already; ``None`` when it was not out: it ended
            before.
        """
        if self._out.pop(permit, False):
            return False
        if self._overdue.pop(permit, False) or self._lost.pop(permit, False):
            return True
        return None

    def newly_overdue(self, now: float, *, threshold: float, lease: float) -> int:
        """Count the calls that have passed the threshold (seconds) since the last question.

        One that is out ``lease`` seconds longer is taken for lost: it is out no more, but if it
        comes back after all its result still counts. Work done is in proportion to what is found:
        all are in order of their start.
        """
        late = _move_older(self._out, self._overdue, now, threshold)
        if self._overdue:
            _move_older(self._overdue, self._lost, now, threshold + lease)
            while len(self._lost) > _MOST_LOST:
                self._lost.pop(next(iter(self._lost)), None)
        return late

    def clear(self) -> None:
        """Forget all."""
        self._out.clear()
        self._overdue.clear()
        self._lost.clear()


def _move_older(
    source: dict[Permit, bool], target: dict[Permit, bool], now: float, age: float
) -> int:
    """Move those that are out at least this long (seconds); gives how many."""
    moved = 0
    while True:
        # Asked anew each time: a call may come back in between (see the breaker's theory).
        permit = next(iter(source), None)
        if permit is None or now - permit.started < age:
            return moved
        if source.pop(permit, False):
            target[permit] = True
            moved += 1
