"""One attempt: its span, its trace headers, its duration.

The span begins before the first byte is sent and ends when the attempt does: with the headers where
the caller streams the body, else with the body.
"""

import time
from collections.abc import Collection, MutableMapping
from types import TracebackType
from typing import TYPE_CHECKING, ClassVar, Self

from opentelemetry.context import attach, detach
from opentelemetry.trace import (
    Link,
    Span,
    Status,
    StatusCode,
    Tracer,
    set_span_in_context,
)

from verto_resilience.outcome import Outcome
from verto_resilience.pipeline import Received, WaitSource, class_name
from verto_resilience.telemetry import _names as names
from verto_resilience.telemetry._endpoints import Attributes

if TYPE_CHECKING:
    from verto_resilience.telemetry._calls import CallDrawing

ERROR = Status(StatusCode.ERROR)
_FIRST_FAILING_STATUS = 400


def error_type_of(outcome: Outcome, error: BaseException | None) -> str | None:
    """Say what failed, for spans and metrics alike; ``None`` when nothing did.

    The class of the exception as the caller sees it, or the status as text from 400 on. Who breaks
    off (``KeyboardInterrupt`` and its like) is no error.
    """
    if error is not None:
        return class_name(type(error)) if isinstance(error, Exception) else None
    if outcome.status is None:
        return None if outcome.failure is None else outcome.failure.value
    return str(outcome.status) if outcome.status >= _FIRST_FAILING_STATUS else None


class AttemptDrawing:
    """What both sorts of attempt have in common.

    Attributes:
        wants_details: Whether anybody records what identifies the answer.
    """

    __slots__ = (
        "_began",
        "_call",
        "_context",
        "_details",
        "_error_type",
        "_number",
        "_outcome",
        "_probe",
        "_source",
        "_span",
        "_started_at",
        "_token",
        "_waited",
        "wants_details",
    )
    _is_http: ClassVar[bool]

    def __init__(
        self, call: "CallDrawing", number: int, waited: float, source: WaitSource, *, probe: bool
    ) -> None:
        """Take note of what is to be sent; nothing begins yet."""
        self.wants_details = self._is_http and call.instruments is not None
        self._call = call
        self._number = number
        self._waited = waited
        self._source = source
        self._probe = probe
        self._context = call.context_inside
        self._span: Span | None = None
        self._outcome: Outcome | None = None
        self._error_type: str | None = None
        self._details: Received | None = None

    def __enter__(self) -> Self:
        """Begin the span and make it current."""
        self._began = time.perf_counter_ns()
        tracer = self._call.tracer
        if tracer is not None:
            try:
                self._begin(tracer)
            except Exception as error:  # noqa: BLE001
                self._call.tools.mishaps.note("beginning a span", error)
        # Also without a span: the context may carry the word that this request is drawn.
        self._token = attach(self._context)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Measure, end the span, and go back to the context before."""
        elapsed = time.perf_counter_ns() - self._began
        if error is not None:
            self._outcome = None
            self._error_type = class_name(type(error)) if isinstance(error, Exception) else None
        try:
            self._measure(elapsed / 1e9)
        except Exception as mishap:  # noqa: BLE001
            self._call.tools.mishaps.note("recording a metric", mishap)
        if self._span is not None:
            try:
                self._end(self._span, elapsed)
            except Exception as mishap:  # noqa: BLE001
                self._call.tools.mishaps.note("ending a span", mishap)
        detach(self._token)

    def inject(self, headers: MutableMapping[str, str]) -> None:
        """Add what carries the trace to the server."""
        raise NotImplementedError

    @property
    def withheld(self) -> Collection[str]:
        """Trace headers where the server may not be told: another may have set them."""
        call = self._call
        return () if call.endpoint.propagates else call.tools.trace_headers()

    def ended(self, outcome: Outcome, error: Exception | None) -> None:
        """Keep what came of it until the span ends."""
        self._outcome = outcome
        self._error_type = error_type_of(outcome, error)
        self._call.last = outcome

    def received(self, details: Received) -> None:
        """Keep what identifies the answer until the span ends."""
        self._details = details

    def _start(self, tracer: Tracer) -> Span:
        raise NotImplementedError

    def _measure(self, seconds: float) -> None:
        raise NotImplementedError

    def _begin(self, tracer: Tracer) -> None:
        self._started_at = time.time_ns()
        span = self._span = self._start(tracer)
        self._context = set_span_in_context(span, self._context)
        self._call.previous = span
        self.wants_details = self.wants_details or span.is_recording()

    def _links(self) -> list[Link] | None:
        """Point from a resend to the send before: without a parent nothing else does."""
        previous = self._call.previous
        if previous is None:
            return None
        context = previous.get_span_context()
        return [Link(context, {names.LINK_KIND: "resend_of"})] if context.is_valid else None

    def _describe_send(self, attributes: Attributes) -> None:
        """Say what sets it apart from the first send of an untroubled call."""
        if self._probe:
            attributes[names.CIRCUIT_PROBE] = True
        if self._number == 1 and not self._waited:
            return
        last = self._call.last
        if self._number > 1 and last is not None:
            attributes[names.RESEND_REASON] = last.cause
        attributes[names.WAIT_SECONDS] = self._waited
        attributes[names.WAIT_SOURCE] = self._source.value

    def _end(self, span: Span, elapsed: int) -> None:
        if span.is_recording():
            tools, outcome, error_type = self._call.tools, self._outcome, self._error_type
            if outcome is not None:
                endings = tools.http_endings if self._is_http else tools.inner_endings
                sent = self._call.request.correlation_id
                span.set_attributes(endings.of(outcome, error_type, self._details, sent))
            elif error_type is not None:
                span.set_attribute(names.ERROR_TYPE, error_type)
            if error_type is not None:
                span.set_status(ERROR)
        # The same length as the metric's, also when the wall clock is set meanwhile.
        span.end(self._started_at + elapsed)
