"""What the real exporter sends, decoded where it arrives, straight and through a collector."""

from importlib.metadata import version
from typing import Any

import pytest

from tests.otlp.conftest import Received
from tests.otlp.sink import Item, Scope, plain
from tests.otlp.traffic import SECRET
from verto_resilience.telemetry import _names as names
from verto_resilience.telemetry._metric_rows import METRICS
from verto_resilience.telemetry._span_rows import EVENTS, LOGS, SPANS

pytestmark = pytest.mark.otlp

OURS = Scope("verto_resilience", version("verto-resilience"), names.SCHEMA_URL)
_INTERNAL, _CLIENT = 1, 3
_ERROR = 2
_OF_THE_HANDLER = {"code.file.path", "code.function.name", "code.line.number"}
_OF_THE_TRACE = {"trace_id", "span_id", "trace_flags"}


def test_everything_names_its_resource_and_its_scope(received: Received) -> None:
    """Each span and metric carries the program's resource and our scope with its schema."""
    items = [*_spans(received), *_metrics(received)]

    assert {item.scope for item in items} == {OURS}
    assert {item.resource["service.name"] for item in items} == {"shop"}
    assert {item.resource["service.version"] for item in items} == {"7"}


def test_each_arrival_is_one_client_span(received: Received) -> None:
    """The span that the server was told of is the CLIENT span exported, with what it answered."""
    exported = {
        (span.trace_id.hex(), span.span_id.hex()): plain(span.attributes).get(names.STATUS_CODE)
        for span in _of_kind(received, _CLIENT)
    }

    told = {
        tuple(arrival["traceparent"].split("-")[1:3]): arrival["status"]
        for arrival in received.arrivals
    }

    assert len(told) == len(received.arrivals)
    assert exported == told


def test_spans_carry_what_is_promised_and_nothing_else(received: Received) -> None:
    """Attributes of CLIENT and call spans are those of the reference, and no status is told."""
    client, call, _ = SPANS
    for kind, row in ((_CLIENT, client), (_INTERNAL, call)):
        for span in _of_kind(received, kind):
            attributes = plain(span.attributes)
            assert set(attributes) <= {*row.at_creation, *row.at_end}
            assert attributes[names.SERVER_ADDRESS] == "127.0.0.1"
            assert attributes[names.SERVER_PORT] == received.port
            assert span.status.message == ""
            assert (span.status.code == _ERROR) == (names.ERROR_TYPE in attributes)


def test_resends_are_counted_and_say_why(received: Received) -> None:
    """The first call's attempts are one trace: no count, 1 after a 503, 2 after a 429."""
    spans = sorted(_of_kind(received, _CLIENT), key=lambda span: span.start_time_unix_nano)[:3]

    attributes = [plain(span.attributes) for span in spans]

    assert len({(span.trace_id, span.parent_span_id) for span in spans}) == 1
    assert [a.get(names.RESEND_COUNT) for a in attributes] == [None, 1, 2]
    assert [a.get(names.RESEND_REASON) for a in attributes] == [None, "503", "429"]
    assert [len(span.links) for span in spans] == [0, 1, 1]


def test_a_write_in_vain_is_an_event_of_the_span_around_it(received: Received) -> None:
    """A call below the program's own span says there that its outcome is unknown."""
    around = next(item.data for item in received.sink.spans() if item.data.name == "checkout")

    (event,) = around.events

    attributes = plain(event.attributes)
    assert event.name == names.CALL_ENDED_EVENT
    assert attributes[names.AMBIGUOUS] is True
    assert set(attributes) <= set(EVENTS[0].attributes)


def test_metrics_have_the_names_units_and_bounds_of_the_reference(received: Received) -> None:
    """Each metric has the unit, the meaning, the attributes and the bounds that are promised."""
    rows = {row.name: row for row in METRICS}
    found = {item.data.name: item.data for item in _metrics(received)}

    assert {name for name in rows if name not in found} == {
        "verto.pause.delay",
        "verto.circuit_breaker.overruled",
        "verto.retry_budget.refusals",
        # No store: tests/telemetry and tests/fleet have these.
        "verto.store.ignored_values",
        "verto.store.transitions",
    }
    for name, metric in found.items():
        row = rows[name]
        points = _points(metric)
        assert (metric.unit, metric.description) == (row.unit, row.meaning)
        assert points
        for point in points:
            assert set(plain(point.attributes)) <= set(row.attributes)
            if row.buckets:
                assert tuple(point.explicit_bounds) == row.buckets


def test_metrics_count_what_arrived(received: Received) -> None:
    """Attempts measured are the requests that arrived, resends those after a call's first."""
    found = {item.data.name: _points(item.data) for item in _metrics(received)}
    by_status: dict[Any, int] = {}
    for point in found["http.client.request.duration"]:
        status = plain(point.attributes)[names.STATUS_CODE]
        by_status[status] = by_status.get(status, 0) + point.count

    answered = [arrival["status"] for arrival in received.arrivals]
    resent = [
        span for span in _of_kind(received, _CLIENT) if names.RESEND_COUNT in str(span.attributes)
    ]

    assert by_status == {status: answered.count(status) for status in answered}
    assert sum(point.as_int for point in found["verto.resends"]) == len(resent)


def test_logs_carry_their_facts_and_their_trace(received: Received) -> None:
    """Each record has the attributes of the reference and the trace in which it happened."""
    rows = {row.name: row for row in LOGS}
    traces = {item.data.trace_id for item in received.sink.spans()}
    records = [(plain(item.data.attributes), item.data) for item in received.sink.logs()]

    assert {facts[names.EVENT] for facts, _ in records} >= {
        names.LOG_TRANSITION,
        names.LOG_PAUSE,
        names.LOG_REFUSAL,
        names.LOG_UNKNOWN,
    }
    for facts, record in records:
        row = rows[str(facts.pop(names.EVENT))]
        assert set(facts) - _OF_THE_HANDLER - _OF_THE_TRACE <= set(row.attributes)
        assert record.trace_id in traces


def test_no_secret_is_on_the_wire(received: Received) -> None:
    """The token in the header, the query and the body is in nothing that was exported."""
    assert received.sink.bodies
    assert not [body for body in received.sink.bodies if SECRET.encode() in body]


def _spans(received: Received) -> list[Item]:
    return [item for item in received.sink.spans() if item.scope.name == OURS.name]


def _metrics(received: Received) -> list[Item]:
    return [item for item in received.sink.metrics() if item.scope.name == OURS.name]


def _of_kind(received: Received, kind: int) -> list[Any]:
    return [item.data for item in _spans(received) if item.data.kind == kind]


def _points(metric: Any) -> list[Any]:
    return list(getattr(metric, metric.WhichOneof("data")).data_points)
