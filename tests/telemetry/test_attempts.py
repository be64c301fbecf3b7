from contextlib import suppress
from typing import Any

import pytest
from opentelemetry import context as context_api
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, Decision, Sampler, SamplingResult
from opentelemetry.trace import StatusCode, TraceFlags

from tests.telemetry.makers import (
    READ,
    WRITE,
    Bench,
    Edge,
    HostError,
    Sdk,
    Step,
    answer,
    failed,
)
from verto_resilience.outcome import Failure
from verto_resilience.pipeline import Pipeline, Policy, Received
from verto_resilience.telemetry import OtelTracing
from verto_resilience.telemetry._suppression import HTTP_KEY


def test_a_send_is_a_client_span() -> None:
    """An attempt has method, server, URL and what came back, and no status of its own."""
    bench = Bench()

    bench.run(answer(200))

    (span,) = bench.sdk.clients
    assert span.name == "GET"
    assert span.status.status_code is StatusCode.UNSET
    assert dict(span.attributes or {}) == {
        "http.request.method": "GET",
        "server.address": "api.example.com",
        "server.port": 443,
        "url.full": "https://api.example.com/rates",
        "http.response.status_code": 200,
        "network.protocol.version": "1.1",
        "network.peer.address": "127.0.0.1",
        "network.peer.port": 8443,
        "verto.category": "success",
        "verto.documented": True,
        "verto.api_call_id": "call-7",
        "verto.correlation_id.received": "corr-7",
    }


class Watching(Sampler):
    """Keeps what it is asked about, and samples everything."""

    def __init__(self) -> None:
        """Start with nothing."""
        self.asked: dict[str, dict[str, Any]] = {}

    def should_sample(
        self, parent_context: Any, trace_id: int, name: str, *others: Any, **named: Any
    ) -> SamplingResult:
        """Keep the attributes by the span's name."""
        attributes = dict(others[1])
        self.asked[name] = attributes
        return SamplingResult(Decision.RECORD_AND_SAMPLE, attributes)

    def get_description(self) -> str:
        """Name it."""
        return "watching"


def test_what_a_sampler_needs_is_given_at_creation() -> None:
    """Method, server and URL are told to the sampler, not added afterwards."""
    sampler = Watching()
    bench = Bench(sdk=Sdk(sampler=sampler))

    bench.run(answer(200))

    assert sampler.asked["GET"] == {
        "http.request.method": "GET",
        "server.address": "api.example.com",
        "server.port": 443,
        "url.full": "https://api.example.com/rates",
    }


def test_each_resend_is_a_span_of_its_own() -> None:
    """Attempts are siblings; the first has no count, the others have 1, 2 and what led to them."""
    bench = Bench()

    bench.run(answer(503), answer(429), answer(200))

    first, second, third = [dict(span.attributes or {}) for span in bench.sdk.clients]
    assert "http.request.resend_count" not in first
    assert "verto.resend.reason" not in first
    assert second["http.request.resend_count"] == 1
    assert second["verto.resend.reason"] == "503"
    assert second["verto.wait.source"] == "backoff"
    assert second["verto.wait.seconds"] == bench.clock.sleeps[0]
    assert third["http.request.resend_count"] == 2
    assert third["verto.resend.reason"] == "429"
    assert len({span.parent.span_id for span in bench.sdk.clients if span.parent}) == 1


def test_a_resend_points_to_the_send_before() -> None:
    """Each resend has one link, to the span of the attempt before it."""
    bench = Bench()

    bench.run(answer(503), answer(503), answer(200))

    first, second, third = bench.sdk.clients
    assert not first.links
    assert [link.context for link in second.links] == [first.context]
    assert [link.context for link in third.links] == [second.context]
    assert dict(third.links[0].attributes or {}) == {"verto.link": "resend_of"}


