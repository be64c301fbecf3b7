"""Counts of what happened, once the program uses OpenTelemetry."""

import time
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING

from verto_resilience.pipeline import Circuits, Event
from verto_resilience.telemetry._presence import is_asked_for, is_loaded

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider

    from verto_resilience.telemetry._counting import Counting


class OtelMetrics:
    """Counts what happened, and shows circuits and budgets at each collection.

    Durations of calls and attempts are measured where their spans are drawn, by
    :class:`OtelTracing`. Nothing is counted while no SDK is installed. A program that does not use
    OpenTelemetry is not made to load it.

    Args:
        circuits: The registry to show; held weakly.
        now: Reads the clock that the registry is used with; monotonic seconds.
        meter_provider: ``None``: the global one.
    """

    __slots__ = ("_counting", "_make")
    wants_routine = False

    def __init__(
        self,
        circuits: Circuits,
        *,
        now: Callable[[], float] = time.monotonic,
        meter_provider: "MeterProvider | None" = None,
    ) -> None:
        """Show the registry at once where an SDK is there, else as soon as one is."""
        registry = weakref.ref(circuits)

        def make() -> "Counting":
            from verto_resilience.telemetry._counting import Counting

            return Counting(registry, now=now, meter_provider=meter_provider)

        self._make = make
        self._counting: Counting | None = make() if is_asked_for() else None
        self.look()

    def on_event(self, event: Event) -> None:
        """Count it."""
        counting = self._loaded()
        if counting is not None:
            counting.on_event(event)

    def look(self) -> None:
        """Show the registry to an SDK that came meanwhile."""
        counting = self._loaded()
        if counting is not None:
            counting.look()

    def _loaded(self) -> "Counting | None":
        # The environment was asked at the beginning: to ask it of each refusal costs too much.
        if self._counting is None and is_loaded():
            self._counting = self._make()
        return self._counting
