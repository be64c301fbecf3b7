"""What is logged: one structured record for each thing a person may have to act on."""

import logging
from collections.abc import Callable
from typing import Any, NamedTuple

from verto_resilience.machines import State, Trigger
from verto_resilience.pipeline import (
    BodyFailed,
    BudgetSpent,
    CallRefused,
    CallRequest,
    CircuitMoved,
    Event,
    OutcomeUnknown,
    PauseBegan,
    RefusalOverruled,
    StoreIgnored,
    StoreMoved,
    StoreState,
)
from verto_resilience.telemetry import _names as names
from verto_resilience.telemetry._current import is_silent, trace_fields
from verto_resilience.telemetry._requested import identify
from verto_resilience.telemetry._servers import server_of

_log = logging.getLogger("verto_resilience")
_log.addHandler(logging.NullHandler())

Fields = dict[str, str | int | float | bool]


class Line(NamedTuple):
    """A record before it is written: how bad, what in words, what in fields."""

    level: int
    text: str
    fields: Fields


class LogObserver:
    """Writes to the logger ``verto_resilience``; its handlers and level are the program's affair.

    Each record has its facts as attributes named as in ``docs/telemetry.md`` (``extra``), and
    ``trace_id``, ``span_id`` and ``trace_flags`` where a span is current. None quotes a URL, a
    header, a body or an exception's message.
    """

    __slots__ = ()
    wants_routine = False

    def on_event(self, event: Event) -> None:
        """Write it down where it is of note."""
        highest, describe = _LINES.get(type(event), _NO_LINE)
        # Asked before anything is put into words: refusals are many, and seldom shown.
        if describe is None or not _log.isEnabledFor(highest):
            return
        line: Line = describe(event)
        if not _log.isEnabledFor(line.level) or is_silent():
            return
        try:
            _log.log(line.level, line.text, extra={**line.fields, **trace_fields()})
        except KeyError:
            # A record factory of the program has set trace_id, and a record refuses it twice.
            _log.log(line.level, line.text, extra=line.fields)


def _circuit_moved(event: CircuitMoved) -> Line:
    moved = event.transition
    fields: Fields = {
        names.EVENT: names.LOG_TRANSITION,
        **_server(event.origin, None),
        names.CIRCUIT_KEY: event.key,
        names.CIRCUIT_FROM: moved.before.value,
        names.CIRCUIT_STATE: moved.after.value,
    }
    where = ""
    if moved.trigger in _ELSEWHERE:
        fields[names.ELSEWHERE] = True
        where = " elsewhere"
    if moved.after is not State.OPEN:
        was = f"was {moved.before.value}"
        text = f"circuit {event.key} is {moved.after.value}{where} ({was})"
        return Line(logging.INFO, text, fields)
    text = f"circuit {event.key} opened{where}"
    if moved.break_duration is not None:
        fields[names.CIRCUIT_BREAK] = moved.break_duration
        text += f" for {moved.break_duration:.1f} s"
    if moved.reason is not None:
        fields[names.CIRCUIT_REASON] = moved.reason.value
        text += f": {moved.reason.value}"
    if moved.last_failure is not None:
        fields[names.CIRCUIT_LAST_FAILURE] = moved.last_failure
        text += f", last failure {moved.last_failure}"
    return Line(logging.WARNING, text, fields)


def _pause_began(event: PauseBegan) -> Line:
    pausing = event.pausing
    fields: Fields = {
        names.EVENT: names.LOG_PAUSE,
        **_server(event.origin, None),
        names.INNER_STATUS_CODE: event.status,
        names.PAUSE_SECONDS: pausing.seconds,
        names.PAUSE_TOLD: pausing.told,
        names.PAUSE_CUT: pausing.cut,
    }
    where = ""
    if event.elsewhere:
        fields[names.ELSEWHERE] = True
        where = " elsewhere"
    told = " as it asked" if pausing.told else " by the backoff, for it named no time"
    if pausing.cut:
        told = ", the longest allowed, cut from what it asked"
    answered = f"{event.origin} answered {event.status}{where}"
    text = f"{answered}: paused {pausing.seconds:.1f} s{told}"
    return Line(logging.WARNING, text, fields)


