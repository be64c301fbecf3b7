"""Which calls are out, so that one that hangs is known to be slow before it ends.

Kept only where a slow-call duration is set. Not safe on its own: the owner holds its lock.
"""

from verto_resilience.machines._circuit import Permit


class InFlight:
    """Permits that are out, oldest first, and those among them already counted as slow."""

    __slots__ = ("_out", "_overdue")

    def __init__(self) -> None:
        """Start with none."""
        self._out: dict[Permit, None] = {}
        self._overdue: dict[Permit, None] = {}

    def __len__(self) -> int:
        """Count all that are out."""
        return len(self._out) + len(self._overdue)

    def enter(self, permit: Permit) -> None:
        """Note that a call went out."""
        self._out[permit] = None

    def leave(self, permit: Permit) -> bool | None:
        """Note that a call ended.

        Returns:
            Whether it had been counted as slow already; ``None`` when it was not out: it ended
            before, or was taken for lost.
        """
        if permit in self._out:
            del self._out[permit]
            return False
        if permit in self._overdue:
            del self._overdue[permit]
            return True
        return None

    def newly_overdue(self, now: float, *, threshold: float, lease: float) -> int:
        """Count the calls that have passed the threshold (seconds) since the last question.

        One that is out ``lease`` seconds longer is taken for lost and forgotten. Work done is in
        proportion to what is found: both lists are in order of their start.
        """
        late = []
        for permit in self._out:
            if now - permit.started < threshold:
                break
            late.append(permit)
        for permit in late:
            del self._out[permit]
            self._overdue[permit] = None
        lost = []
        for permit in self._overdue:
            if now - permit.started < threshold + lease:
                break
            lost.append(permit)
        for permit in lost:
            del self._overdue[permit]
        return len(late)

    def clear(self) -> None:
        """Forget all."""
        self._out.clear()
        self._overdue.clear()
