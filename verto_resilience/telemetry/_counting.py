"""What is counted: pauses, circuits, refusals, budgets, API errors, unknown outcomes."""

import weakref
from collections.abc import Callable
from typing import Any

from opentelemetry.context import get_current
from opentelemetry.metrics import MeterProvider

from verto_resilience.pipeline import (
    AttemptEnded,
    BudgetSpent,
    CallRefused,
    CallRequest,
    CircuitMoved,
    Circuits,
    Event,
    OutcomeUnknown,
    PauseBegan,
    RefusalOverruled,
    StoreIgnored,
    StoreMoved,
)
from verto_resilience.telemetry import _names as names
from verto_resilience.telemetry._labels import LabelSet
from verto_resilience.telemetry._mishaps import Mishaps
from verto_resilience.telemetry._providers import Instruments, Meters
from verto_resilience.telemetry._suppression import is_silenced


class Counting:
    """What :class:`OtelMetrics` is once OpenTelemetry is loaded; takes the same arguments."""

    __slots__ = ("_circuits", "_instruments", "_meters", "_now")

    def __init__(
        self,
        circuits: weakref.ref[Circuits],
        *,
        now: Callable[[], float],
        meter_provider: MeterProvider | None,
    ) -> None:
        """Show the registry at once where an SDK is there, else as soon as one is."""
        self._circuits = circuits
        self._now = now
        self._meters = Meters(meter_provider, Mishaps())
        self._instruments: Instruments | None = None
        self.look()

    def on_event(self, event: Event) -> None:
        """Count it."""
        count = _COUNTERS.get(type(event))
        if count is None:
            return
        instruments = self.look()
        if instruments is not None and not is_silenced(get_current()):
            count(instruments, event)

    def look(self) -> Instruments | None:
        """Show the registry to an SDK that came meanwhile; give the instruments there are."""
        instruments = self._meters.current()
        if instruments is not self._instruments:
            self._instruments = instruments
            circuits = self._circuits()
            if instruments is not None and circuits is not None:
                instruments.watched.add(circuits, self._now)
        return instruments


def _attempt_ended(instruments: Instruments, event: AttemptEnded) -> None:
    error = event.attempt.outcome.api_error
    if error is not None and error.code is not None:
        labels = instruments.labels.api_error(
            event.request.origin, event.request.host, event.attempt.outcome.status, error.code
        )
        instruments.api_errors.add(1, labels)


def _pause_began(instruments: Instruments, event: PauseBegan) -> None:
    server = instruments.labels.server[event.origin, None]
    told = {**server, names.PAUSE_TOLD: event.pausing.told}
    instruments.pause_duration.record(event.pausing.seconds, told)
    cause = {names.STATUS_CODE: event.status, names.PAUSE_CUT: event.pausing.cut}
    instruments.pauses.add(1, {**told, **cause})


def _circuit_moved(instruments: Instruments, event: CircuitMoved) -> None:
    labels = instruments.labels.transition(event.origin, event.key, event.transition)
    instruments.transitions.add(1, labels)


def _call_refused(instruments: Instruments, event: CallRefused) -> None:
    server = _server(instruments, event.request)
    instruments.rejections.add(1, {**server, names.CALL_END: event.end.value})


def _refusal_overruled(instruments: Instruments, event: RefusalOverruled) -> None:
    instruments.overruled.add(1, _server(instruments, event.request))


def _budget_spent(instruments: Instruments, event: BudgetSpent) -> None:
    instruments.budget_refusals.add(1, _server(instruments, event.request))


def _outcome_unknown(instruments: Instruments, event: OutcomeUnknown) -> None:
    labels, operation = _server(instruments, event.request), event.request.operation
    if operation is not None:
        template = instruments.labels.operation(operation.template)
        labels = {**labels, names.OPERATION: template}
    instruments.unknown_outcomes.add(1, labels)


def _store_moved(instruments: Instruments, event: StoreMoved) -> None:
    instruments.store_transitions.add(1, {names.STORE_STATE: event.after.value})


def _store_ignored(instruments: Instruments, event: StoreIgnored) -> None:
    instruments.store_ignored.add(event.count)


def _server(instruments: Instruments, request: CallRequest) -> LabelSet:
    return instruments.labels.server[request.origin, request.host]


_COUNTERS: dict[type[Event], Callable[[Instruments, Any], None]] = {
    AttemptEnded: _attempt_ended,
    PauseBegan: _pause_began,
    CircuitMoved: _circuit_moved,
    CallRefused: _call_refused,
    RefusalOverruled: _refusal_overruled,
    BudgetSpent: _budget_spent,
    OutcomeUnknown: _outcome_unknown,
    StoreMoved: _store_moved,
    StoreIgnored: _store_ignored,
}
