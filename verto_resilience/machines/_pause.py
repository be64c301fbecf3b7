"""Pause: until when an origin must not be called, for every thread at once.

A 429, or a 5xx that says ``Retry-After``, closes the gate. While it is closed nobody sends. Who
waits is given an instant of its own: the first comes right after the end, the rest are spread
evenly over a short ramp, so that the end of a pause is no burst. Jitter is only ever added; nobody
goes earlier than the server said. A 429 that names no time closes the gate by the backoff, longer
each time, until a call sent after it succeeds.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf, nextafter
from threading import RLock

from verto_resilience.machines._backoff import full_jitter

# The golden ratio's fraction: its multiples, modulo 1, fill an interval evenly however many there
# turn out to be (Weyl's theorem), so nobody has to know how many wait.
_EVEN = 0.6180339887498949
_FIRST_WITHIN = 0.1


@dataclass(frozen=True, slots=True)
class PauseSettings:
    """Numbers of a pause; meaning, range and default stand at their policy fields."""

    max_pause: float
    ramp: float
    backoff_base: float
    backoff_limit: float


@dataclass(frozen=True, slots=True)
class Pausing:
    """A pause began or grew longer.

    Attributes:
        seconds: How long from now the gate is closed.
        told: Whether the server named the time; ``False`` is the backoff.
        cut: Whether the server asked for longer than ``max_pause``.
    """

    seconds: float
    told: bool
    cut: bool


@dataclass(frozen=True, slots=True)
class PauseSnapshot:
    """A pause as it stands: seconds left (0 when open), 429s in a row, who was given a turn."""

    remaining: float
    strikes: int
    waiting: int


class Pause:
    """The gate of one origin; safe for threads."""

    __slots__ = (
        "_began",
        "_chance",
        "_length",
        "_offset",
        "_strikes",
        "_turns",
        "_until",
        "lock",
        "settings",
    )

    def __init__(self, settings: PauseSettings, *, chance: Callable[[], float]) -> None:
        """Start open.

        Args:
            settings: Its numbers.
            chance: Gives numbers from 0 up to 1; called without the lock.
        """
        self.settings = settings
        # One that its holder may take again: a signal handler or a finaliser that makes a call
        # comes in here in the same thread.
        self.lock = RLock()
        self._chance = chance
        self._until = 0.0
        self._began = 0.0
        self._length = 0.0
        self._offset = 0.0
        self._strikes = 0
        self._turns = 0

    def remaining(self, now: float) -> float:
        """Say how many seconds the gate stays closed; 0 when it is open. Takes no turn."""
        return max(0.0, self._until - now)

    def wait(self, now: float) -> float:
        """Say how long to hold back before sending.

        Returns:
            0.0 when the gate is open. Else the seconds until this caller's own turn: at or after
            the end of the pause, never before. Each question while paused is given a new turn.
        """
        # An open gate is the usual state. One float is read, and a pause that begins in this very
        # instant may be missed by a call that is on its way to the wire in any case.
        if now >= self._until:
            return 0.0
        with self.lock:
            left = self._until - now
            if left <= 0.0:
                return 0.0
            if now + left < self._until:
                # Rounded down; nobody is early, not by a float's last digit.
                left = nextafter(left, inf)
            turn = self._turns
            self._turns += 1
            if turn == 0:
                return left + self._offset * min(_FIRST_WITHIN, self._ramp())
            return left + ((self._offset + turn * _EVEN) % 1.0) * self._ramp()

    def hold(self, seconds: float | None, *, sent_at: float, now: float) -> Pausing | None:
        """Close the gate because the origin asked for quiet.

        Args:
            seconds: What the server asked for, counted from ``now``; ``None`` when it named none.
                What is not more than 0 names none either.
            sent_at: When the request so answered was sent. Several that were on the wire together
                are one reason to pause: only one sent after the pause began makes it grow.
            now: Monotonic seconds.

        Returns:
            What changed, or ``None`` when the gate was already closed for as long.
        """
        offset, spread = self._chance(), self._chance()
        if seconds is not None and not seconds > 0.0:
            seconds = None
        with self.lock:
            again = sent_at > self._began or self._strikes == 0
            if again:
                self._strikes += 1
            elif seconds is None:
                return None
            told = seconds is not None
            if seconds is None:
                seconds = full_jitter(
                    self._strikes,
                    base=self.settings.backoff_base,
                    limit=self.settings.backoff_limit,
                    chance=spread,
                )
            length = min(seconds, self.settings.max_pause)
            if again:
                self._began = now
            pausing = Pausing(length, told=told, cut=length < seconds)
            return self._close(pausing, until=now + length, now=now, offset=offset)

    def adopt(self, until: float, now: float, *, told: bool) -> Pausing | None:
        """Close the gate because the origin asked another process for quiet.

        It never opens earlier for that. Nothing is counted: 429s in a row are those that were
        answered here.

        Args:
            until: Monotonic seconds; cut to ``max_pause`` from now.
            now: Monotonic seconds.
            told: Whether the server named the time.

        Returns:
            What changed, or ``None`` when the gate was already closed for as long.
        """
        offset = self._chance()
        with self.lock:
            latest = now + self.settings.max_pause
            cut = until > latest
            until = min(until, latest)
            pausing = Pausing(until - now, told=told, cut=cut)
            if self._close(pausing, until=until, now=now, offset=offset) is None:
                return None
            # What was on the wire until now is no reason to pause for longer.
            self._began = now
            return pausing

    def forgive(self, *, sent_at: float) -> None:
        """Forget the 429s in a row, if this request was sent after the pause began."""
        if self._strikes == 0:
            return
        with self.lock:
            if sent_at > self._began:
                self._strikes = 0

    def lift(self) -> None:
        """Open the gate at once, by hand."""
        with self.lock:
            self._until = 0.0
            self._strikes = 0

    def snapshot(self, now: float) -> PauseSnapshot:
        """Give the state at ``now``."""
        with self.lock:
            left = max(0.0, self._until - now)
            return PauseSnapshot(left, self._strikes, self._turns if left else 0)

    def busy_until(self) -> float:
        """Say until when something would be lost by forgetting it (monotonic seconds).

        That is its end; and while there are 429s in a row to remember, the longest backoff after
        it. Who has not come by then is no longer being throttled.
        """
        return self._until + self.settings.backoff_limit if self._strikes else self._until

    def __repr__(self) -> str:
        """Show the end of the pause on its clock."""
        return f"<Pause until={self._until:.3f} strikes={self._strikes}>"

    def _close(
        self, pausing: Pausing, *, until: float, now: float, offset: float
    ) -> Pausing | None:
        """Close the gate, unless it is closed for as long already; the lock is held."""
        if until <= self._until or until <= now:
            return None
        # Compared again: whoever came in between may have closed it for longer.
        self._until = max(self._until, until)
        self._length = pausing.seconds
        # Whoever had a turn under the old end asks again, so the turns start over.
        self._turns = 0
        self._offset = offset
        return pausing

    def _ramp(self) -> float:
        return min(self.settings.ramp, self._length / 2.0)
