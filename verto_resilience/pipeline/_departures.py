"""Who leaves a full registry, and what is kept of the pause of one that had to.

A busy origin (paused, open, half-open, set by hand) never leaves while another can be spared. Of
those that can, one that was not asked for lately leaves first (the second-chance rule).

Where all are busy the registry stays bounded all the same: the one leaves whose busy time ends
first, and its pause is kept without it, in a table of fixed size by a hash of its key. So what a
server asked for is never forgotten; what is lost is our own opinion of it, the state of a circuit
and its counts. An origin that comes back, or a new one that happens to share the place in the
table, begins with that pause. The other ways were worse: to share one set of machines among all
newcomers would let one of them pause or refuse all others, and to let none in would refuse those
that nobody complained of.
"""

from collections import deque

from verto_resilience.pipeline._origin import Origin

# Seconds. Longer, and one that ended being busy early (by hand, by a good probe) keeps its place
# for nothing; shorter, and busy ones are looked at again and again.
_LOOK_AGAIN = 1.0
_PLACES = 1024


class Departures:
    """The origins of one registry in the order of leaving; its owner holds a lock."""

    __slots__ = ("_aside", "_line", "_look_at", "_quiet_until")

    def __init__(self) -> None:
        """Start with nobody."""
        self._line: deque[Origin] = deque()
        # Busy when looked at; not looked at again for a while, so that newcomers need not wait
        # for a search through all of them.
        self._aside: list[Origin] = []
        self._look_at = 0.0
        self._quiet_until: list[float] = []

    def join(self, origin: Origin, now: float) -> None:
        """Put an origin at the end of the line, with the pause that was kept for it."""
        self._line.append(origin)
        if self._quiet_until:
            left = self._quiet_until[hash(origin.key) % _PLACES] - now
            if left > origin.pause.remaining(now):
                origin.pause.hold(left, sent_at=now, now=now)

    def pick(self, now: float) -> Origin:
        """Take out the one that leaves; there must be one."""
        origin = self._pick(now)
        until = now + origin.pause.remaining(now)
        if until > now:
            place = hash(origin.key) % _PLACES
            if not self._quiet_until:
                self._quiet_until = [0.0] * _PLACES
            self._quiet_until[place] = max(self._quiet_until[place], until)
        return origin

    def _pick(self, now: float) -> Origin:
        if now >= self._look_at:
            self._look_at = now + _LOOK_AGAIN
            self._line.extend(self._aside)
            self._aside.clear()
        # Twice round at the most: the first time may find everyone asked for.
        looks = 2 * len(self._line)
        while self._line and looks:
            looks -= 1
            origin = self._line.popleft()
            if origin.busy_until() > now:
                self._aside.append(origin)
            elif origin.asked_for:
                origin.asked_for = False
                self._line.append(origin)
            else:
                return origin
        if self._line:
            # All of them were asked for again while this went round.
            return self._line.popleft()
        first = min(self._aside, key=Origin.busy_until)
        self._aside.remove(first)
        return first
