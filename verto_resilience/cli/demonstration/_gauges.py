"""What the panel shows: where the circuit stands, what is waited for, how much was sent."""

import time
from dataclasses import dataclass
from threading import Lock

from verto_resilience.machines import State
from verto_resilience.pipeline import (
    AttemptEnded,
    CallRefused,
    CircuitMoved,
    Event,
    PauseBegan,
    WaitBegan,
)


@dataclass(frozen=True, slots=True)
class Countdown:
    """Something that ends by itself: what, in seconds how long it was and how much is left."""

    what: str
    whole: float
    left: float


class Gauges:
    """Follows events; safe for threads."""

    __slots__ = ("_ends", "_lock", "circuit", "refused", "resent", "scene", "sent")

    def __init__(self) -> None:
        """Begin with a closed circuit and nothing sent."""
        self.scene = ""
        self.circuit = State.CLOSED
        self.sent = 0
        self.resent = 0
        self.refused = 0
        self._ends: dict[str, tuple[float, float]] = {}
        self._lock = Lock()

    def note(self, event: Event) -> None:
        """Take an event in."""
        now = time.monotonic()
        with self._lock:
            match event:
                case AttemptEnded(_, attempt):
                    self.sent += 1
                    self.resent += attempt.number > 1
                case CallRefused():
                    self.refused += 1
                case PauseBegan(_, pausing, _):
                    self._ends["paused"] = (now + pausing.seconds, pausing.seconds)
                case WaitBegan():
                    self._ends["waits"] = (now + event.seconds, event.seconds)
                case CircuitMoved(_, _, transition):
                    self.circuit = transition.after
                    length = transition.break_duration or 0.0
                    self._ends["open for"] = (now + length, length)
                case _:
                    pass

    def countdown(self, now: float) -> Countdown | None:
        """Give what is waited for: a pause before a break, a break before a single wait."""
        with self._lock:
            for what in ("paused", "open for", "waits"):
                end, whole = self._ends.get(what, (0.0, 0.0))
                if end > now:
                    return Countdown(what, whole, end - now)
        return None
