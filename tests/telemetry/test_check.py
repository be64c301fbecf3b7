import logging
from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry.metrics import MeterProvider as AnyMeters
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode, Tracer, set_span_in_context

from tests.telemetry import registry
from tests.telemetry.check import Traffic, check
from tests.telemetry.makers import Bench, Sdk, answer

GOOD: dict[str, Any] = {
    "http.request.method": "GET",
    "server.address": "api.example.com",
    "server.port": 443,
    "url.full": "https://api.example.com/rates",
    "http.response.status_code": 200,
}
BAD: dict[str, Any] = GOOD | {"http.response.status_code": 503, "error.type": "503"}


def _tracer(sdk: Sdk, scope: str = "verto_resilience") -> Tracer:
    return sdk.tracers.get_tracer(scope, "1", registry.SCHEMA_URL)


def _drawn(
    attributes: dict[str, Any],
    *,
    name: str = "GET",
    kind: SpanKind = SpanKind.CLIENT,
    status: StatusCode = StatusCode.UNSET,
    description: str | None = None,
) -> list[ReadableSpan]:
    sdk = Sdk()
    span = _tracer(sdk).start_span(name, kind=kind, attributes=attributes)
    span.set_status(status, description)
    span.end()
    return sdk.spans


def _rules(traffic: Traffic) -> set[tuple[str, str]]:
    return {(finding.level, finding.rule) for finding in check(traffic)}


def _without(name: str) -> dict[str, Any]:
    return {key: value for key, value in GOOD.items() if key != name}


def test_a_good_span_has_no_finding() -> None:
    """What follows the conventions passes, failures included."""
    assert check(Traffic(_drawn(GOOD))) == []
    assert check(Traffic(_drawn(BAD, status=StatusCode.ERROR))) == []


@pytest.mark.parametrize(
    ("attributes", "level", "rule"),
    [
        (GOOD | {"http.thing": "x"}, "error", "unknown-attribute"),
        (GOOD | {"http.method": "GET"}, "error", "deprecated-attribute"),
        (GOOD | {"server.port": "443"}, "error", "type"),
        (_without("server.port"), "error", "required-missing"),
        (_without("url.full"), "error", "required-missing"),
        (GOOD | {"http.request.method": "get"}, "error", "method-not-known"),
        (GOOD | {"http.request.method_original": "GET"}, "error", "method-original-equal"),
        (GOOD | {"http.request.resend_count": 0}, "error", "resend-count-zero"),
        (GOOD | {"url.full": "/rates"}, "error", "url-not-absolute"),
        (GOOD | {"url.full": "https://u:p@h/"}, "error", "userinfo"),
        (GOOD | {"url.full": "https://h/?sig=abc"}, "error", "query-secret"),
        (GOOD | {"url.full": "https://h/?a=1&X-Amz-Credential=abc"}, "error", "query-secret"),
        (GOOD | {"error.type": "x.Y"}, "error", "error-type-and-status"),
        (GOOD | {"http.response.status_code": 503}, "error", "failure-not-error"),
        (GOOD | {"http.response.status_code": 404}, "warning", "failure-not-error"),
        (GOOD | {"network.peer.address": "api.example.com"}, "warning", "peer-not-ip"),
        (GOOD | {"url.query": "a=1"}, "warning", "not-in-convention"),
        (GOOD | {"user_agent.original": "x"}, "info", "opt-in-by-default"),
    ],
)
def test_a_faulty_attribute_is_found(attributes: dict[str, Any], level: str, rule: str) -> None:
    """Each planted fault is found under its rule."""
    assert (level, rule) in _rules(Traffic(_drawn(attributes)))


@pytest.mark.parametrize(
    ("how", "level", "rule"),
    [
        ({"attributes": GOOD, "name": "GET /rates/7"}, "error", "span-name"),
        ({"attributes": GOOD, "status": StatusCode.OK}, "error", "status-ok"),
        ({"attributes": GOOD, "status": StatusCode.ERROR}, "error", "error-type-and-status"),
        (
            {"attributes": BAD, "status": StatusCode.ERROR, "description": "503"},
            "error",
            "description",
        ),
        (
            {"attributes": BAD | {"error.type": "http"}, "status": StatusCode.ERROR},
            "error",
            "error-type-not-code",
        ),
        (
            {
                "attributes": _without("http.response.status_code") | {"error.type": "refused"},
                "status": StatusCode.ERROR,
            },
            "warning",
            "error-type-not-class",
        ),
        ({"attributes": GOOD, "kind": SpanKind.INTERNAL}, "error", "http-on-internal"),
    ],
)
def test_a_faulty_span_is_found(how: dict[str, Any], level: str, rule: str) -> None:
    """Each planted fault of name, kind and status is found under its rule."""
    assert (level, rule) in _rules(Traffic(_drawn(**how)))


