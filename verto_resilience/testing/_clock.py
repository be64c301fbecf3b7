"""A clock that moves only when told to, for tests that must not wait."""


class FakeClock:
    """Stands in for the pipeline's clock: sleeping takes no time and is written down.

    Attributes:
        sleeps: Every length asked of :meth:`sleep`, in seconds, oldest first, interrupted ones
            included.
    """

    __slots__ = ("_interrupted", "_monotonic", "_wall", "sleeps")

    def __init__(self, *, monotonic: float = 1_000.0, wall: float = 1_700_000_000.0) -> None:
        """Set both readings.

        Args:
            monotonic: First reading of :meth:`monotonic`, in seconds.
            wall: First reading of :meth:`wall`, in seconds since 1970-01-01 UTC.
        """
        self._monotonic = monotonic
        self._wall = wall
        self._interrupted = False
        self.sleeps: list[float] = []

    def monotonic(self) -> float:
        """Read the seconds used for lengths of time."""
        return self._monotonic

    def wall(self) -> float:
        """Read the seconds since 1970-01-01 UTC, used to read an HTTP date."""
        return self._wall

    def advance(self, seconds: float) -> None:
        """Let time pass.

        Args:
            seconds: How long; 0 is allowed.

        Raises:
            ValueError: ``seconds`` is negative or no number: this clock never goes backwards.
        """
        if not seconds >= 0:
            raise ValueError(f"a clock never goes backwards: advance({seconds!r})")
        self._monotonic += seconds
        self._wall += seconds

    def sleep(self, seconds: float) -> bool:
        """Note the length and let that much time pass at once.

        Args:
            seconds: How long; a negative length is noted and takes no time.

        Returns:
            ``False`` where :meth:`interrupt` ends it, and then no time passes.
        """
        self.sleeps.append(seconds)
        if self._interrupted:
            self._interrupted = False
            return False
        self.advance(max(0.0, seconds))
        return True

    def interrupt(self) -> None:
        """End the next sleep at once, as closing the adapter during it does."""
        self._interrupted = True

    def __repr__(self) -> str:
        """Show the reading and how often somebody slept."""
        return f"FakeClock(monotonic={self._monotonic!r}, sleeps={len(self.sleeps)})"
