"""Exporters that send through a session with the adapter on it, or through urllib3."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

import pytest
import requests
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import (
    MetricExporter,
    MetricExportResult,
    MetricsData,
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.export import (
    BatchSpanProcessor,
    SimpleSpanProcessor,
    SpanExporter,
    SpanExportResult,
)

import verto_resilience
from tests.end_to_end.sessions import quick
from tests.telemetry.makers import Sdk
from verto_resilience.mounting import install, uninstall
from verto_resilience.testing import Sandbox

pytestmark = pytest.mark.end_to_end


class Posting(SpanExporter):
    """Posts the names of spans through a session, as exporters over requests do."""

    def __init__(self, session: requests.Session, url: str) -> None:
        """Take the session as it is."""
        self._session = session
        self._url = url

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Post them."""
        names = ",".join(span.name for span in spans)
        self._session.post(self._url, data=names, timeout=5)
        return SpanExportResult.SUCCESS


class PostingMetrics(MetricExporter):
    """Posts the names of metrics through a session."""

    def __init__(self, session: requests.Session, url: str) -> None:
        """Take the session as it is."""
        super().__init__()
        self._session = session
        self._url = url
        self.seen: list[MetricsData] = []

    def export(
        self, metrics_data: MetricsData, timeout_millis: float = 0, **kwargs: object
    ) -> MetricExportResult:
        """Post that there are some."""
        self.seen.append(metrics_data)
        self._session.post(self._url, data="metrics", timeout=5)
        return MetricExportResult.SUCCESS

    def force_flush(self, timeout_millis: float = 0) -> bool:
        """Have nothing waiting."""
        return True

    def shutdown(self, timeout_millis: float = 0, **kwargs: object) -> None:
        """Have nothing open."""


@contextmanager
def mounted_session() -> Iterator[requests.Session]:
    """Give a session with the adapter mounted."""
    with requests.Session() as session:
        session.trust_env = False
        yield verto_resilience.mount(session, policy=quick())


@contextmanager
def installed_session() -> Iterator[requests.Session]:
    """Give a session like any other, while the adapter is on every one."""
    install(policy=quick())
    try:
        with requests.Session() as session:
            session.trust_env = False
            yield session
    finally:
        uninstall()


@pytest.fixture
def collector() -> Iterator[Sandbox]:
    """Give a server that takes whatever is exported."""
    with Sandbox() as sandbox:
        sandbox.script(None, [200], repeat=True)
        yield sandbox


def one_by_one(exporter: SpanExporter) -> SpanProcessor:
    """Export in the thread of the call."""
    return SimpleSpanProcessor(exporter)


def in_batches(exporter: SpanExporter) -> SpanProcessor:
    """Export in a thread of its own."""
    return BatchSpanProcessor(exporter, schedule_delay_millis=10)


@pytest.mark.usefixtures("setup")
@pytest.mark.parametrize("processing", [one_by_one, in_batches])
@pytest.mark.parametrize("session_of", [mounted_session, installed_session])
def test_an_exporter_does_not_feed_itself(
    sdk: Sdk,
    verto: Sandbox,
    collector: Sandbox,
    session_of: Callable[[], AbstractContextManager[requests.Session]],
    processing: Callable[[SpanExporter], SpanProcessor],
) -> None:
    """What an exporter posts is drawn, measured and given trace headers by nobody."""
    with session_of() as session:
        processor = processing(Posting(session, collector.url))
        sdk.tracers.add_span_processor(processor)
        session.get(f"{verto.url}/status/503")
        processor.force_flush()
        processor.shutdown()

    exported = ",".join(arrival.body.decode() for arrival in collector.log).split(",")
    assert sorted(exported) == sorted(span.name for span in sdk.spans)
    assert not any("traceparent" in arrival.headers for arrival in collector.log)
    labels = [labels for labels, _ in sdk.points("verto.call.duration")]
    assert {label["server.port"] for label in labels} == {verto.port}
    assert len(exported) == 4


def test_a_metric_exporter_does_not_feed_itself(
    verto: Sandbox, collector: Sandbox, plain: requests.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader that exports through a mounted session never sees its own posts."""
    exporter = PostingMetrics(plain, collector.url)
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=60_000)
    meters = MeterProvider([reader], shutdown_on_exit=False)
    monkeypatch.setattr("opentelemetry.metrics._internal._METER_PROVIDER", meters)
    verto_resilience.mount(plain, policy=quick())

    plain.get(f"{verto.url}/status/200")
    for _ in range(3):
        reader.force_flush()
    meters.shutdown()

    told = exporter.seen[-1].to_json()
    assert collector.arrived == 4
    assert f'"server.port": {verto.port}' in told
    assert f'"server.port": {collector.port}, "verto.call' not in told
    assert '"count": 2' not in told


@pytest.mark.usefixtures("setup")
def test_the_otlp_exporter_does_not_feed_itself(
    sdk: Sdk, verto: Sandbox, collector: Sandbox
) -> None:
    """The stock exporter posts each batch once, with the adapter on every session."""
    with installed_session() as session:
        exporter = OTLPSpanExporter(endpoint=f"{collector.url}/v1/traces")
        processor = SimpleSpanProcessor(exporter)
        sdk.tracers.add_span_processor(processor)
        session.get(f"{verto.url}/status/200")
        processor.shutdown()

    assert collector.arrived == len(sdk.spans) == 2
    assert not any("traceparent" in arrival.headers for arrival in collector.log)
