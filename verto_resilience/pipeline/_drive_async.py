"""The loop for tasks: ``_drive.py``, with ``async`` and ``await``; a test compares the two."""

from collections.abc import Callable
from functools import partial
from typing import Protocol, TypeVar, cast

from verto_resilience.outcome import Failure
from verto_resilience.pipeline._call import Call
from verto_resilience.pipeline._clock import AsyncClock
from verto_resilience.pipeline._drive import Result
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


class AsyncExchange(Protocol[R]):
    """One request at the edge of a client library: how it is sent, kept, refused and returned."""

    async def send(self, scope: AttemptScope, left: float) -> Result[R]:
        """Send exactly once.

        Args:
            scope: Gives the trace headers of this attempt.
            left: Seconds until the call's deadline; the attempt gets no longer.
        """
        ...

    async def prepare_resend(self, result: Result[R]) -> bool:
        """Rewind the body, and free what a result holds while the call waits.

        The result may still have to be returned. ``False`` when the body cannot be sent again.
        """
        ...

    async def refresh(self, left: float) -> bool:
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


async def drive_async(
    call: Call,
    exchange: AsyncExchange[R],
    *,
    clock: AsyncClock,
    observer: Observer,
    tracing: Tracing,
) -> R:
    """Carry one call through: admit, send, classify, settle, wait or finish.

    Returns:
        The last response.

    Raises:
        Exception: What the host library raised last, or what :meth:`AsyncExchange.refused` gives
            when nothing was sent.
    """
    began = clock.monotonic()
    with tracing.call(call.request) as scope:
        try:
            step, result = await _loop(call, exchange, clock, observer, scope)
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


async def _loop(
    call: Call, exchange: AsyncExchange[R], clock: AsyncClock, observer: Observer, scope: CallScope
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
                result = await _attempt(call, exchange, left, scope)
                step = call.settle(result.outcome, clock.monotonic())
                if not isinstance(step, Finish) and not await exchange.prepare_resend(result):
                    step = call.cannot_resend(step)
            case Rejection() | Finish():
                return step, result
            case Refresh():
                renewed = await exchange.refresh(call.deadline - clock.monotonic())
                step = call.refreshed(clock.monotonic(), renewed=renewed)
            case Wait():
                step = await _wait(call, step, clock)


async def _attempt(
    call: Call, exchange: AsyncExchange[R], left: float, scope: CallScope
) -> Result[R]:
    with scope.attempt(call.number, call.waited, call.wait_source, probe=call.probes) as attempt:
        result = await exchange.send(attempt, left)
        attempt.ended(result.outcome, result.error)
        return result


async def _wait(call: Call, wait: Wait, clock: AsyncClock) -> Admission:
    if await clock.sleep(wait.seconds):
        return call.admit(clock.monotonic())
    return Rejection(End.INTERRUPTED, call.request.origin, None)
