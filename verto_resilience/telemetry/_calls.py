"""One call: its INTERNAL span, its duration, and the attempts within."""

import time
from collections.abc import Collection
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Self

from opentelemetry.context import Context, attach, detach, set_value
from opentelemetry.trace import (
    Span,
    SpanKind,
    Tracer,
    get_current_span,
    set_span_in_context,
)

from verto_resilience.pipeline import (
    AttemptScope,
    CallReport,
    CallRequest,
    CallSpan,
    SilentScope,
    WaitSource,
)
from verto_resilience.telemetry import _names as names
from verto_resilience.telemetry._attempts import ERROR
from verto_resilience.telemetry._conclusions import Conclusion, Conclusions
from verto_resilience.telemetry._endings import Endings
from verto_resilience.telemetry._endpoints import Endpoints
from verto_resilience.telemetry._mishaps import Mishaps
from verto_resilience.telemetry._propagation import Propagation
from verto_resilience.telemetry._providers import Instruments
from verto_resilience.telemetry._requested import identify
from verto_resilience.telemetry._sorts_of_attempts import HttpAttempt, InnerAttempt
from verto_resilience.telemetry._suppression import HTTP_KEY

if TYPE_CHECKING:
    from contextvars import Token

    from verto_resilience.outcome import Outcome

SILENT = SilentScope()
# Bound once: to find a member takes 3.11 some hundred instructions.
_AUTO, _ALWAYS = CallSpan.AUTO, CallSpan.ALWAYS
_INTERNAL = SpanKind.INTERNAL


@dataclass(frozen=True, slots=True)
class Tools:
    """What all calls of one :class:`OtelTracing` share."""

    call_span: CallSpan
    allowed_query: frozenset[str]
    endpoints: Endpoints
    propagation: Propagation
    http_endings: Endings
    inner_endings: Endings
    conclusions: Conclusions
    mishaps: Mishaps

    def trace_headers(self) -> Collection[str]:
        """Name the headers that carry a trace; none where the propagator fails."""
        try:
            return self.propagation.names()
        except Exception as error:  # noqa: BLE001
            self.mishaps.note("naming trace headers", error)
            return ()