def _call_refused(event: CallRefused) -> Line:
    fields = _request(names.LOG_REFUSAL, event.request)
    fields[names.CALL_END] = event.end.value
    again = ""
    if event.retry_after is not None:
        fields[names.REJECTION_RETRY_AFTER] = event.retry_after
        again = f", again in {event.retry_after:.1f} s"
    text = f"{_named(event.request)} not sent: {event.end.sentence}{again}"
    return Line(logging.INFO, text, fields)


def _refusal_overruled(event: RefusalOverruled) -> Line:
    fields = _request(names.LOG_OVERRULED, event.request)
    fields[names.CIRCUIT_STATE] = event.refusal.state.value
    text = f"{_named(event.request)} sent although the circuit is {event.refusal.state.value}"
    return Line(logging.INFO, f"{text}: observe_only", fields)


def _budget_spent(event: BudgetSpent) -> Line:
    fields = _request(names.LOG_BUDGET, event.request)
    text = f"{_named(event.request)} not resent: the retry budget of the origin is empty"
    return Line(logging.WARNING, text, fields)


def _outcome_unknown(event: OutcomeUnknown) -> Line:
    fields = _request(names.LOG_UNKNOWN, event.request)
    fields[names.CATEGORY] = event.outcome.category.value
    if event.outcome.status is not None:
        fields[names.INNER_STATUS_CODE] = event.outcome.status
    if event.outcome.failure is not None:
        fields[names.FAILURE] = event.outcome.failure.value
    text = (
        f"{_named(event.request)} ended with {event.outcome.cause}: nobody knows whether it was "
        "executed, reconcile before doing it anew"
    )
    return Line(logging.ERROR, text, fields)


def _body_failed(event: BodyFailed) -> Line:
    fields = _request(names.LOG_BODY, event.request)
    fields[names.FAILURE] = event.failure.value
    text = f"{_named(event.request)}: the body failed while it was read: {event.failure.value}"
    return Line(logging.WARNING, text, fields)


def _store_moved(event: StoreMoved) -> Line:
    fields: Fields = {names.EVENT: names.LOG_STORE, names.STORE_STATE: event.after.value}
    if event.fault is None:
        again = " again" if event.is_back else ""
        return Line(logging.INFO, f"store {event.store} is connected{again}", fields)
    fields[names.STORE_FAULT] = event.fault.value
    lost = "is lost" if event.after is StoreState.LOST else "refuses"
    text = f"store {event.store} {lost}: {event.fault.sentence}; this process goes by itself"
    return Line(logging.WARNING, text, fields)


def _store_ignored(event: StoreIgnored) -> Line:
    fields: Fields = {
        names.EVENT: names.LOG_STORE_IGNORED,
        names.STORE_IGNORED: event.count,
    }
    values = "value was" if event.count == 1 else "values were"
    text = f"store {event.store}: {event.count} {values} ignored, which somebody else has written"
    return Line(logging.WARNING, text, fields)


def _server(origin: str, host: str | None) -> Fields:
    server = server_of(origin, host)
    return {names.SERVER_ADDRESS: server.address, names.SERVER_PORT: server.port}


def _request(event: str, request: CallRequest) -> Fields:
    fields: Fields = {
        names.EVENT: event,
        **_server(request.origin, request.host),
        names.INNER_METHOD: request.method,
    }
    identify(fields, request)
    return fields


def _named(request: CallRequest) -> str:
    where = "" if request.operation is None else f" {request.operation.template}"
    return f"{request.method}{where} to {request.origin}"


_ELSEWHERE = frozenset({Trigger.OPENED_ELSEWHERE, Trigger.CLOSED_ELSEWHERE})

# Each with the highest level that a line of it may have.
_LINES: dict[type[Event], tuple[int, Callable[[Any], Line] | None]] = {
    CircuitMoved: (logging.WARNING, _circuit_moved),
    PauseBegan: (logging.WARNING, _pause_began),
    CallRefused: (logging.INFO, _call_refused),
    RefusalOverruled: (logging.INFO, _refusal_overruled),
    BudgetSpent: (logging.WARNING, _budget_spent),
    OutcomeUnknown: (logging.ERROR, _outcome_unknown),
    BodyFailed: (logging.WARNING, _body_failed),
    StoreMoved: (logging.WARNING, _store_moved),
    StoreIgnored: (logging.WARNING, _store_ignored),
}
_NO_LINE = (logging.NOTSET, None)
