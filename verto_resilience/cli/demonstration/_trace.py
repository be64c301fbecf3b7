"""The trace of one call, from spans that the OpenTelemetry SDK recorded in memory."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opentelemetry import propagate, trace
from opentelemetry.trace import SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

_SHOWN = (
    "http.request.resend_count",
    "http.response.status_code",
    "error.type",
    "verto.wait.seconds",
    "verto.wait.source",
    "verto.call.attempts",
    "verto.call.waited",
    "verto.call.end",
)
_NANO = 1e-9


@dataclass(frozen=True, slots=True)
class SpanNode:
    """One span of a trace, with those below it.

    Attributes:
        title: Kind and name.
        facts: Attributes worth showing, as ``name=value``.
        offset: Seconds from the start of the trace to its start.
        seconds: How long it took.
        failed: Whether its status is error.
        children: The spans below it, in the order in which they began.
    """

    title: str
    facts: tuple[str, ...]
    offset: float
    seconds: float
    failed: bool
    children: tuple["SpanNode", ...] = ()

    def bar(self, whole: float, width: int, mark: str) -> str:
        """Draw where it stands in ``whole`` seconds, on ``width`` characters."""
        scale = width / whole if whole else 0.0
        begin = min(width - 1, int(self.offset * scale))
        length = max(1, min(width - begin, round(self.seconds * scale)))
        return (" " * begin + mark * length).ljust(width)


class SpanRecord:
    """The spans of this process while the demo runs.

    Attributes:
        missing: Why nothing is recorded; ``None`` when it is.
    """

    __slots__ = ("_exporter", "missing")

    def __init__(self, exporter: "InMemorySpanExporter | None", missing: str | None) -> None:
        """Read from this exporter."""
        self._exporter = exporter
        self.missing = missing

    def client_spans(self) -> list[tuple[str, str]]:
        """Give trace id and span id, in hex, of the CLIENT spans below a call's span."""
        calls = {_id(span) for span in self._spans() if span.kind is SpanKind.INTERNAL}
        return [
            _id(span)
            for span in self._spans()
            if span.kind is SpanKind.CLIENT and _parent_id(span) in calls
        ]

    def best_retried_call(self) -> SpanNode | None:
        """Give the call to look at: the first with most attempts that ended well."""
        spans = self._spans()
        best: tuple[ReadableSpan, list[ReadableSpan]] | None = None
        for call in spans:
            if call.kind is not SpanKind.INTERNAL or call.status.status_code is StatusCode.ERROR:
                continue
            attempts = [span for span in spans if _parent_id(span) == _id(call)]
            if len(attempts) > (1 if best is None else len(best[1])):
                best = (call, attempts)
        if best is None:
            return None
        call, attempts = best
        began = call.start_time or 0
        ordered = sorted(attempts, key=lambda span: span.start_time or 0)
        return _node(call, began, tuple(_node(span, began) for span in ordered))

    def _spans(self) -> Sequence["ReadableSpan"]:
        return () if self._exporter is None else self._exporter.get_finished_spans()


def record_spans() -> SpanRecord:
    """Record every span that ends from now on, with whatever provider is in force.

    Trace context goes out as ``traceparent``, so that the server's log can be compared.
    """
    try:
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor
        from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
        from opentelemetry.sdk.trace.sampling import ALWAYS_ON
    except ModuleNotFoundError:
        return SpanRecord(None, "the trace is shown with: pip install '.[otel]' from a clone")
    if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return SpanRecord(None, "no trace is shown: OTEL_SDK_DISABLED is set")
    provider = trace.get_tracer_provider()
    if not isinstance(provider, TracerProvider):
        provider = TracerProvider(sampler=ALWAYS_ON, shutdown_on_exit=False)
        trace.set_tracer_provider(provider)
    exporter = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    propagate.set_global_textmap(TraceContextTextMapPropagator())
    return SpanRecord(exporter, None)


def _node(span: "ReadableSpan", began: int, children: tuple[SpanNode, ...] = ()) -> SpanNode:
    attributes = span.attributes or {}
    start, end = span.start_time or 0, span.end_time or 0
    return SpanNode(
        f"{span.kind.name} {span.name}",
        tuple(f"{name}={_written(attributes[name])}" for name in _SHOWN if name in attributes),
        (start - began) * _NANO,
        (end - start) * _NANO,
        span.status.status_code is StatusCode.ERROR,
        children,
    )


def _written(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def _id(span: "ReadableSpan") -> tuple[str, str]:
    context = span.get_span_context()
    if context is None:
        return "", ""
    return trace.format_trace_id(context.trace_id), trace.format_span_id(context.span_id)


def _parent_id(span: "ReadableSpan") -> tuple[str, str]:
    if span.parent is None:
        return "", ""
    return trace.format_trace_id(span.parent.trace_id), trace.format_span_id(span.parent.span_id)
