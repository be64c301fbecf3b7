"""The telemetry check: what the project emits, held against the rules of the conventions.

Feed it what sequential traffic left in memory exporters. It judges the spans and metrics of one
scope; those of others matter where they meet ours. A finding has a level: ``error`` breaks a rule
of the conventions or a promise of the project, ``warning`` a recommendation, ``info`` is worth a
look.
"""

import ipaddress
import json
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from opentelemetry.sdk.metrics.export import (
    HistogramDataPoint,
    Metric,
    MetricsData,
    NumberDataPoint,
)
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode

from tests.telemetry import registry
from tests.telemetry.registry import Level
from verto_resilience.telemetry._metric_rows import METRICS, MetricRow

SCOPE = "verto_resilience"
OWN = "verto."
_OWN_METRICS = {row.name: row for row in METRICS}
_FIRST_FAILING = 400


class Finding(NamedTuple):
    """A rule that is broken, where, and how."""

    level: str
    rule: str
    where: str
    detail: str


@dataclass(frozen=True)
class Traffic:
    """What some traffic left behind.

    Attributes:
        spans: In any order.
        metrics: One collection, or ``None``.
        logs: Log records of the program.
        canaries: Secrets that were planted and must not be found again.
        beside: Whether another instrumentation may be the parent of our CLIENT spans (``nest``).
    """

    spans: Sequence[ReadableSpan]
    metrics: MetricsData | None = None
    logs: Sequence[logging.LogRecord] = ()
    canaries: Sequence[str] = ()
    beside: bool = False


def check(traffic: Traffic) -> list[Finding]:
    """Give every finding; none is what the project promises."""
    ours = sorted(
        (span for span in traffic.spans if _scope(span) == SCOPE),
        key=lambda span: span.start_time or 0,
    )
    points = list(_points(traffic.metrics))
    return [
        *(finding for span in ours for finding in _span(span)),
        *_parents(ours, traffic),
        *_resends(ours),
        *_metrics(points),
        *_span_and_metric(ours, points),
        *_canaries(ours, points, traffic),
    ]


def _span(span: ReadableSpan) -> Iterator[Finding]:
    where, attributes = span.name, dict(span.attributes or {})
    for name, value in attributes.items():
        yield from _attribute(where, name, value)
    if span.kind is SpanKind.CLIENT:
        yield from _client(span, attributes)
    else:
        for name in attributes:
            if name.startswith(("http.", "url.", "network.")):
                yield Finding("error", "http-on-internal", where, name)
    yield from _status(span, attributes)
    for event in span.events:
        if event.name == "exception":
            yield Finding("info", "exception-event", where, event.name)
        for name, value in dict(event.attributes or {}).items():
            yield from _attribute(f"{where} event {event.name}", name, value)
    scope = span.instrumentation_scope
    if scope is not None and scope.schema_url != registry.SCHEMA_URL:
        yield Finding("info", "schema-url", where, str(scope.schema_url))


def _attribute(where: str, name: str, value: Any) -> Iterator[Finding]:
    if name in registry.DEPRECATED:
        yield Finding("error", "deprecated-attribute", where, name)
    elif name in registry.ATTRIBUTES:
        known = registry.ATTRIBUTES[name]
        if type(value) is not known.type:
            yield Finding("error", "type", where, f"{name} is a {type(value).__name__}")
    elif not name.startswith(OWN):
        yield Finding("error", "unknown-attribute", where, name)


def _client(span: ReadableSpan, attributes: dict[str, Any]) -> Iterator[Finding]:
    where = span.name
    for name, known in registry.ATTRIBUTES.items():
        if known.on_span is Level.REQUIRED and name not in attributes:
            yield Finding("error", "required-missing", where, name)
        if known.on_span is Level.OPT_IN and name in attributes:
            yield Finding("info", "opt-in-by-default", where, name)
        if known.on_span is None and name in attributes:
            yield Finding("warning", "not-in-convention", where, name)
    yield from _method(span, attributes)
    yield from _url(where, attributes.get("url.full", ""))
    if attributes.get("http.request.resend_count") == 0:
        yield Finding("error", "resend-count-zero", where, "it is absent on the first send")
    peer = attributes.get("network.peer.address")
    if peer is not None and not _is_ip(peer):
        yield Finding("warning", "peer-not-ip", where, peer)