class CallDrawing:
    """A call that somebody records.

    Args:
        tools: What calls share.
        request: What is asked.
        context: The context at its begin.
        tracer: Makes spans; ``None`` where nobody records them.
        instruments: Measure; ``None`` where nobody records metrics.
        is_nested: Whether another instrumentation draws this request already.
        draws_http: Whether attempts are CLIENT spans.

    Attributes:
        context_inside: What an attempt starts from.
        last: The outcome of the attempt before.
        previous: The span of the attempt before; also while it is under way.
    """

    __slots__ = (
        "_began",
        "_draws_http",
        "_report",
        "_span",
        "_started_at",
        "_token",
        "context",
        "context_inside",
        "endpoint",
        "instruments",
        "is_nested",
        "last",
        "previous",
        "request",
        "tools",
        "tracer",
    )

    def __init__(
        self,
        tools: Tools,
        request: CallRequest,
        context: Context,
        *,
        tracer: Tracer | None,
        instruments: Instruments | None,
        is_nested: bool,
        draws_http: bool,
    ) -> None:
        """Take note of the call; nothing begins yet."""
        self.tools = tools
        self.request = request
        self.context = context
        self.context_inside = context
        self.endpoint = tools.endpoints.of(request)
        self.tracer = tracer
        self.instruments = instruments
        self.is_nested = is_nested
        self.last: Outcome | None = None
        self.previous: Span | None = None
        self._draws_http = draws_http
        self._span: Span | None = None
        self._token: Token[Context] | None = None
        self._report: CallReport | None = None

    def __enter__(self) -> Self:
        """Begin the call's span where it gets one, and make it current."""
        self._began = time.perf_counter_ns()
        if self.tracer is not None:
            try:
                self._begin(self.tracer)
            except Exception as error:  # noqa: BLE001
                self.tools.mishaps.note("beginning a call's span", error)
        self.context_inside = self.context
        if self._draws_http:
            # The stock instrumentations read this: the request is drawn already.
            self.context_inside = set_value(HTTP_KEY, value=True, context=self.context)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Measure, end the span, and go back to the context before."""
        elapsed = time.perf_counter_ns() - self._began
        try:
            self._finish(elapsed, error)
        except Exception as mishap:  # noqa: BLE001
            self.tools.mishaps.note("ending a call's span", mishap)
        if self._token is not None:
            detach(self._token)

    def attempt(
        self, number: int, waited: float, source: WaitSource, *, probe: bool
    ) -> AttemptScope:
        """Give the scope of the next send, and count it when it is a resend."""
        if self.instruments is not None and (waited or number > 1):
            try:
                self._count_wait(self.instruments, number, waited, source)
            except Exception as error:  # noqa: BLE001
                self.tools.mishaps.note("recording a metric", error)
        if self._draws_http:
            return HttpAttempt(self, number, waited, source, probe=probe)
        return InnerAttempt(self, number, waited, source, probe=probe)

    def ended(self, report: CallReport, error: Exception | None) -> None:  # noqa: ARG002
        """Keep what became of the call until its span ends; the error comes by as it is raised."""
        self._report = report

    def _begin(self, tracer: Tracer) -> None:
        if self._wants_span():
            self._started_at = time.time_ns()
            self._span = self._start(tracer)
            self.context = set_span_in_context(self._span, self.context)
            self._token = attach(self.context)

    def _wants_span(self) -> bool:
        if self.tools.call_span is _AUTO:
            around = self.context
            return not around or not get_current_span(around).get_span_context().is_valid
        return self.tools.call_span is _ALWAYS

    def _start(self, tracer: Tracer) -> Span:
        request = self.request
        name = f"{names.CALL_SPAN} {self.endpoint.name}"
        attributes = dict(self.endpoint.inner)
        if request.operation is not None:
            name = f"{name} {request.operation.template}"
        identify(attributes, request)
        return tracer.start_span(
            name,
            context=self.context,
            kind=_INTERNAL,
            attributes=attributes,
            start_time=self._started_at,
            record_exception=False,
            set_status_on_exception=False,
        )

    def _count_wait(
        self, instruments: Instruments, number: int, waited: float, source: WaitSource
    ) -> None:
        server = instruments.labels.server[self.request.origin, self.request.host]
        if number == 1:
            instruments.pause_delay.record(waited, server)
            return
        reason = {} if self.last is None else {names.RESEND_REASON: self.last.cause}
        instruments.resends.add(1, {**server, **reason})
        instruments.resend_delay.record(waited, {**server, names.WAIT_SOURCE: source.value})

    def _finish(self, elapsed: int, error: BaseException | None) -> None:
        conclusion = self.tools.conclusions.of(self._report, error)
        if self.instruments is not None:
            try:
                self._measure(self.instruments, elapsed / 1e9, conclusion)
            except Exception as mishap:  # noqa: BLE001
                self.tools.mishaps.note("recording a metric", mishap)
        if self._span is not None:
            self._end(self._span, elapsed, conclusion)
        elif self.tracer is not None:
            self._tell_the_span_around(conclusion)

    def _measure(self, instruments: Instruments, seconds: float, conclusion: Conclusion) -> None:
        operation = self.request.operation
        labels = instruments.labels.call[
            self.endpoint.key,
            None if operation is None else operation.template,
            conclusion.outcome,
            conclusion.end,
            conclusion.error_type,
        ]
        instruments.call_duration.record(seconds, labels)

    def _end(self, span: Span, elapsed: int, conclusion: Conclusion) -> None:
        if span.is_recording():
            span.set_attributes(conclusion.attributes)
            if conclusion.error_type is not None:
                span.set_attribute(names.ERROR_TYPE, conclusion.error_type)
                span.set_status(ERROR)
        span.end(self._started_at + elapsed)

    def _tell_the_span_around(self, conclusion: Conclusion) -> None:
        """Leave a word where a call without a span of its own would say nothing."""
        if conclusion.is_ordinary and not self.is_nested:
            return
        span = get_current_span(self.context)
        if not span.is_recording():
            return
        if self.is_nested:
            span.set_attributes(conclusion.attributes)
        else:
            span.add_event(
                names.CALL_ENDED_EVENT, {**self.endpoint.server, **conclusion.attributes}
            )