def test_earlier_sends_of_the_same_request_count() -> None:
    """The count goes on where redirects and credentials left it."""
    bench = Bench()

    bench.run(answer(503), answer(200), request=READ._replace(sends_before=2))

    counts = [(span.attributes or {})["http.request.resend_count"] for span in bench.sdk.clients]
    assert counts == [2, 3]


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500, 503, 599])
def test_a_failing_status_is_an_error_without_a_description(status: int) -> None:
    """From 400 on the status is Error, ``error.type`` is the status as text, and that is all."""
    bench = Bench(policy=Policy(max_attempts=1))

    bench.run(answer(status))

    (span,) = bench.sdk.clients
    assert span.status.status_code is StatusCode.ERROR
    assert span.status.description is None
    assert (span.attributes or {})["error.type"] == str(status)
    assert not span.events


@pytest.mark.parametrize("status", [200, 204, 302, 304])
def test_any_other_status_is_left_unset(status: int) -> None:
    """Below 400 nothing is an error, and nothing is called OK."""
    bench = Bench()

    bench.run(answer(status))

    (span,) = bench.sdk.clients
    assert span.status.status_code is StatusCode.UNSET
    assert "error.type" not in (span.attributes or {})


def test_without_a_response_the_exception_is_the_error() -> None:
    """``error.type`` is the class the caller sees; neither its message nor an event is there."""
    bench = Bench(policy=Policy(max_attempts=1))

    with pytest.raises(HostError):
        bench.run(failed(Failure.READ_TIMEOUT))

    (span,) = bench.sdk.clients
    attributes = dict(span.attributes or {})
    assert span.status.status_code is StatusCode.ERROR
    assert attributes["error.type"] == "tests.telemetry.makers.HostError"
    assert attributes["verto.failure"] == "read_timeout"
    assert attributes["verto.category"] == "transport"
    assert "http.response.status_code" not in attributes
    assert not span.events
    assert "CANARY" not in span.to_json()


def test_an_exception_nobody_classified_is_an_error_too() -> None:
    """What a send raises past its edge ends the span as an error and goes on to the caller."""
    bench = Bench()

    with pytest.raises(ZeroDivisionError):
        bench.run(ZeroDivisionError("CANARY"))

    (span,) = bench.sdk.clients
    assert span.status.status_code is StatusCode.ERROR
    assert (span.attributes or {})["error.type"] == "ZeroDivisionError"
    assert not span.events
    assert "CANARY" not in span.to_json()


def test_breaking_off_is_no_error() -> None:
    """A caller who goes away leaves the status unset, and no ``error.type``."""
    bench = Bench()

    with pytest.raises(KeyboardInterrupt):
        bench.run(KeyboardInterrupt())

    for span in bench.sdk.spans:
        assert span.status.status_code is StatusCode.UNSET
        assert "error.type" not in (span.attributes or {})
        assert not span.events


@pytest.mark.parametrize("method", ["FOO", "get", ""])
def test_an_unknown_method_is_told_apart(method: str) -> None:
    """A method that is not known, by its exact letters, is ``_OTHER``, and the span is ``HTTP``."""
    bench = Bench()

    bench.run(answer(200), request=READ._replace(method=method))

    (span,) = bench.sdk.clients
    attributes = dict(span.attributes or {})
    assert span.name == "HTTP"
    assert attributes["http.request.method"] == "_OTHER"
    assert attributes["http.request.method_original"] == method
    (labels, _) = bench.sdk.points("http.client.request.duration")[0]
    assert labels["http.request.method"] == "_OTHER"


def test_known_methods_can_be_named() -> None:
    """A list of methods takes the place of the standard ones."""
    bench = Bench(tracing={"known_methods": {"FOO"}})

    bench.run(answer(200), request=READ._replace(method="FOO"))
    bench.run(answer(200))

    assert [span.name for span in bench.sdk.clients] == ["FOO", "HTTP"]


def test_the_host_header_names_the_server() -> None:
    """A Host header goes before the URL, on the span and on the metric."""
    bench = Bench()

    bench.run(answer(200), request=READ._replace(host="other.example:90"))

    (span,) = bench.sdk.clients
    (labels, _) = bench.sdk.points("http.client.request.duration")[0]
    for told in (dict(span.attributes or {}), labels):
        assert (told["server.address"], told["server.port"]) == ("other.example", 90)