def _method(span: ReadableSpan, attributes: dict[str, Any]) -> Iterator[Finding]:
    method = attributes.get("http.request.method", "")
    original = attributes.get("http.request.method_original")
    if method not in registry.METHODS and method != "_OTHER":
        yield Finding("error", "method-not-known", span.name, method)
    if method == "_OTHER" and original is None:
        yield Finding("error", "required-missing", span.name, "http.request.method_original")
    if original is not None and original == method:
        yield Finding("error", "method-original-equal", span.name, original)
    named = "HTTP" if method == "_OTHER" else method
    template = attributes.get("url.template")
    allowed = {named} if template is None else {named, f"{named} {template}"}
    if span.name not in allowed:
        yield Finding("error", "span-name", span.name, f"not one of {sorted(allowed)}")


def _url(where: str, url: str) -> Iterator[Finding]:
    parts = urlsplit(url)
    if not parts.scheme or not parts.netloc:
        yield Finding("error", "url-not-absolute", where, url)
    user, at, _ = parts.netloc.rpartition("@")
    if at and user != "REDACTED:REDACTED":
        yield Finding("error", "userinfo", where, url)
    for part in parts.query.split("&"):
        key, _, value = part.partition("=")
        if key in registry.SECRET_KEYS and value not in ("", "REDACTED"):
            yield Finding("error", "query-secret", where, key)


def _status(span: ReadableSpan, attributes: dict[str, Any]) -> Iterator[Finding]:
    status, error_type = span.status.status_code, attributes.get("error.type")
    code = attributes.get("http.response.status_code")
    if status is StatusCode.OK:
        yield Finding("error", "status-ok", span.name, "only the program may say so")
    if (status is StatusCode.ERROR) != (error_type is not None):
        yield Finding("error", "error-type-and-status", span.name, f"{status.name}, {error_type}")
    if span.status.description is not None:
        yield Finding("error", "description", span.name, "the status has a description")
    if code is not None and code >= _FIRST_FAILING:
        if status is not StatusCode.ERROR:
            level = "error" if code >= 500 else "warning"
            yield Finding(level, "failure-not-error", span.name, str(code))
        elif error_type != str(code):
            yield Finding("error", "error-type-not-code", span.name, f"{code}, {error_type}")
    elif code is None and span.kind is SpanKind.CLIENT and not _is_class(error_type):
        yield Finding("warning", "error-type-not-class", span.name, str(error_type))


def _is_class(error_type: Any) -> bool:
    """Whether it may be a class: with its module before it, unless it is a builtin."""
    return error_type is None or "." in error_type or error_type.endswith(("Error", "Exception"))


def _parents(ours: list[ReadableSpan], traffic: Traffic) -> Iterator[Finding]:
    clients = {
        span.context.span_id: span
        for span in traffic.spans
        if span.kind is SpanKind.CLIENT and span.context is not None
    }
    for span in ours:
        if span.kind is not SpanKind.CLIENT or span.parent is None:
            continue
        parent = clients.get(span.parent.span_id)
        if parent is not None and not (traffic.beside and _scope(parent) != SCOPE):
            yield Finding("error", "client-in-client", span.name, f"parent is {parent.name}")
    for span in traffic.spans:
        if _scope(span) == SCOPE or span.kind is not SpanKind.CLIENT or span.parent is None:
            continue
        parent = clients.get(span.parent.span_id)
        if parent is not None and _scope(parent) == SCOPE:
            yield Finding("error", "client-in-client", span.name, "drawn again below ours")


def _resends(ours: list[ReadableSpan]) -> Iterator[Finding]:
    """Hold the counts of sequential sends together: each is the next one, or a new beginning."""
    last = -1
    for span in ours:
        attributes = span.attributes or {}
        if span.kind is SpanKind.CLIENT:
            count = attributes.get("http.request.resend_count", 0)
        elif "verto.request.resend_count" in attributes:
            count = attributes["verto.request.resend_count"]
        else:
            continue
        assert isinstance(count, int)
        if count not in (0, last + 1):
            yield Finding("error", "resend-count-gap", span.name, f"{count} after {last}")
        last = count


class _Point(NamedTuple):
    scope: str
    metric: Metric
    point: HistogramDataPoint | NumberDataPoint
    labels: dict[str, Any]


def _points(metrics: MetricsData | None) -> Iterator[_Point]:
    if metrics is None:
        return
    for resource in metrics.resource_metrics:
        for scoped in resource.scope_metrics:
            for metric in scoped.metrics:
                for point in metric.data.data_points:
                    assert isinstance(point, HistogramDataPoint | NumberDataPoint)
                    labels = dict(point.attributes or {})
                    yield _Point(scoped.scope.name, metric, point, labels)


