"""What the calls of a closed circuit say: whether their failures or slowness are enough to open it.

Failures in a row see a total outage soon; rates over a window see an origin that fails some calls;
slowness is seen while a call still hangs. Says why to open, and opens nothing. Not safe on its own:
the owner holds its lock.
"""

from verto_resilience.machines._circuit import BreakerSettings, TripReason
from verto_resilience.machines._in_flight import InFlight
from verto_resilience.machines._window import Window


class Evidence:
    """Counts and judges; a method that judges gives the reason to open, or ``None``.

    Attributes:
        window: Calls, failures and slow calls of the last seconds.
        consecutive: Failures since the last good call.
        in_flight: The calls that are followed, where slowness counts.
    """

    __slots__ = ("_settings", "_streak", "consecutive", "in_flight", "window")

    def __init__(self, settings: BreakerSettings) -> None:
        """Start with nothing counted."""
        self._settings = settings
        self.window = Window(settings.window, settings.buckets)
        self.in_flight = InFlight()
        self.consecutive = 0
        # The failures in a row that the last good result ended; they go on if it fails late.
        self._streak = 0

    def judge_by(self, settings: BreakerSettings) -> None:
        """Go on under other settings; a window of another shape starts empty."""
        old, self._settings = self._settings, settings
        if (old.window, old.buckets) != (settings.window, settings.buckets):
            self.window = Window(settings.window, settings.buckets)

    def count_good(self, now: float) -> None:
        """Count a good call that nobody follows."""
        self._streak, self.consecutive = self.consecutive, 0
        self.window.add(now)

    def count(self, *, bad: bool, slow: bool, known: bool, now: float) -> TripReason | None:
        """Count a call and judge.

        Args:
            bad: Whether it failed.
            slow: Whether it took too long.
            known: Whether it stands in the window already, as slow: then only its failure is news.
            now: Monotonic seconds.
        """
        slow = slow and not known
        self.window.add(now, calls=0 if known else 1, failures=int(bad), slow=int(slow))
        reason: TripReason | None = None
        if bad:
            reason = self._judge_failures(1)
        else:
            self._streak, self.consecutive = self.consecutive, 0
        return self._judge_slowness() if slow and reason is None else reason

    def count_late_failure(self, now: float) -> TripReason | None:
        """Make a failure of the call counted as good last, and judge."""
        self.window.add(now, calls=0, failures=1)
        streak, self._streak = self._streak, 0
        return self._judge_failures(streak + 1)

    def count_overdue(self, now: float) -> TripReason | None:
        """Count calls that are out for longer than the slow-call duration as slow, and judge."""
        threshold = self._settings.slow_call_duration
        if threshold is None:
            return None
        late = self.in_flight.newly_overdue(
            now, threshold=threshold, lease=self._settings.probe_lease
        )
        if not late:
            return None
        self.window.add(now, calls=late, slow=late)
        return self._judge_slowness()

    def forget(self) -> None:
        """Count anew; who is followed stays followed."""
        self.consecutive = self._streak = 0
        self.window.clear()

    def _judge_failures(self, more: int) -> TripReason | None:
        settings = self._settings
        self.consecutive += more
        limit = settings.consecutive_failures
        if limit is not None and self.consecutive >= limit:
            return TripReason.CONSECUTIVE_FAILURES
        if self._makes_up(self.window.failures, settings.failure_rate_threshold):
            return TripReason.FAILURE_RATE
        return None

    def _judge_slowness(self) -> TripReason | None:
        if self._makes_up(self.window.slow, self._settings.slow_call_rate_threshold):
            return TripReason.SLOW_CALL_RATE
        return None

    def _makes_up(self, part: int, threshold: float) -> bool:
        """Whether a part of the calls is enough of them, and they are enough to tell."""
        calls = self.window.calls
        # Divided, not multiplied: 7 / 100 is 0.07, but 0.07 * 100 is more than 7.
        return calls >= self._settings.minimum_calls and part / calls >= threshold
