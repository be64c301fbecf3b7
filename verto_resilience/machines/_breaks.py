"""How long a circuit stays open: longer for each trip in a row, less after time spent closed.

Not safe on its own: the owner holds its lock. Only :meth:`Breaks.left` may be asked without.
"""

from verto_resilience.machines._circuit import BreakerSettings

# Growth is bounded before it is raised to a power, so that no count overflows a float.
_MOST_STEPS = 64


class Breaks:
    """The break of one circuit, and the trips in a row before it.

    Attributes:
        until: Monotonic seconds at which the last break ends.
    """

    __slots__ = ("_closed_at", "_length", "_trips", "until")

    def __init__(self) -> None:
        """Start closed, without a trip."""
        self.until = 0.0
        self._length = 0.0
        self._trips = 0
        self._closed_at: float | None = 0.0

    def next_length(self, settings: BreakerSettings, now: float, *, chance: float) -> float:
        """Say how long a break would last that began now, in seconds."""
        trips = min(self.trips(settings, now), _MOST_STEPS)
        grown = settings.break_duration * settings.break_growth**trips
        return min(settings.max_break_duration, grown) * (1.0 - settings.break_jitter * chance)

    def begin(
        self, settings: BreakerSettings, now: float, *, length: float, trips: int | None = None
    ) -> None:
        """Begin a break: one more in the row, or as many in a row as others have counted."""
        self._trips = self.trips(settings, now) + 1 if trips is None else trips
        self._closed_at = None
        self._length = length
        self.until = now + length

    def close(self, now: float) -> None:
        """Note that it is closed from now on; the trips in a row begin to decay."""
        self._closed_at = now

    def count_as(self, trips: int) -> None:
        """Have this many trips in a row; 0 forgets them."""
        self._trips = trips

    def take_back(self) -> None:
        """Have one trip less in a row: it was none."""
        self._trips = max(0, self._trips - 1)

    def left(self, now: float) -> float:
        """Give the seconds left of the break."""
        # Clamped: (now + d) - now may exceed d by an ulp.
        return min(self._length, max(0.0, self.until - now))

    def trips(self, settings: BreakerSettings, now: float) -> int:
        """Give the trips in a row: one less for each stretch of health."""
        closed_at = self._closed_at
        if closed_at is None:
            return self._trips
        # A clock that went backwards must not add trips.
        healthy = max(0.0, now - closed_at)
        return int(max(0.0, self._trips - healthy // settings.break_decay))
