"""Counts of calls over the last seconds, in buckets.

Totals are kept up to date by taking away what leaves the window, so reading them is one look and
adding is a few sums, however long the window. Not safe on its own: the owner holds its lock. The
owner may be interrupted by a call in the same thread, so each count changes together with its
total, in one statement: a call may be lost, but the two never drift apart.
"""


class Window:
    """Calls, failures and slow calls of the last ``length`` seconds.

    Args:
        length: Seconds looked back on.
        buckets: How many equal parts; the oldest part leaves as a whole.
    """

    __slots__ = ("_buckets", "_counts", "_slot", "_width", "calls", "failures", "slow")

    def __init__(self, length: float, buckets: int) -> None:
        """Start empty."""
        self._width = length / buckets
        self._buckets = buckets
        self._counts = [0] * (3 * buckets)
        self._slot = 0
        self.calls = 0
        self.failures = 0
        self.slow = 0

    def add(self, now: float, *, calls: int = 1, failures: int = 0, slow: int = 0) -> None:
        """Count these at ``now`` (monotonic seconds); an earlier ``now`` counts as the latest."""
        slot = int(now / self._width)
        if slot > self._slot:
            self._turn_to(slot)
        at = 3 * (self._slot % self._buckets)
        counts = self._counts
        counts[at], self.calls = counts[at] + calls, self.calls + calls
        counts[at + 1], self.failures = counts[at + 1] + failures, self.failures + failures
        counts[at + 2], self.slow = counts[at + 2] + slow, self.slow + slow

    def turn(self, now: float) -> None:
        """Let go of what is older than the window at ``now``."""
        slot = int(now / self._width)
        if slot > self._slot:
            self._turn_to(slot)

    def clear(self) -> None:
        """Forget every count."""
        zeros = [0] * len(self._counts)
        self._counts[:], self.calls, self.failures, self.slow = zeros, 0, 0, 0

    def _turn_to(self, slot: int) -> None:
        gone = min(slot - self._slot, self._buckets)
        counts = self._counts
        # Set first, for whoever adds in between in the same thread.
        self._slot = slot
        for old in range(slot - gone + 1, slot + 1):
            at = 3 * (old % self._buckets)
            self.calls, counts[at] = self.calls - counts[at], 0
            self.failures, counts[at + 1] = self.failures - counts[at + 1], 0
            self.slow, counts[at + 2] = self.slow - counts[at + 2], 0
