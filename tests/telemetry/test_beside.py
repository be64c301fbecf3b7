import logging
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from opentelemetry import context as context_api
from opentelemetry.sdk.trace import Span
from opentelemetry.trace import SpanKind, StatusCode, use_span

from tests.telemetry.check import Traffic, check, serious
from tests.telemetry.makers import READ, WRITE, Bench, Edge, Sdk, answer
from verto_resilience.pipeline import Beside, CallSpan, Policy
from verto_resilience.telemetry._suppression import HTTP_KEY, SILENCE_KEY, is_silenced


@contextmanager
def keyed(key: str) -> Iterator[None]:
    """Have a key set in the context."""
    token = context_api.attach(context_api.set_value(key, value=True))
    try:
        yield
    finally:
        context_api.detach(token)


@contextmanager
def foreign(sdk: Sdk) -> Iterator[Span]:
    """Draw the request as the stock instrumentation of requests does."""
    tracer = sdk.tracers.get_tracer("stock")
    span = tracer.start_span("GET", kind=SpanKind.CLIENT)
    assert isinstance(span, Span)
    with use_span(span, end_on_exit=True), keyed(HTTP_KEY):
        yield span


def test_the_keys_are_those_that_others_set() -> None:
    """The stock instrumentations and the SDK's exporters use the same keys."""
    assert vars(context_api)["_SUPPRESS_HTTP_INSTRUMENTATION_KEY"] == HTTP_KEY
    assert vars(context_api)["_SUPPRESS_INSTRUMENTATION_KEY"] == SILENCE_KEY


@pytest.mark.parametrize("key", [SILENCE_KEY, "suppress_instrumentation"], ids=["api", "plain"])
def test_within_an_exporter_nothing_is_recorded(key: str, caplog: pytest.LogCaptureFixture) -> None:
    """With the full key set there are no spans, no metrics, no headers and no logs."""
    caplog.set_level(logging.DEBUG, "verto_resilience")
    bench = Bench()
    edge = Edge(answer(503, retry_after=1.0, code=1), answer(200))

    with keyed(key):
        bench.pipeline.run(WRITE._replace(repeatable=True), edge)

    data = bench.sdk.data()
    recorded = [] if data is None else data.to_json()
    assert bench.sdk.spans == []
    assert edge.headers == [{}, {}]
    assert "resends" not in str(recorded)
    assert "duration" not in str(recorded)
    assert "pauses" not in str(recorded)
    assert "api_errors" not in str(recorded)
    assert caplog.records == []


def test_a_key_that_is_false_silences_nobody() -> None:
    """Only a key that is set counts."""
    off = context_api.set_value(SILENCE_KEY, value=False)

    assert not is_silenced(off)
    assert is_silenced(context_api.set_value(SILENCE_KEY, value=True))


def test_deferring_shows_attempts_without_http() -> None:
    """Below a foreign CLIENT span each attempt is INTERNAL, with nothing that counts twice."""
    bench = Bench()
    edge = Edge(answer(503), answer(429, code=1), answer(200))

    with foreign(bench.sdk) as other:
        bench.pipeline.run(READ._replace(sends_before=1), edge)

    attempts = [span for span in bench.sdk.inner if span.name == "verto.attempt GET"]
    described = [dict(span.attributes or {}) for span in attempts]
    assert [span.parent for span in attempts] == [other.get_span_context()] * 3
    assert not {name for attributes in described for name in attributes if name[:5] != "verto"} - {
        "server.address",
        "server.port",
        "error.type",
    }
    assert [a["verto.request.resend_count"] for a in described] == [1, 2, 3]
    assert [a["verto.response.status_code"] for a in described] == [503, 429, 200]
    assert [a.get("error.type") for a in described] == ["503", "429", None]
    assert [a.get("verto.resend.reason") for a in described] == [None, "503", "429"]
    assert described[1]["verto.wait.seconds"] == bench.clock.sleeps[0]
    assert described[1]["verto.api_error.code"] == "1"
    assert described[2]["verto.api_call_id"] == "call-7"
    assert [span.status.status_code for span in attempts] == [
        StatusCode.ERROR,
        StatusCode.ERROR,
        StatusCode.UNSET,
    ]
    assert edge.headers == [{}] * 3


