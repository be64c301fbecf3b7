"""What our telemetry records of a call, by the fewest calls of the OpenTelemetry API.

Two spans and two durations with the attributes that ours have, all of them constants. What our own
adapter takes beyond this is its own doing; what this takes is the SDK's.
"""

import time
from typing import Any

import requests
from opentelemetry import metrics, propagate, trace
from opentelemetry.context import attach, detach, get_current, set_value
from opentelemetry.trace import SpanKind, set_span_in_context
from requests.adapters import HTTPAdapter

from verto_resilience.telemetry._metric_rows import CALL_DURATION, HTTP_DURATION, MetricRow

_Attributes = dict[str, str | int | bool]

_SERVER: _Attributes = {"server.address": "127.0.0.1", "server.port": 8080}
_CALL: _Attributes = {**_SERVER, "verto.request.method": "GET"}
_CALL_END: _Attributes = {
    "verto.call.outcome": "success",
    "verto.call.attempts": 1,
    "verto.call.end": "answered",
    "verto.response.status_code": 200,
}
_ATTEMPT: _Attributes = {
    "http.request.method": "GET",
    **_SERVER,
    "url.full": "http://127.0.0.1:8080/orders",
}
_ATTEMPT_END: _Attributes = {
    "verto.category": "success",
    "http.response.status_code": 200,
    "verto.documented": True,
    "network.protocol.version": "1.1",
    "network.peer.address": "127.0.0.1",
    "network.peer.port": 8080,
    "verto.api_call_id": "3f0c1c52-7f0e-4a86-9d24-6a2c6f1c8b11",
    "verto.correlation_id.received": "8a4f0a35-54d3-4f4e-8d3f-2c37f5a6f6de",
}
_HTTP_LABELS: _Attributes = {
    "http.request.method": "GET",
    **_SERVER,
    "http.response.status_code": 200,
    "network.protocol.version": "1.1",
}
_CALL_LABELS: _Attributes = {
    "http.request.method": "GET",
    **_SERVER,
    "verto.call.outcome": "success",
    "verto.call.end": "answered",
}
_PLAIN: dict[str, Any] = {"record_exception": False, "set_status_on_exception": False}


class Straight(HTTPAdapter):
    """Records, and does nothing else.

    Args:
        draws_call: Whether the call gets a span of its own; within another it gets none.
    """

    def __init__(self, *, draws_call: bool = True) -> None:
        super().__init__()
        self._draws_call = draws_call
        self._tracer = trace.get_tracer("straight")
        meter = metrics.get_meter("straight")

        def histogram(row: MetricRow) -> metrics.Histogram:
            return meter.create_histogram(
                row.name, row.unit, explicit_bucket_boundaries_advisory=row.buckets
            )

        self._attempts = histogram(HTTP_DURATION)
        self._calls = histogram(CALL_DURATION)

    def send(
        self, request: requests.PreparedRequest, *args: Any, **kwargs: Any
    ) -> requests.Response:
        """Send, within its spans."""
        began = time.time_ns()
        around = get_current()
        call = None
        inside = around
        if self._draws_call:
            call = self._tracer.start_span(
                "call", around, SpanKind.INTERNAL, _CALL, start_time=began, **_PLAIN
            )
            inside = set_span_in_context(call, around)
        inside = set_value("marked", value=True, context=inside)
        attempt = self._tracer.start_span(
            "GET", inside, SpanKind.CLIENT, _ATTEMPT, start_time=began, **_PLAIN
        )
        token = attach(set_span_in_context(attempt, inside))
        propagate.inject(request.headers)
        response = super().send(request, *args, **kwargs)
        response.content  # noqa: B018 - read within the span
        elapsed = time.time_ns() - began
        self._attempts.record(elapsed / 1e9, _HTTP_LABELS)
        attempt.set_attributes(_ATTEMPT_END)
        attempt.end(began + elapsed)
        detach(token)
        token = attach(inside)
        self._calls.record(elapsed / 1e9, _CALL_LABELS)
        detach(token)
        if call is not None:
            call.set_attributes(_CALL_END)
            call.end(began + elapsed)
        return response
