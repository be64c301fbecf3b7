import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from opentelemetry import context as context_api
from opentelemetry import propagate
from opentelemetry.metrics import MeterProvider, NoOpCounter, NoOpHistogram, NoOpMeter
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.sdk.trace.sampling import Sampler, SamplingResult
from opentelemetry.trace import Tracer, TracerProvider

from tests.telemetry.makers import READ, Bench, Edge, HostError, Sdk, answer, failed
from tests.telemetry.test_propagation import Says
from verto_resilience.pipeline import Circuits, Pipeline, Policy
from verto_resilience.telemetry import OtelMetrics, OtelTracing
from verto_resilience.telemetry._mishaps import Mishaps
from verto_resilience.telemetry._providers import Tracers
from verto_resilience.testing import FakeClock


class TelemetryError(Exception):
    """What fails in these tests."""


class FailsAtStart(SpanProcessor):
    """A span processor that cannot begin."""

    def on_start(self, span: Span, parent_context: Any = None) -> None:
        """Fail."""
        raise TelemetryError("CANARY")


class FailsAtEnd(SpanProcessor):
    """A span processor that cannot end."""

    def on_end(self, span: ReadableSpan) -> None:
        """Fail."""
        raise TelemetryError("CANARY")


class FailingSampler(Sampler):
    """A sampler that cannot decide."""

    def should_sample(self, *about: Any, **more: Any) -> SamplingResult:
        """Fail."""
        raise TelemetryError("CANARY")

    def get_description(self) -> str:
        """Name it."""
        return "failing"


class NoTracer(TracerProvider):
    """A provider that gives no tracer."""

    def get_tracer(self, *about: Any, **more: Any) -> Tracer:
        """Fail."""
        raise TelemetryError("CANARY")


class NoMeter(MeterProvider):
    """A provider that gives no meter."""

    def get_meter(self, *about: Any, **more: Any) -> Any:
        """Fail."""
        raise TelemetryError("CANARY")


class FailingHistogram(NoOpHistogram):
    """A histogram that cannot record."""

    def record(self, *about: Any, **more: Any) -> None:
        """Fail."""
        raise TelemetryError("CANARY")


class FailingCounter(NoOpCounter):
    """A counter that cannot count."""

    def add(self, *about: Any, **more: Any) -> None:
        """Fail."""
        raise TelemetryError("CANARY")


class FailingMeter(NoOpMeter):
    """A meter whose instruments fail."""

    def create_histogram(self, name: str, *about: Any, **more: Any) -> FailingHistogram:
        """Give one that fails."""
        return FailingHistogram(name)

    def create_counter(self, name: str, *about: Any, **more: Any) -> FailingCounter:
        """Give one that fails."""
        return FailingCounter(name)


class FailingMeters(MeterProvider):
    """A provider of meters whose instruments fail."""

    def get_meter(self, name: str, *about: Any, **more: Any) -> FailingMeter:
        """Give one."""
        return FailingMeter(name)


class FailingPropagator(Says):
    """A propagator that cannot inject."""

    def inject(self, carrier: Any, context: Any = None, setter: Any = None) -> None:
        """Fail."""
        carrier["half"] = "done"
        raise TelemetryError("CANARY")


def _start() -> Sdk:
    sdk = Sdk()
    sdk.tracers.add_span_processor(FailsAtStart())
    return sdk


def _end() -> Sdk:
    sdk = Sdk()
    sdk.tracers.add_span_processor(FailsAtEnd())
    return sdk


def _sampler() -> Sdk:
    return Sdk(sampler=FailingSampler())


def _no_tracer() -> Sdk:
    sdk = Sdk()
    sdk.tracers = NoTracer()  # type: ignore[assignment]
    return sdk


def _no_meter() -> Sdk:
    sdk = Sdk()
    sdk.meters = NoMeter()  # type: ignore[assignment]
    return sdk


def _instruments() -> Sdk:
    sdk = Sdk()
    sdk.meters = FailingMeters()  # type: ignore[assignment]
    return sdk


@pytest.mark.parametrize("broken", [_start, _end, _sampler, _no_tracer, _no_meter, _instruments])
def test_broken_telemetry_never_touches_a_call(
    broken: Callable[[], Sdk], caplog: pytest.LogCaptureFixture
) -> None:
    """Answers, errors and the context are as without telemetry; what failed is logged once."""
    bench = Bench(sdk=broken(), policy=Policy(max_attempts=2))
    before = context_api.get_current()

    answers = [bench.run(answer(503), answer(200)) for _ in range(3)]
    with pytest.raises(HostError):
        bench.run(failed(), failed())
    with pytest.raises(KeyboardInterrupt):
        bench.run(KeyboardInterrupt())

    assert answers == [200, 200, 200]
    assert context_api.get_current() == before
    noted = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    ours = [message for message in noted if message.startswith("telemetry failed")]
    assert "TelemetryError" in ours[0]
    # Spans and metrics each note their own.
    assert all(ours.count(message) <= 2 for message in ours)
    assert "CANARY" not in caplog.text