def test_deferring_to_one_below_that_calls_hooks() -> None:
    """Where it would cost what hooks add, the instrumentation below draws; attempts stay inner."""
    bench, keys = Bench(tracing={"hooked_below": lambda: True}), []
    edge = Edge(
        answer(503),
        answer(200),
        during=lambda: keys.append(context_api.get_current().get(HTTP_KEY)),
    )

    bench.pipeline.run(READ, edge)

    assert [span.name for span in bench.sdk.spans] == [
        *["verto.attempt GET"] * 2,
        "verto.call GET",
    ]
    assert keys == [None, None]
    assert edge.headers == [{}, {}]
    assert bench.sdk.points("http.client.request.duration") == []
    assert serious(check(Traffic(bench.sdk.spans, bench.sdk.data()))) == []


@pytest.mark.parametrize("beside", ["nest", "takeover", "silent"])
def test_hooks_below_are_given_up_by_every_other_way(beside: str) -> None:
    """Whoever chooses has attempts drawn here, and those below are told so."""
    bench = Bench(tracing={"hooked_below": lambda: True, "beside": beside})
    edge = Edge(answer(200))

    bench.pipeline.run(READ, edge)

    assert len(bench.sdk.clients) == 1
    assert "traceparent" in edge.headers[0]


def test_deferring_leaves_the_duration_to_the_other() -> None:
    """The duration of attempts is not measured twice; what is the library's own is measured."""
    bench = Bench()

    with foreign(bench.sdk):
        bench.run(answer(503), answer(200))

    assert bench.sdk.points("http.client.request.duration") == []
    assert [count for _, count in bench.sdk.points("verto.call.duration")] == [1]
    ((labels, _),) = bench.sdk.points("verto.resends")
    assert labels["verto.resend.reason"] == "503"


def test_deferring_tells_the_other_span_what_became_of_the_call() -> None:
    """The foreign span gets names under ``verto.`` and nothing of its own is touched."""
    bench = Bench()

    with foreign(bench.sdk) as other:
        bench.run(answer(503), answer(404))

    told = dict(other.attributes or {})
    assert told["verto.call.attempts"] == 2
    assert told["verto.call.end"] == "answered"
    assert told["verto.call.outcome"] == "failure"
    assert all(name.startswith("verto.") for name in told)
    assert other.status.status_code is StatusCode.UNSET


def test_nesting_draws_client_spans_below_the_other() -> None:
    """``nest``: attempts are CLIENT spans with trace headers of their own, measured once."""
    bench = Bench(tracing={"beside": Beside.NEST})
    edge = Edge(answer(503), answer(200))

    with foreign(bench.sdk) as other:
        bench.pipeline.run(READ, edge)

    ours = [span for span in bench.sdk.clients if span.parent is not None]
    assert [span.parent for span in ours] == [other.get_span_context()] * 2
    assert [headers["traceparent"].split("-")[2] for headers in edge.headers] == [
        f"{span.context.span_id:016x}" for span in ours if span.context
    ]
    assert bench.sdk.points("http.client.request.duration") == []
    assert serious(check(Traffic(bench.sdk.spans, bench.sdk.data(), beside=True))) == []


def test_silent_draws_nothing_and_counts_on() -> None:
    """``silent``: no spans, no word on the other's, but resends and calls are counted."""
    bench = Bench(tracing={"beside": "silent"})

    with foreign(bench.sdk) as other:
        bench.run(answer(503), answer(200))

    assert bench.sdk.spans == [span for span in bench.sdk.spans if span.name == "GET"]
    assert len(bench.sdk.spans) == 1
    assert dict(other.attributes or {}) == {}
    ((labels, count),) = bench.sdk.points("verto.resends")
    assert (labels["verto.resend.reason"], count) == ("503", 1)


def test_a_call_span_that_is_wanted_always_is_there_beside_others() -> None:
    """``call_span=always`` holds below a foreign span too, and then its attributes stay there."""
    bench = Bench(policy=Policy(call_span=CallSpan.ALWAYS))

    with foreign(bench.sdk) as other:
        bench.run(answer(200))

    names = [span.name for span in bench.sdk.spans]
    assert names == ["verto.attempt GET", "verto.call GET", "GET"]
    assert dict(other.attributes or {}) == {}


def test_the_choice_is_mentioned_once(caplog: pytest.LogCaptureFixture) -> None:
    """Who meets another instrumentation hears once that there are other ways."""
    caplog.set_level(logging.INFO, "verto_resilience")
    bench = Bench()

    for _ in range(3):
        with foreign(bench.sdk):
            bench.run(answer(200))

    (record,) = [r for r in caplog.records if "takeover" in r.getMessage()]
    assert record.levelno == logging.INFO


def test_an_unknown_way_is_refused() -> None:
    """A word that is none of the four is an error at once."""
    with pytest.raises(ValueError, match="sideways"):
        Bench(tracing={"beside": "sideways"})