def _metrics(points: list[_Point]) -> Iterator[Finding]:
    for scope, metric, point, labels in points:
        if scope != SCOPE:
            continue
        if metric.name == registry.DURATION:
            yield from _duration(metric, point, labels)
        elif metric.name in _OWN_METRICS and metric.name.startswith(OWN):
            yield from _own_metric(_OWN_METRICS[metric.name], metric, point, labels)
        else:
            yield Finding("error", "metric-unknown", metric.name, "not in the table")
        for name, value in labels.items():
            yield from _attribute(metric.name, name, value)
    if any(p.scope == SCOPE and p.metric.name == registry.DURATION for p in points):
        for scope, metric, _, _ in points:
            if scope != SCOPE and metric.name in (registry.DURATION, registry.OLD_DURATION):
                yield Finding("error", "metric-doubled", metric.name, f"recorded by {scope} too")


def _duration(
    metric: Metric, point: HistogramDataPoint | NumberDataPoint, labels: dict[str, Any]
) -> Iterator[Finding]:
    if metric.unit != registry.DURATION_UNIT:
        yield Finding("error", "metric-unit", metric.name, str(metric.unit))
    if isinstance(point, HistogramDataPoint):
        if tuple(point.explicit_bounds) != registry.DURATION_BUCKETS:
            yield Finding("error", "metric-buckets", metric.name, str(point.explicit_bounds))
    else:
        yield Finding("error", "metric-instrument", metric.name, "not a histogram")
    for name in registry.DURATION_REQUIRED - labels.keys():
        yield Finding("error", "metric-required-missing", metric.name, name)
    for name in labels.keys() - registry.DURATION_ALLOWED:
        yield Finding("error", "metric-label", metric.name, name)


def _own_metric(
    row: MetricRow,
    metric: Metric,
    point: HistogramDataPoint | NumberDataPoint,
    labels: dict[str, Any],
) -> Iterator[Finding]:
    if metric.unit != row.unit:
        yield Finding("error", "metric-unit", metric.name, str(metric.unit))
    if isinstance(point, HistogramDataPoint) != (row.instrument == "histogram"):
        yield Finding("error", "metric-instrument", metric.name, type(point).__name__)
    elif isinstance(point, HistogramDataPoint) and tuple(point.explicit_bounds) != row.buckets:
        yield Finding("error", "metric-buckets", metric.name, str(point.explicit_bounds))
    for name in labels.keys() - set(row.attributes):
        yield Finding("error", "metric-label", metric.name, name)


_Said = tuple[str | None, str | None, str | None]


def _span_and_metric(ours: list[ReadableSpan], points: list[_Point]) -> Iterator[Finding]:
    """Each CLIENT span has one record in the duration metric, which says the same of it."""
    on_spans: dict[_Said, int] = {}
    on_metric: dict[_Said, int] = {}
    for span in ours:
        if span.kind is SpanKind.CLIENT:
            said = _said(dict(span.attributes or {}))
            on_spans[said] = on_spans.get(said, 0) + 1
    for scope, metric, point, labels in points:
        is_duration = (scope, metric.name) == (SCOPE, registry.DURATION)
        if is_duration and isinstance(point, HistogramDataPoint):
            said = _said(labels)
            on_metric[said] = on_metric.get(said, 0) + point.count
    if not on_metric:
        return
    for said in on_spans.keys() | on_metric.keys():
        spans, records = on_spans.get(said, 0), on_metric.get(said, 0)
        if spans != records:
            detail = f"{said}: {spans} spans, {records} records"
            yield Finding("error", "span-and-metric", registry.DURATION, detail)


def _said(attributes: dict[str, Any]) -> _Said:
    status = attributes.get("http.response.status_code")
    return (
        attributes.get("http.request.method"),
        None if status is None else str(status),
        attributes.get("error.type"),
    )


def _canaries(
    ours: list[ReadableSpan], points: list[_Point], traffic: Traffic
) -> Iterator[Finding]:
    told = [(span.name, span.to_json()) for span in ours]
    told += [
        (f"{metric.name} labels", json.dumps(labels))
        for scope, metric, _, labels in points
        if scope == SCOPE
    ]
    told += [
        (f"log {record.name}", f"{record.getMessage()} {record.__dict__}")
        for record in traffic.logs
        if record.name.startswith(SCOPE)
    ]
    for where, text in told:
        for canary in traffic.canaries:
            if canary in text:
                yield Finding("error", "canary-leak", where, canary)


def _scope(span: ReadableSpan) -> str:
    scope = span.instrumentation_scope
    return "" if scope is None else scope.name


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def serious(findings: Iterable[Finding]) -> list[Finding]:
    """Give the errors and warnings."""
    return [finding for finding in findings if finding.level != "info"]