def test_a_known_operation_is_named() -> None:
    """An operation's template and kind and the correlation id sent are on the span."""
    bench = Bench()

    bench.run(answer(200), request=WRITE)

    (span,) = bench.sdk.clients
    attributes = dict(span.attributes or {})
    assert attributes["verto.operation.template"] == "/fx/{id}"
    assert attributes["verto.operation.kind"] == "moves_money"
    assert attributes["verto.correlation_id.sent"] == "corr-1"


def test_what_the_answer_says_of_itself_is_shown() -> None:
    """The time asked for and the API error code are on the span; the message is not."""
    bench = Bench(policy=Policy(max_attempts=1))

    bench.run(answer(503, retry_after=7.0, code=12))

    (span,) = bench.sdk.clients
    attributes = dict(span.attributes or {})
    assert attributes["verto.retry_after"] == 7.0
    assert attributes["verto.api_error.code"] == "12"
    assert "the body said this" not in span.to_json()


def test_the_time_asked_for_needs_no_details() -> None:
    """What the outcome says is shown also where nobody looked for ids."""
    bench = Bench(policy=Policy(max_attempts=1))

    bench.pipeline.run(READ, Edge(answer(503, retry_after=7.0, code=12), details=None))

    attributes = dict(bench.sdk.clients[0].attributes or {})
    assert attributes["verto.retry_after"] == 7.0
    assert attributes["verto.api_error.code"] == "12"


def test_error_codes_are_of_bounded_variety() -> None:
    """After 100 different codes the rest share one value, on span and metric alike."""
    bench = Bench()

    for code in range(150):
        bench.run(answer(400, code=code))

    on_spans = {(span.attributes or {})["verto.api_error.code"] for span in bench.sdk.clients}
    on_metric = {
        labels["verto.api_error.code"] for labels, _ in bench.sdk.points("verto.api_errors")
    }
    assert on_spans == on_metric == {str(code) for code in range(100)} | {"_OTHER"}


def test_a_long_identifier_is_cut() -> None:
    """The caller's own id shows its first 128 characters; it is sent whole."""
    bench = Bench()

    bench.pipeline.run(READ._replace(correlation_id="z" * 999), Edge(answer(200)))

    attributes = dict(bench.sdk.clients[0].attributes or {})
    assert attributes["verto.correlation_id.sent"] == "z" * 128


def test_a_correlation_id_that_comes_back_is_not_told_twice() -> None:
    """The id received is shown where it is not the one sent."""
    bench = Bench()
    edge = Edge(answer(200), details=Received(correlation_id="corr-1"))

    bench.pipeline.run(WRITE, edge)

    attributes = dict(bench.sdk.clients[0].attributes or {})
    assert attributes["verto.correlation_id.sent"] == "corr-1"
    assert "verto.correlation_id.received" not in attributes


def test_what_is_unknown_is_left_out() -> None:
    """Without details of the answer there is no protocol, no peer and no id."""
    bench = Bench()

    bench.pipeline.run(READ, Edge(answer(200), details=None))

    attributes = dict(bench.sdk.clients[0].attributes or {})
    assert not {name for name in attributes if name.startswith("network.")}
    assert "verto.api_call_id" not in attributes


def test_a_wait_at_the_gate_is_shown_on_the_first_send() -> None:
    """A first send that waited for a pause says so, and is no resend."""
    bench = Bench()
    now = bench.clock.monotonic()
    bench.circuits.at(READ.origin, now).pause.hold(3.0, sent_at=now, now=now)

    bench.run(answer(200))

    attributes = dict(bench.sdk.clients[0].attributes or {})
    assert attributes["verto.wait.source"] == "pause"
    assert attributes["verto.wait.seconds"] == bench.clock.sleeps[0]
    assert "http.request.resend_count" not in attributes
    assert "verto.resend.reason" not in attributes