def test_an_exception_event_is_found() -> None:
    """A recorded exception is worth a look."""
    sdk = Sdk()
    span = _tracer(sdk).start_span("GET", kind=SpanKind.CLIENT, attributes=GOOD)
    span.record_exception(ValueError("x"))
    span.end()

    assert ("info", "exception-event") in _rules(Traffic(sdk.spans))


def test_another_schema_is_found() -> None:
    """A span of another schema is worth a look."""
    sdk = Sdk()
    old = sdk.tracers.get_tracer("verto_resilience", "1", "https://opentelemetry.io/schemas/1.21.0")
    old.start_span("GET", kind=SpanKind.CLIENT, attributes=GOOD).end()

    assert _rules(Traffic(sdk.spans)) == {("info", "schema-url")}


@pytest.mark.parametrize(
    ("counts", "is_found"),
    [
        ([None, 1, 2], False),
        ([None, 1, None, 1], False),
        ([None, 2], True),
        ([None, 1, 1], True),
        ([1], True),
        ([None, 1, 3], True),
    ],
)
def test_a_gap_in_the_resend_count_is_found(counts: list[int | None], is_found: bool) -> None:
    """Each count is the next one, or a new beginning."""
    sdk = Sdk()
    for count in counts:
        attributes = GOOD if count is None else GOOD | {"http.request.resend_count": count}
        _tracer(sdk).start_span("GET", kind=SpanKind.CLIENT, attributes=attributes).end()

    found = ("error", "resend-count-gap") in _rules(Traffic(sdk.spans))

    assert found == is_found


@pytest.mark.parametrize(
    ("outer", "inner", "beside", "is_found"),
    [
        ("verto_resilience", "verto_resilience", False, True),
        ("stock", "verto_resilience", False, True),
        ("stock", "verto_resilience", True, False),
        ("verto_resilience", "stock", True, True),
        ("stock", "stock", False, False),
    ],
)
def test_a_request_drawn_twice_is_found(
    outer: str, inner: str, beside: bool, is_found: bool
) -> None:
    """A CLIENT span within a CLIENT span is found, unless nesting below another was chosen."""
    sdk = Sdk()
    parent = _tracer(sdk, outer).start_span("GET", kind=SpanKind.CLIENT, attributes=GOOD)
    within = set_span_in_context(parent)
    _tracer(sdk, inner).start_span("GET", within, kind=SpanKind.CLIENT, attributes=GOOD).end()
    parent.end()

    found = ("error", "client-in-client") in _rules(Traffic(sdk.spans, beside=beside))

    assert found == is_found


LABELS = {name: GOOD[name] for name in registry.DURATION_REQUIRED}


def _duration(meters: AnyMeters, scope: str = "verto_resilience", **changes: Any) -> None:
    bounds = changes.pop("bounds", registry.DURATION_BUCKETS)
    labels = changes.pop("labels", LABELS)
    meter = meters.get_meter(scope, "1", registry.SCHEMA_URL)
    meter.create_histogram(
        changes.pop("name", registry.DURATION),
        changes.pop("unit", "s"),
        explicit_bucket_boundaries_advisory=bounds,
    ).record(0.1, labels)


def _counted(meters: AnyMeters, name: str, unit: str, labels: dict[str, Any]) -> None:
    meters.get_meter("verto_resilience", "1").create_counter(name, unit).add(1, labels)


def _twice(meters: AnyMeters) -> None:
    _duration(meters)
    _duration(meters, "stock", name=registry.OLD_DURATION)