def test_instruments_that_fail_leave_the_spans_alone() -> None:
    """What a metric cannot take is still on the spans."""
    bench = Bench(sdk=_instruments())

    bench.run(answer(503), answer(200))

    assert [span.name for span in bench.sdk.spans] == ["GET", "GET", "verto.call GET"]


def test_a_provider_that_is_not_there_is_looked_for_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An environment that names unknown providers costs the telemetry and nothing else."""
    monkeypatch.setenv("OTEL_PYTHON_TRACER_PROVIDER", "nowhere")
    monkeypatch.setenv("OTEL_PYTHON_METER_PROVIDER", "nowhere")
    policy, clock = Policy(), FakeClock()
    circuits = Circuits(policy, chance=lambda: 0.5)
    pipeline = Pipeline(
        policy,
        clock=clock,
        chance=lambda: 0.5,
        circuits=circuits,
        observer=OtelMetrics(circuits),
        tracing=OtelTracing(policy),
    )

    answers = [pipeline.run(READ, Edge(answer(503), answer(200))) for _ in range(3)]

    assert answers == [200, 200, 200]
    noted = [r for r in caplog.records if r.getMessage().startswith("telemetry failed")]
    assert len(noted) == 3


def test_a_missing_provider_costs_later_calls_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the first failure nobody is asked again."""
    asked: list[int] = []

    def ask() -> TracerProvider:
        asked.append(1)
        raise TelemetryError

    monkeypatch.setattr("opentelemetry.trace.get_tracer_provider", ask)
    tracers = Tracers(None, Mishaps())

    found = [tracers.current() for _ in range(3)]

    assert found == [None, None, None]
    assert len(asked) == 1


def test_without_a_span_the_attempt_is_still_measured_and_passed_on() -> None:
    """A tracer that fails costs the spans and nothing else."""
    bench = Bench(sdk=_sampler())
    program = Sdk().tracers.get_tracer("program")
    edge = Edge(answer(503), answer(200))

    with program.start_as_current_span("around") as around:
        bench.pipeline.run(READ, edge)

    span_id = f"{around.get_span_context().span_id:016x}"
    assert [headers["traceparent"].split("-")[2] for headers in edge.headers] == [span_id] * 2
    assert [count for _, count in bench.sdk.points("http.client.request.duration")] == [1, 1]


@pytest.fixture
def the_global_propagator() -> Iterator[None]:
    """Put the propagator back after the test."""
    before = propagate.get_global_textmap()
    yield
    propagate.set_global_textmap(before)


@pytest.mark.usefixtures("the_global_propagator")
@pytest.mark.parametrize("propagator", [FailingPropagator(), Says(bad="a\nb")])
def test_a_broken_propagator_adds_nothing(propagator: Says) -> None:
    """The request goes out without trace headers, not with half of them."""
    propagate.set_global_textmap(propagator)
    bench = Bench()
    edge = Edge(answer(200))

    status = bench.pipeline.run(READ, edge)

    assert status == 200
    assert edge.headers == [{}]
    assert len(bench.sdk.clients) == 1


def test_a_failure_is_noted_once_and_without_its_message(caplog: pytest.LogCaptureFixture) -> None:
    """The log names the class; what the exception quotes stays out of it."""
    mishaps = Mishaps()

    for _ in range(3):
        mishaps.note("ending a span", TelemetryError("CANARY"))

    (record,) = caplog.records
    assert "ending a span" in record.getMessage()
    assert "TelemetryError" in record.getMessage()
    assert record.exc_info is None
    assert "CANARY" not in caplog.text


def test_a_debugging_program_sees_the_traceback(caplog: pytest.LogCaptureFixture) -> None:
    """At DEBUG the record shows where it was raised, and still not what it says."""
    caplog.set_level(logging.DEBUG, "verto_resilience")
    message = "told"
    with pytest.raises(TelemetryError) as raised:
        raise TelemetryError(message)

    Mishaps().note("ending a span", raised.value)

    assert f"raise TelemetryError(message)\n{__name__}.TelemetryError\n" in f"{caplog.text}\n"
    assert message not in caplog.text