@pytest.mark.parametrize("beside", [[], [HTTP_KEY]])
def test_a_probe_is_marked(beside: list[str]) -> None:
    """The send with which a half-open circuit tries its origin says so; others say nothing."""
    bench = Bench(policy=Policy(max_attempts=1, consecutive_failures=1, successes_to_close=1))
    context = context_api.get_current()
    for key in beside:
        context = context_api.set_value(key, value=True, context=context)
    token = context_api.attach(context)

    bench.run(answer(500))
    bench.clock.advance(10.0)
    bench.run(answer(200))
    bench.run(answer(200))

    context_api.detach(token)
    marks = [
        (span.attributes or {}).get("verto.circuit_breaker.probe")
        for span in bench.sdk.spans
        if not span.name.startswith("verto.call")
    ]
    assert marks == [None, True, None]


def test_each_attempt_carries_its_own_trace() -> None:
    """The trace headers of an attempt name that attempt's span as the parent."""
    bench = Bench()
    edge = Edge(answer(503), answer(200))

    bench.pipeline.run(READ, edge)

    parents = [headers["traceparent"].split("-")[2] for headers in edge.headers]
    assert parents == [f"{span.context.span_id:016x}" for span in bench.sdk.clients if span.context]


def test_a_server_that_may_not_be_told_gets_no_trace() -> None:
    """Trace headers go to the targets allowed and to nobody else; the spans are drawn anyway."""
    bench = Bench(tracing={"propagate_to": ["verto.co"]})
    elsewhere, allowed = Edge(answer(200)), Edge(answer(200))

    bench.pipeline.run(READ, elsewhere)
    bench.pipeline.run(READ._replace(origin="https://api.verto.co:443"), allowed)

    assert elsewhere.headers == [{}]
    assert "traceparent" in allowed.headers[0]
    assert len(bench.sdk.clients) == 2


def test_the_stock_instrumentations_are_told() -> None:
    """During a send the context says that it is drawn already, and afterwards no longer."""
    seen: list[object] = []
    bench = Bench()

    bench.pipeline.run(
        READ, Edge(answer(200), during=lambda: seen.append(context_api.get_value(HTTP_KEY)))
    )

    assert seen == [True]
    assert context_api.get_value(HTTP_KEY) is None
    assert not trace.get_current_span().get_span_context().is_valid


@pytest.mark.parametrize("step", [answer(200), answer(404), failed(), KeyboardInterrupt()])
def test_span_and_metric_say_the_same(step: Step) -> None:
    """The duration has one record for the attempt: same length, same error, same labels."""
    bench = Bench(policy=Policy(max_attempts=1))

    with suppress(HostError, KeyboardInterrupt):
        bench.run(step)

    (span,) = bench.sdk.clients
    ((labels, count),) = bench.sdk.points("http.client.request.duration")
    attributes = dict(span.attributes or {})
    assert count == 1
    assert labels.items() <= attributes.items()
    assert labels.get("error.type") == attributes.get("error.type")
    assert span.start_time is not None
    assert span.end_time is not None
    (seconds,) = bench.sdk.sums("http.client.request.duration")
    assert seconds == pytest.approx((span.end_time - span.start_time) / 1e9, abs=1e-12)


def test_a_sampled_out_attempt_is_still_passed_on() -> None:
    """Where nothing is recorded, the server hears of the trace, and that it is not sampled."""
    bench = Bench(sdk=Sdk(sampler=ALWAYS_OFF))
    edge = Edge(answer(503), answer(200))

    bench.pipeline.run(READ, edge)

    flags = [int(headers["traceparent"][-2:], 16) for headers in edge.headers]
    assert bench.sdk.spans == []
    assert [flag & TraceFlags.SAMPLED for flag in flags] == [0, 0]


def test_details_are_asked_for_only_where_they_are_recorded() -> None:
    """The edge need not look for peers and ids where no SDK would keep them."""
    recorded, silent = Edge(answer(200)), Edge(answer(200))
    bench = Bench()
    nobody = Pipeline(
        Policy(), clock=bench.clock, chance=lambda: 0.5, tracing=OtelTracing(Policy())
    )

    bench.pipeline.run(READ, recorded)
    nobody.run(READ, silent)

    assert recorded.asked_for_details == [True]
    assert silent.asked_for_details == [False]