@pytest.mark.parametrize(
    ("record", "rule"),
    [
        (lambda m: _duration(m, unit="ms"), "metric-unit"),
        (lambda m: _duration(m, bounds=[1.0, 2.0]), "metric-buckets"),
        (lambda m: _duration(m, labels={}), "metric-required-missing"),
        (lambda m: _duration(m, labels=LABELS | {"url.full": "https://h/"}), "metric-label"),
        (lambda m: _duration(m, labels=LABELS | {"url.path": "/"}), "metric-label"),
        (lambda m: _duration(m, name="verto.call.duration"), "metric-buckets"),
        (lambda m: _duration(m, name="http.client.other"), "metric-unknown"),
        (lambda m: _counted(m, registry.DURATION, "s", LABELS), "metric-instrument"),
        (lambda m: _counted(m, "verto.resends", "1", {}), "metric-unit"),
        (lambda m: _counted(m, "verto.call.duration", "s", {}), "metric-instrument"),
        (lambda m: _counted(m, "verto.resends", "{resend}", {"url.path": "/"}), "metric-label"),
        (lambda m: _counted(m, "verto.thing", "1", {}), "metric-unknown"),
        (lambda m: _counted(m, "verto.resends", "{resend}", {"odd": "x"}), "unknown-attribute"),
        (_twice, "metric-doubled"),
    ],
    ids=range(14),
)
def test_a_faulty_metric_is_found(record: Callable[[AnyMeters], None], rule: str) -> None:
    """Each planted fault of a metric is found under its rule."""
    sdk = Sdk()

    record(sdk.meters)

    assert ("error", rule) in _rules(Traffic([], sdk.data()))


@pytest.mark.parametrize(
    ("span", "labels", "is_found"),
    [
        (GOOD, LABELS | {"http.response.status_code": 200}, False),
        (GOOD, LABELS | {"http.response.status_code": 500}, True),
        (GOOD, LABELS | {"http.response.status_code": 200, "error.type": "x.Y"}, True),
    ],
)
def test_span_and_metric_that_disagree_are_found(
    span: dict[str, Any], labels: dict[str, Any], is_found: bool
) -> None:
    """Method, status and ``error.type`` must be the same on both, and as many."""
    sdk = Sdk()
    _tracer(sdk).start_span("GET", kind=SpanKind.CLIENT, attributes=span).end()
    _duration(sdk.meters, labels=labels)

    found = ("error", "span-and-metric") in _rules(Traffic(sdk.spans, sdk.data()))

    assert found == is_found


def test_canaries_are_found_wherever_they_went() -> None:
    """A planted secret is found in attributes, descriptions, events, labels and logs."""
    sdk = Sdk()
    span = _tracer(sdk).start_span("GET", kind=SpanKind.CLIENT, attributes=GOOD)
    span.set_attribute("verto.correlation_id.sent", "in-ATTRIBUTE")
    span.set_status(StatusCode.ERROR, "in-STATUS")
    span.add_event("verto.call.ended", {"verto.call.end": "in-EVENT"})
    span.end()
    _counted(sdk.meters, "verto.resends", "{resend}", {"verto.resend.reason": "in-LABEL"})
    record = logging.LogRecord("verto_resilience", 20, "", 1, "in-%s", ("TEXT",), None)
    vars(record)["verto.event"] = "in-FIELD"
    planted = [
        f"in-{place}" for place in ("ATTRIBUTE", "STATUS", "EVENT", "LABEL", "TEXT", "FIELD")
    ]

    found = check(Traffic(sdk.spans, sdk.data(), [record], planted))

    leaks = {finding.detail for finding in found if finding.rule == "canary-leak"}
    assert leaks == set(planted)


def test_what_others_do_is_their_affair() -> None:
    """Faults of another scope are no findings."""
    sdk = Sdk()
    stranger = sdk.tracers.get_tracer("stranger")
    stranger.start_span("anything", kind=SpanKind.CLIENT, attributes={"http.url": "x"}).end()
    sdk.meters.get_meter("stranger").create_counter("things").add(1, {"odd": "x"})

    assert check(Traffic(sdk.spans, sdk.data(), canaries=["x"])) == []


def test_the_check_sees_what_the_project_emits() -> None:
    """Real telemetry gives the check something to look at: a common word is found in all of it."""
    bench = Bench()
    bench.run(answer(503), answer(200))
    traffic = bench.traffic(canaries=["api.example.com"])

    leaks = {finding.where for finding in check(traffic)}

    assert {"GET", "verto.call GET", "http.client.request.duration labels"} <= leaks
