"""What the loops do around a call besides looping: tell of it, and account for how it ended."""

from collections.abc import Callable

from verto_resilience.outcome import Failure
from verto_resilience.pipeline._call import Call
from verto_resilience.pipeline._events import CallEnded
from verto_resilience.pipeline._exceptions import add_note, class_name
from verto_resilience.pipeline._observer import Observer
from verto_resilience.pipeline._report import OUTCOME_UNKNOWN, CallReport


def break_off(
    call: Call, error: BaseException, *, began: float, now: float, observer: Observer
) -> None:
    """Account for a call that its caller broke off: an interrupt, or a task that is cancelled."""
    report = call.abandon(now)
    if report.ambiguous:
        add_note(error, OUTCOME_UNKNOWN)
    conclude(call, report, now - began, class_name(type(error)), observer)


def conclude(
    call: Call, report: CallReport, seconds: float, error: str | None, observer: Observer
) -> None:
    """Tell that a call is over, after all that happened in it."""
    publish(call, observer)
    if call.keeps_routine:
        observer.on_event(CallEnded(call.request, report, seconds, error))


def fail_late(
    call: Call, monotonic: Callable[[], float], observer: Observer, failure: Failure
) -> None:
    """Tell of a body that failed in the caller's hands."""
    call.fail_late(failure, monotonic())
    publish(call, observer)


def publish(call: Call, observer: Observer) -> None:
    """Tell what happened since the last time; no lock is held."""
    if call.events:
        for event in call.take_events():
            observer.on_event(event)
