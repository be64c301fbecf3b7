import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from opentelemetry import context as context_api
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import (
    NonRecordingSpan,
    NoOpTracerProvider,
    SpanContext,
    TraceFlags,
    set_span_in_context,
)

from tests.telemetry.makers import READ, Bench, Edge, Sdk, answer
from verto_resilience.pipeline import Pipeline, Policy
from verto_resilience.telemetry import OtelTracing
from verto_resilience.telemetry._mishaps import Mishaps
from verto_resilience.telemetry._providers import Meters, Tracers
from verto_resilience.telemetry._suppression import HTTP_KEY, SILENCE_KEY
from verto_resilience.testing import FakeClock

_LATER = """
import json
from opentelemetry import baggage, context, metrics, trace
from opentelemetry.metrics import set_meter_provider
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_tracer_provider
from tests.telemetry.makers import READ, Edge, Sdk, answer, Policy, OtelTracing, OtelMetrics
from tests.telemetry.makers import Circuits, FakeClock, Observers, Pipeline

policy, clock = Policy(), FakeClock()
circuits = Circuits(policy, chance=lambda: 0.5)
counts = OtelMetrics(circuits, now=clock.monotonic)
pipeline = Pipeline(
    policy, clock=clock, chance=lambda: 0.5, circuits=circuits,
    observer=Observers(counts), tracing=OtelTracing(policy, on_sdk=counts.look),
)

def send():
    edge = Edge(answer(200))
    pipeline.run(READ, edge)
    return edge.headers[0], edge.asked_for_details[0]

said = {"nothing": send()}
remote = SpanContext(1, 2, is_remote=True, trace_flags=TraceFlags(1))
token = context.attach(trace.set_span_in_context(NonRecordingSpan(remote)))
said["remote"] = send()
context.detach(token)
token = context.attach(baggage.set_baggage("tenant", "7"))
said["baggage"] = send()
context.detach(token)
sdk = Sdk()
set_tracer_provider(sdk.tracers)
set_meter_provider(sdk.meters)
send()
said["spans"] = [span.name for span in sdk.spans]
said["calls"] = [count for _, count in sdk.points("verto.call.duration")]
send()
said["circuits"] = len(sdk.points("verto.circuit_breaker.status"))
print(json.dumps(said))
"""


def test_without_an_sdk_only_the_context_is_passed_on_and_a_later_sdk_is_noticed() -> None:
    """Nothing is recorded before an SDK is there; a remote parent and baggage are passed on."""
    run = subprocess.run(
        [sys.executable, "-c", _LATER], capture_output=True, text=True, timeout=60, check=False
    )

    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout) == {
        "nothing": [{}, False],
        "remote": [{"traceparent": f"00-{1:032x}-{2:016x}-01"}, False],
        "baggage": [{"baggage": "tenant=7"}, False],
        "spans": ["GET", "verto.call GET"],
        "calls": [1],
        "circuits": 3,
    }


@contextmanager
def _remote_parent(*keys: str) -> Iterator[None]:
    """Have a trace current that began elsewhere, and these keys set."""
    remote = SpanContext(1, 2, is_remote=True, trace_flags=TraceFlags(1))
    context = set_span_in_context(NonRecordingSpan(remote))
    for key in keys:
        context = context_api.set_value(key, value=True, context=context)
    token = context_api.attach(context)
    yield
    context_api.detach(token)


@pytest.mark.parametrize(
    ("tracing", "keys", "is_told"),
    [
        ({}, [], True),
        ({"propagate_to": ["example.com"]}, [], True),
        ({"propagate_to": ["verto.co"]}, [], False),
        ({}, [HTTP_KEY], False),
        ({"beside": "nest"}, [HTTP_KEY], True),
        ({}, [SILENCE_KEY], False),
    ],
)
def test_without_an_sdk_the_same_servers_are_told(
    tracing: dict[str, Any], keys: list[str], is_told: bool
) -> None:
    """Targets and the word of other instrumentations count where nothing is recorded, too."""
    pipeline = Pipeline(
        Policy(),
        clock=FakeClock(),
        chance=lambda: 0.5,
        tracing=OtelTracing(Policy(**tracing)),
    )
    edge = Edge(answer(503), answer(200))

    with _remote_parent(*keys):
        pipeline.run(READ, edge)

    told = {"traceparent": f"00-{1:032x}-{2:016x}-01"} if is_told else {}
    assert edge.headers == [told, told]


def test_the_apis_own_providers_are_nobody() -> None:
    """A no-op provider gives no tracer and no instruments."""
    mishaps = Mishaps()

    assert Tracers(NoOpTracerProvider(), mishaps).current() is None
    assert Meters(NoOpMeterProvider(), mishaps).current() is None
    assert Tracers(None, mishaps).current() is None
    assert Meters(None, mishaps).current() is None


def test_an_sdk_that_is_switched_off_is_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """``OTEL_SDK_DISABLED`` leaves neither tracer nor instruments."""
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    mishaps = Mishaps()

    assert Tracers(TracerProvider(shutdown_on_exit=False), mishaps).current() is None
    assert Meters(MeterProvider(shutdown_on_exit=False), mishaps).current() is None


def test_the_scope_names_the_library() -> None:
    """Spans and metrics carry name, version and schema of this library."""
    bench = Bench()

    bench.run(answer(200))

    (span, _) = bench.sdk.spans
    scope = span.instrumentation_scope
    assert scope is not None
    assert (scope.name, scope.schema_url) == (
        "verto_resilience",
        "https://opentelemetry.io/schemas/1.44.0",
    )
    assert scope.version


def test_instruments_are_made_once() -> None:
    """All adapters of a process share the instruments of a provider."""
    sdk = Sdk()

    first, second = Meters(sdk.meters, Mishaps()), Meters(sdk.meters, Mishaps())

    assert first.current() is first.current() is second.current() is not None


def test_metrics_alone_are_enough() -> None:
    """With a meter and no tracer, durations are measured and the context is passed on."""
    sdk = Sdk()
    bench = Bench(sdk=sdk)
    tracing = OtelTracing(
        bench.policy, tracer_provider=NoOpTracerProvider(), meter_provider=sdk.meters
    )
    pipeline = Pipeline(bench.policy, clock=bench.clock, chance=lambda: 0.5, tracing=tracing)
    edge = Edge(answer(503), answer(200))

    pipeline.run(READ, edge)

    counts = [count for _, count in sdk.points("http.client.request.duration")]
    assert counts == [1, 1]
    assert [count for _, count in sdk.points("verto.call.duration")] == [1]
    assert sdk.spans == []
    assert edge.asked_for_details == [True, True]
