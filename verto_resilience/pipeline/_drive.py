"""The loop: with its twin for tasks the only place that sends more than once, or sleeps."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Generic, Protocol, TypeVar, cast

from verto_resilience.outcome import Failure, Outcome
from verto_resilience.pipeline._call import Call
from verto_resilience.pipeline._clock import Clock
from verto_resilience.pipeline._endings import break_off, conclude, fail_late, publish
from verto_resilience.pipeline._exceptions import class_name
from verto_resilience.pipeline._observer import AttemptScope, CallScope, Observer, Tracing
from verto_resilience.pipeline._report import CallReport, End
from verto_resilience.pipeline._steps import (
    Admission,
    Finish,
    Refresh,
    Rejection,
    Send,
    Settlement,
    Wait,
)

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

    def prepare_resend(self, result: Result[R]) -> bool:
        """Rewind the body, and free what a result holds while the call waits.

        The result may still have to be returned. ``False`` when the body cannot be sent again.
        """
        ...

    def refresh(self, left: float) -> bool:
        """Get new credentials for the next send; ``False`` when there are none.

        Asked at most once in a call, after :meth:`prepare_resend`, where the request is
        ``refreshable``. Must not raise.

        Args:
            left: Seconds until the call's deadline.
        """
        ...

    def refused(self, rejection: Rejection, report: CallReport) -> Exception:
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
    with tracing.call(call.request) as scope:
        try:
            step, result = _loop(call, exchange, clock, observer, scope)
        except BaseException as broken:
            break_off(call, broken, began=began, now=clock.monotonic(), observer=observer)
            raise
        report = call.report(step.end)
        if result is None:
            # Only a rejection ends a call that has sent nothing.
            error: Exception | None = exchange.refused(cast("Rejection", step), report)
        else:
            error = result.error
        scope.ended(report, error)
        name = None if error is None else class_name(type(error))
        conclude(call, report, clock.monotonic() - began, name, observer)
        try:
            if result is None:
                raise cast("Exception", error)
            return exchange.finished(
                result, report, partial(fail_late, call, clock.monotonic, observer)
            )
        finally:
            # An exception refers to this frame: without this it would refer to itself.
            result = error = None


def _loop(
    call: Call, exchange: Exchange[R], clock: Clock, observer: Observer, scope: CallScope
) -> tuple[Rejection | Finish, Result[R] | None]:
    result: Result[R] | None = None
    step: Admission | Settlement = call.admit(clock.monotonic())
    while True:
        publish(call, observer)
        match step:
            case Send():
                left = call.deadline - clock.monotonic()
                if left <= 0.0:
                    # An observer took its time.
                    step = call.too_late()
                    continue
                result = _attempt(call, exchange, left, scope)
                step = call.settle(result.outcome, clock.monotonic())
                if not isinstance(step, Finish) and not exchange.prepare_resend(result):
                    step = call.cannot_resend(step)
            case Rejection() | Finish():
                return step, result
            case Refresh():
                renewed = exchange.refresh(call.deadline - clock.monotonic())
                step = call.refreshed(clock.monotonic(), renewed=renewed)
            case Wait():
                step = _wait(call, step, clock)


def _attempt(call: Call, exchange: Exchange[R], left: float, scope: CallScope) -> Result[R]:
    with scope.attempt(call.number, call.waited, call.wait_source, probe=call.probes) as attempt:
        result = exchange.send(attempt, left)
        attempt.ended(result.outcome, result.error)
        return result


def _wait(call: Call, wait: Wait, clock: Clock) -> Admission:
    if clock.sleep(wait.seconds):
        return call.admit(clock.monotonic())
    return Rejection(End.INTERRUPTED, call.request.origin, None)
