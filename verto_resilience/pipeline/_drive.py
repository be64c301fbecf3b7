"""The loop: the only place that sends more than once, and the only one that sleeps."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Generic, Protocol, TypeVar

from verto_resilience.outcome import Failure, Outcome
from verto_resilience.pipeline._call import (
    Admission,
    Call,
    Finish,
    Rejection,
    Send,
    Settlement,
    Wait,
)
from verto_resilience.pipeline._clock import Clock
from verto_resilience.pipeline._events import CallEnded
from verto_resilience.pipeline._observer import AttemptScope, CallScope, Observer, Tracing
from verto_resilience.pipeline._report import CallReport, End

R = TypeVar("R")


@dataclass(slots=True)
class Result(Generic[R]):
    """What one send brought: a response, or the exception that the host library raised."""

    outcome: Outcome
    response: R | None = None
    error: Exception | None = None


class Exchange(Protocol[R]):
    """One request at the edge of a client library: how it is sent, kept, refused and returned."""

    def send(self, scope: AttemptScope, left: float) -> Result[R]:
        """Send exactly once.

        Args:
            scope: Gives the trace headers of this attempt.
            left: Seconds until the call's deadline; the attempt gets no longer.
        """
        ...

    def set_aside(self, result: Result[R]) -> None:
        """Free what a result holds while the call waits; it may still have to be returned."""
        ...

    def refused(self, rejection: Rejection) -> Exception:
        """Give the exception to raise when nothing was sent."""
        ...

    def finished(
        self, result: Result[R], report: CallReport, fail_late: Callable[[Failure], None]
    ) -> R:
        """Give the response to return, or raise the error the host raised.

        Args:
            result: What the last send brought.
            report: What became of the call, to go with it.
            fail_late: To be called if the body fails in the caller's hands.
        """
        ...


def drive(
    call: Call, exchange: Exchange[R], *, clock: Clock, observer: Observer, tracing: Tracing
) -> R:
    """Carry one call through: admit, send, classify, settle, wait or finish.

    Returns:
        The last response.

    Raises:
        Exception: What the host library raised last, or what :meth:`Exchange.refused` gives when
            nothing was sent.
    """
    began = clock.monotonic()
    result: Result[R] | None = None
    with tracing.call(call.request) as scope:
        step: Admission | Settlement = call.admit(began)
        try:
            while True:
                _publish(call, observer)
                match step:
                    case Send():
                        result = _attempt(call, exchange, clock, scope)
                        step = call.settle(result.outcome, clock.monotonic())
                        if isinstance(step, Wait):
                            exchange.set_aside(result)
                    case Wait():
                        step = _wait(call, step, clock)
                    case Rejection() | Finish():
                        break
        except BaseException:
            call.abandon()
            raise
        report = call.report(step.end)
        error = exchange.refused(step) if isinstance(step, Rejection) and result is None else None
        raised = error if result is None else result.error
        scope.ended(report, raised)
        _publish(call, observer)
        name = None if raised is None else type(raised).__qualname__
        observer.on_event(CallEnded(call.request, report, clock.monotonic() - began, name))
        try:
            if result is None:
                assert error is not None  # noqa: S101
                raise error
            return exchange.finished(result, report, partial(_fail_late, call, clock, observer))
        finally:
            # An exception refers to this frame: without this it would refer to itself.
            result = error = raised = None


def _attempt(call: Call, exchange: Exchange[R], clock: Clock, scope: CallScope) -> Result[R]:
    with scope.attempt(call.number, call.waited, call.wait_source) as attempt:
        result = exchange.send(attempt, call.deadline - clock.monotonic())
        attempt.ended(result.outcome, result.error)
        return result


def _wait(call: Call, wait: Wait, clock: Clock) -> Admission:
    if clock.sleep(wait.seconds):
        return call.admit(clock.monotonic())
    return Rejection(End.INTERRUPTED, call.request.origin, None)


def _fail_late(call: Call, clock: Clock, observer: Observer, failure: Failure) -> None:
    call.fail_late(failure, clock.monotonic())
    _publish(call, observer)


def _publish(call: Call, observer: Observer) -> None:
    for event in call.take_events():
        observer.on_event(event)
