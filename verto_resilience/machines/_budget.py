"""Retry budget: resends may only be a share of the calls made.

A token bucket for each origin. Every call puts in a fraction of a token, every resend takes a
whole one, and a trickle fills it with time, so that a client with little traffic can still resend.
In an outage the bucket empties and stays empty: the origin then sees each call once.
"""

from dataclasses import dataclass
from threading import RLock


@dataclass(frozen=True, slots=True)
class BudgetSettings:
    """Numbers of a retry budget; meaning, range and default stand at their policy fields."""

    capacity: float
    deposit: float
    trickle: float


class RetryBudget:
    """Tokens left for resends to one origin; starts full. Safe for threads."""

    __slots__ = ("_at", "_tokens", "lock", "settings")

    def __init__(self, settings: BudgetSettings) -> None:
        """Start with a full bucket."""
        self.settings = settings
        # One that its holder may take again: a signal handler or a finaliser that makes a call
        # comes in here in the same thread.
        self.lock = RLock()
        self._tokens = settings.capacity
        self._at = 0.0

    def deposit(self) -> None:
        """Put in one call's share."""
        # A full bucket is the healthy state, and no call should pay a lock for it. Reading one
        # float is atomic; a call that just misses a withdrawal costs the bucket one deposit.
        if self._tokens >= self.settings.capacity:
            return
        with self.lock:
            self._tokens = min(self.settings.capacity, self._tokens + self.settings.deposit)

    def try_withdraw(self, now: float) -> bool:
        """Take a token for one resend; ``False`` when there is none, and nothing is taken."""
        with self.lock:
            self._trickle(now)
            if self._tokens < 1.0:
                return False
            self._tokens -= 1.0
            return True

    def give_back(self) -> None:
        """Put back a token that was taken for a resend which was then not made."""
        with self.lock:
            self._tokens = min(self.settings.capacity, self._tokens + 1.0)

    def balance(self, now: float) -> float:
        """Give the tokens there are at ``now``."""
        with self.lock:
            self._trickle(now)
            return self._tokens

    def __repr__(self) -> str:
        """Show the tokens as last counted."""
        return f"<RetryBudget {self._tokens:.1f} of {self.settings.capacity:g}>"

    def _trickle(self, now: float) -> None:
        """Add what dripped in since the last look; lock held."""
        dripped = 0.0
        if now > self._at:
            dripped = (now - self._at) * self.settings.trickle
            self._at = now
        # Also with nothing to add: the capacity may have been set lower meanwhile.
        self._tokens = min(self.settings.capacity, self._tokens + dripped)
