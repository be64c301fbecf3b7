"""Calls with a scripted edge, recorded by a real SDK in memory; nothing is sent, nobody waits."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import opentelemetry.metrics._internal as metrics_internal
import pytest
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import (
    HistogramDataPoint,
    InMemoryMetricReader,
    MetricsData,
    NumberDataPoint,
)
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from tests.telemetry.check import Traffic
from verto_resilience.errors import CircuitOpenError, PausedError
from verto_resilience.outcome import (
    ApiError,
    Catalogue,
    Failure,
    Operation,
    OperationKind,
    Outcome,
    Repeatable,
    classify_failure,
    classify_response,
)
from verto_resilience.pipeline import (
    AttemptScope,
    CallReport,
    CallRequest,
    Circuits,
    End,
    Observers,
    Pipeline,
    Policy,
    Received,
    Rejection,
    Result,
)
from verto_resilience.telemetry import LogObserver, OtelMetrics, OtelTracing
from verto_resilience.testing import FakeClock

ORIGIN = "https://api.example.com:443"
READ = CallRequest("GET", "https://api.example.com/rates", ORIGIN, repeatable=True)
TRADE = Operation(
    "POST", "/fx/{id}", kind=OperationKind.MOVES_MONEY, repeatable=Repeatable.NEVER, reason="trades"
)
WRITE = CallRequest(
    "POST", "https://api.example.com/fx/1", ORIGIN, operation=TRADE, correlation_id="corr-1"
)
DETAILS = Received("1.1", ("127.0.0.1", 8443), "call-7", "corr-7")


class HostError(Exception):
    """What the host library of the scripted edge raises."""


Step = Outcome | BaseException


def answer(status: int, *, retry_after: float | None = None, code: int | None = None) -> Outcome:
    """Classify a response."""
    error = None if code is None else ApiError(code, "the body said this", None)
    return classify_response(
        Catalogue.documented(), status, retry_after=retry_after, api_error=error
    )


def failed(failure: Failure = Failure.READ_TIMEOUT) -> Outcome:
    """Classify a send that brought no response."""
    return classify_failure(failure)


class Edge:
    """Sends nothing: each send brings the next step of the script.

    Attributes:
        headers: What each attempt was given to carry.
        during: Called in the middle of each send.
    """

    def __init__(
        self,
        *steps: Step,
        details: Received | None = DETAILS,
        during: Callable[[], None] | None = None,
    ) -> None:
        """Take the script."""
        self._steps = list(steps)
        self._details = details
        self._during = during
        self.headers: list[dict[str, str]] = []
        self.asked_for_details: list[bool] = []

    def send(self, scope: AttemptScope, left: float) -> Result[int]:
        """Bring the next step."""
        carried: dict[str, str] = {}
        scope.inject(carried)
        self.headers.append(carried)
        self.asked_for_details.append(scope.wants_details)
        if self._during is not None:
            self._during()
        step = self._steps.pop(0)
        if isinstance(step, BaseException):
            raise step
        if step.failure is not None:
            return Result(step, error=HostError("CANARY in a message"))
        if scope.wants_details and self._details is not None:
            scope.received(self._details)
        return Result(step, step.status)

    def prepare_resend(self, result: Result[int]) -> bool:
        """Be ready: there is no body."""
        return True

    def refresh(self, left: float) -> bool:
        """Have no new credentials."""
        return False

    def refused(self, rejection: Rejection, report: CallReport) -> Exception:
        """Make an error of it."""
        if rejection.end is End.PAUSED:
            return PausedError("paused", key=rejection.key, retry_after=rejection.retry_after)
        refusal = rejection.refusal
        return CircuitOpenError(
            "open",
            key=rejection.key,
            retry_after=rejection.retry_after,
            reason=None if refusal is None else refusal.reason,
            last_failure=None if refusal is None else refusal.last_failure,
        )

    def finished(
        self, result: Result[int], report: CallReport, fail_late: Callable[[Failure], None]
    ) -> int:
        """Return the status or raise the error."""
        if result.error is not None:
            raise result.error
        assert result.response is not None
        return result.response


class Sdk:
    """A real SDK that keeps what it is given in memory."""

    def __init__(self, **provider: Any) -> None:
        """Start with nothing recorded."""
        self.exporter = InMemorySpanExporter()
        self.tracers = TracerProvider(shutdown_on_exit=False, **provider)
        self.tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.reader = InMemoryMetricReader()
        self.meters = MeterProvider([self.reader], shutdown_on_exit=False)

    @property
    def spans(self) -> list[ReadableSpan]:
        """Every span that ended, in the order of their ends."""
        return list(self.exporter.get_finished_spans())

    def of(self, kind: SpanKind) -> list[ReadableSpan]:
        """Give the spans of one kind."""
        return [span for span in self.spans if span.kind is kind]

    @property
    def clients(self) -> list[ReadableSpan]:
        """The CLIENT spans."""
        return self.of(SpanKind.CLIENT)

    @property
    def inner(self) -> list[ReadableSpan]:
        """The INTERNAL spans."""
        return self.of(SpanKind.INTERNAL)

    def data(self) -> MetricsData | None:
        """Collect the metrics."""
        return self.reader.get_metrics_data()

    def points(self, name: str) -> list[tuple[dict[str, Any], float]]:
        """Give labels and value of each series: the count of a histogram, else the value."""
        found: list[tuple[dict[str, Any], float]] = []
        data = self.data()
        for resource in [] if data is None else data.resource_metrics:
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    if metric.name == name:
                        found += [_point(point) for point in metric.data.data_points]
        return found

    def sums(self, name: str) -> list[float]:
        """Give the sum of each series of a histogram."""
        data = self.data()
        assert data is not None
        return [
            point.sum
            for resource in data.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
            for point in metric.data.data_points
            if isinstance(point, HistogramDataPoint)
        ]


def global_sdk(monkeypatch: pytest.MonkeyPatch) -> Sdk:
    """Make an SDK that is the global one for the time of a test."""
    sdk = Sdk()
    # The API lets it be set only once in a process.
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", sdk.tracers)
    monkeypatch.setattr(metrics_internal, "_METER_PROVIDER", sdk.meters)
    return sdk


def _point(point: Any) -> tuple[dict[str, Any], float]:
    labels = dict(point.attributes or {})
    if isinstance(point, HistogramDataPoint):
        return labels, point.count
    assert isinstance(point, NumberDataPoint)
    return labels, point.value


_CHOICES = {"beside", "propagate_to", "allowed_query"}


@dataclass
class Bench:
    """A pipeline that telemetry listens to."""

    sdk: Sdk = field(default_factory=Sdk)
    policy: Policy = field(default_factory=Policy)
    clock: FakeClock = field(default_factory=FakeClock)
    tracing: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Put it together as an adapter does."""
        chosen = {name: self.tracing.pop(name) for name in _CHOICES & set(self.tracing)}
        self.policy = replace(self.policy, **chosen)
        self.circuits = Circuits(self.policy, chance=_half)
        tracing = OtelTracing(
            self.policy,
            tracer_provider=self.sdk.tracers,
            meter_provider=self.sdk.meters,
            **self.tracing,
        )
        metrics = OtelMetrics(
            self.circuits,
            now=self.clock.monotonic,
            meter_provider=self.sdk.meters,
        )
        self.pipeline = Pipeline(
            self.policy,
            clock=self.clock,
            chance=_half,
            circuits=self.circuits,
            observer=Observers(LogObserver(), metrics),
            tracing=tracing,
        )

    def run(self, *steps: Step, request: CallRequest = READ) -> int:
        """Carry a call through."""
        return self.pipeline.run(request, Edge(*steps))

    def traffic(self, canaries: Sequence[str] = ()) -> Traffic:
        """Give what was left behind."""
        return Traffic(self.sdk.spans, self.sdk.data(), canaries=canaries)


def _half() -> float:
    return 0.5
