"""Whatever fails in the telemetry of a program, its requests are as they would be without."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry import propagate
from opentelemetry.propagators.textmap import TextMapPropagator
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import Sampler

from tests.end_to_end.telemetry.setups import OURS, Setup, drawn_by, instrumented
from tests.end_to_end.telemetry.traffic import CAME, CANARY, Traffic
from tests.telemetry import check as rules
from tests.telemetry.makers import Sdk
from verto_resilience import Event

pytestmark = pytest.mark.end_to_end


class BrokenError(Exception):
    """What everything in here raises."""


def fail(*args: Any, **kwargs: Any) -> Any:
    """Fail, and tell a secret."""
    raise BrokenError(f"{CANARY} in telemetry")


class BrokenAtStart(SpanProcessor):
    """Fails when a span starts."""

    on_start = fail


class BrokenAtEnd(SpanProcessor):
    """Fails when a span ends."""

    on_end = fail


class BrokenExporter(SpanExporter):
    """Fails when it exports."""

    export = fail


class BrokenSampler(Sampler):
    """Fails when it is asked."""

    should_sample = fail
    get_description = fail


class BrokenPropagator(TextMapPropagator):
    """Fails at each of its duties."""

    inject = fail
    extract = fail
    fields = property(fail)


class Forging(TextMapPropagator):
    """Makes a header that would split the request in two."""

    fields = {"x-trace"}  # noqa: RUF012 - as the interface has it

    def extract(self, *args: Any, **kwargs: Any) -> Any:
        """Extract nothing."""
        raise NotImplementedError

    def inject(self, carrier: Any, *args: Any, **kwargs: Any) -> None:
        """Inject something unfit."""
        carrier["x-trace"] = "1\r\nX-Forged: yes"


class BrokenObserver:
    """Fails at each event."""

    def on_event(self, event: Event) -> None:
        """Fail, and tell what was asked for."""
        fail()


def break_start(sdk: Sdk, patch: pytest.MonkeyPatch) -> None:
    """Have a processor fail at the start of each span."""
    sdk.tracers.add_span_processor(BrokenAtStart())


def break_end(sdk: Sdk, patch: pytest.MonkeyPatch) -> None:
    """Have a processor fail at the end of each span."""
    sdk.tracers.add_span_processor(BrokenAtEnd())


def break_export(sdk: Sdk, patch: pytest.MonkeyPatch) -> None:
    """Have an exporter fail."""
    sdk.tracers.add_span_processor(SimpleSpanProcessor(BrokenExporter()))


def break_sampling(sdk: Sdk, patch: pytest.MonkeyPatch) -> None:
    """Have the sampler fail."""
    patch.setattr(sdk.tracers, "sampler", BrokenSampler())


def break_tracer(sdk: Sdk, patch: pytest.MonkeyPatch) -> None:
    """Have a provider that gives no tracer."""
    patch.setattr(TracerProvider, "get_tracer", fail)


def break_meter(sdk: Sdk, patch: pytest.MonkeyPatch) -> None:
    """Have a provider that gives no meter."""
    patch.setattr(sdk.meters, "get_meter", fail)


def break_propagation(sdk: Sdk, patch: pytest.MonkeyPatch) -> None:
    """Have a propagator that fails."""
    patch.setattr(propagate, "_HTTP_TEXT_FORMAT", BrokenPropagator())


def forge(sdk: Sdk, patch: pytest.MonkeyPatch) -> None:
    """Have a propagator that makes what cannot be sent."""
    patch.setattr(propagate, "_HTTP_TEXT_FORMAT", Forging())


BREAKS = [
    *(break_start, break_end, break_export, break_sampling, break_tracer, break_meter),
    *(break_propagation, forge),
]


@pytest.mark.parametrize("breaks", BREAKS)
@pytest.mark.parametrize("allowed", [None, ("localhost",)], ids=["everyone", "allow_list"])
def test_requests_are_as_without_telemetry(
    sdk: Sdk,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    breaks: Callable[[Sdk, pytest.MonkeyPatch], None],
    allowed: tuple[str, ...] | None,
) -> None:
    """Every answer, resend and error is the same, and what the failure says is told nowhere."""
    caplog.set_level(logging.DEBUG, "verto_resilience")
    breaks(sdk, monkeypatch)

    with Traffic(propagate_to=allowed, observer=BrokenObserver()) as traffic:
        traffic.answers()
        traffic.hops()
        traffic.refused()
        arrived = [(arrival.method, arrival.path) for arrival in traffic.log]

    assert traffic.came == [*CAME[:13], *CAME[-3:]]
    assert len(arrived) == 15 + 12 + 5
    assert not any("X-Forged" in arrival.headers for arrival in traffic.log)
    ours = [record for record in caplog.records if record.name == "verto_resilience"]
    shown = [logging.Formatter().format(record) for record in ours]
    assert [text for text in shown if CANARY in text] == []
    assert len([text for text in shown if "observer BrokenObserver failed" in text]) == 1
    # What an exporter raises is the SDK's to catch.
    noted = any(text.startswith("telemetry failed while") for text in shown)
    assert noted is (breaks is not break_export)


@pytest.mark.parametrize("beside", list(Setup))
def test_metrics_go_on_where_spans_fail(sdk: Sdk, beside: Setup) -> None:
    """A processor that fails at the end of our spans costs neither metrics nor other spans."""

    class Picky(SpanProcessor):
        def on_end(self, span: ReadableSpan) -> None:
            if span.instrumentation_scope and span.instrumentation_scope.name == OURS:
                fail()

    sdk.tracers.add_span_processor(Picky())

    with instrumented(beside, sdk), Traffic() as traffic:
        traffic.answers()
        calls = len(traffic.came)

    assert sum(count for _, count in sdk.points("verto.call.duration")) == calls
    assert len(drawn_by(sdk, OURS)) >= calls
    assert rules.check(rules.Traffic(sdk.spans, sdk.data(), (), [CANARY])) == []
