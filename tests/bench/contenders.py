"""What is compared: each contender is one way to make the same GET.

A contender is built in a process of its own, as global providers and instrumentors would reach the
others. What is not installed raises ``ImportError`` when it is built.
"""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from tests.bench.contender import Contender
from tests.bench.edges import EDGES
from tests.bench.spared import SPARED

THREADS = 64


def plain(url: str) -> Contender:
    """Give requests as it comes."""
    session = requests.Session()
    return Contender(lambda: session.get(url))


def passing(url: str) -> Contender:
    """Give an adapter of the user's own that does nothing: the floor of anything mounted."""
    session = requests.Session()
    session.mount("http://", _Passing())
    return Contender(lambda: session.get(url))


def adapter(url: str) -> Contender:
    """Give our adapter, mounted."""
    from verto_resilience import VertoAdapter

    session = requests.Session()
    session.mount("http://", VertoAdapter())
    return Contender(lambda: session.get(url))


def mounted(url: str) -> Contender:
    """Give a session whose adapters we wrapped."""
    import verto_resilience

    session = verto_resilience.mount(requests.Session())
    return Contender(lambda: session.get(url))


def verto(url: str) -> Contender:
    """Give ours where the server counts as Verto's: operations and correlation ids as well."""
    import verto_resilience

    policy = verto_resilience.Policy(verto_hosts=("127.0.0.1",))
    session = verto_resilience.mount(requests.Session(), policy=policy)
    return Contender(lambda: session.get(url))


def where_proxies_are_named(build: Callable[[str], Contender]) -> Callable[[str], Contender]:
    """Have the environment name hosts that go without a proxy, as many containers do."""

    def built(url: str) -> Contender:
        os.environ["no_proxy"] = "localhost"
        return build(url)

    return built


def instrumentor(url: str) -> Contender:
    """Give ``RequestsInstrumentor``."""
    from opentelemetry.instrumentation.requests import RequestsInstrumentor

    RequestsInstrumentor().instrument()
    return plain(url)


def by_hand(url: str) -> Contender:
    """Give what people build today: Retry, pybreaker around the call, RequestsInstrumentor."""
    import pybreaker
    from opentelemetry.instrumentation.requests import RequestsInstrumentor

    RequestsInstrumentor().instrument()
    retry = Retry(total=3, backoff_factor=0.5, status_forcelist=[429, 500, 502, 503, 504])
    session = requests.Session()
    session.mount("http://", HTTPAdapter(max_retries=retry))
    breaker = pybreaker.CircuitBreaker(fail_max=5, reset_timeout=30)
    return Contender(lambda: breaker.call(session.get, url))


def recorded(build: Callable[[str], Contender], url: str) -> Contender:
    """Install the SDK first: spans in batches to an exporter that drops them, and metrics."""
    from opentelemetry import metrics, trace
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader
    from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
    from opentelemetry.sdk.trace.export import (
        BatchSpanProcessor,
        SpanExporter,
        SpanExportResult,
    )

    exported = 0

    class Dropping(SpanExporter):
        def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
            nonlocal exported
            exported += len(spans)
            return SpanExportResult.SUCCESS

    tracers = TracerProvider(shutdown_on_exit=False)
    tracers.add_span_processor(BatchSpanProcessor(Dropping()))
    trace.set_tracer_provider(tracers)
    reader = InMemoryMetricReader()
    metrics.set_meter_provider(MeterProvider([reader], shutdown_on_exit=False))
    built = build(url)
    built.call()
    tracers.force_flush()
    if not exported or reader.get_metrics_data() is None:
        message = "nothing was recorded"
        raise RuntimeError(message)
    return replace(built, flush=tracers.force_flush)


def in_a_span(build: Callable[[str], Contender]) -> Callable[[str], Contender]:
    """Have a span current, as a service has that calls Verto to answer somebody."""

    def built(url: str) -> Contender:
        from opentelemetry.context import attach
        from opentelemetry.trace import get_tracer, set_span_in_context

        attach(set_span_in_context(get_tracer("around").start_span("around")))
        return build(url)

    return built


def straight(url: str) -> Contender:
    """Give an adapter that records by the API's calls alone what ours does: what cannot be less."""
    from tests.bench.straight import Straight

    session = requests.Session()
    session.mount("http://", Straight())
    return Contender(lambda: session.get(url))


def raising(url: str) -> Contender:
    """Give an adapter that refuses at once: what requests itself costs around a refusal."""
    session = requests.Session()
    session.mount("http://", _Raising())
    return Contender(_refused(session, url))


def refusing(wrapped: bool) -> Callable[[str], Contender]:
    """Give ours with an open circuit: an adapter, or a session whose adapters we wrapped."""

    def build(url: str) -> Contender:
        from verto_resilience import CircuitOpenError, Policy, VertoAdapter, mount

        policy = Policy(break_duration=3600, max_break_duration=3600)
        session = requests.Session()
        if wrapped:
            mount(session, policy=policy)
        else:
            session.mount("http://", VertoAdapter(policy=policy))
        session.get(url)
        now = time.monotonic()
        adapter: Any = session.get_adapter(url)
        breaker = adapter.circuits.known()[0].breaker
        for _ in range(5):
            permit: Any = breaker.try_acquire(now)
            breaker.record(permit, bad=True, now=now)
        call = _refused(session, url)
        if not isinstance(call(), CircuitOpenError):
            message = "the circuit is not open"
            raise TypeError(message)
        return Contender(call)

    return build


def among(origins: int) -> Callable[[str], Contender]:
    """Give ours where it knows so many origins."""

    def build(url: str) -> Contender:
        from verto_resilience import Policy, VertoAdapter

        adapter = VertoAdapter(policy=Policy(max_origins=20_000))
        now = time.monotonic()
        for number in range(origins - 1):
            adapter.circuits.at(f"https://host-{number}.example:443", now)
        session = requests.Session()
        session.mount("http://", adapter)
        session.get(url)
        if len(adapter.circuits) != origins:
            message = f"{len(adapter.circuits)} origins instead of {origins}"
            raise RuntimeError(message)
        return Contender(lambda: session.get(url))

    return build


def session_of_threads(ours: str) -> Callable[[str], Contender]:
    """Give one session with one adapter and a pool for as many threads as use it."""

    def build(url: str) -> Contender:
        from verto_resilience import VertoAdapter, mount

        inner = HTTPAdapter(pool_maxsize=THREADS)
        session = requests.Session()
        session.mount("http://", VertoAdapter(inner=inner) if ours == "adapter" else inner)
        if ours == "mounted":
            mount(session)
        return Contender(lambda: session.get(url))

    return build


def _with_sdk(build: Callable[[str], Contender]) -> Callable[[str], Contender]:
    return lambda url: recorded(build, url)


CONTENDERS: dict[str, Callable[[str], Contender]] = {
    "plain": plain,
    "plain again": plain,
    "passing": passing,
    "plain, no_proxy": where_proxies_are_named(plain),
    "adapter, no_proxy": where_proxies_are_named(adapter),
    "mounted, no_proxy": where_proxies_are_named(mounted),
    "adapter": adapter,
    "mounted": mounted,
    "verto": verto,
    "instrumentor, no sdk": instrumentor,
    "adapter, sdk": _with_sdk(adapter),
    "mounted, sdk": _with_sdk(mounted),
    "verto, sdk": _with_sdk(verto),
    "instrumentor, sdk": _with_sdk(instrumentor),
    "by hand, sdk": _with_sdk(by_hand),
    "straight, sdk": _with_sdk(straight),
    "mounted, sdk, in a span": _with_sdk(in_a_span(mounted)),
    "instrumentor, sdk, in a span": _with_sdk(in_a_span(instrumentor)),
    "raising": raising,
    "refusing": refusing(wrapped=False),
    "refusing, mounted": refusing(wrapped=True),
    "among 1": among(1),
    "among 100": among(100),
    "among 10000": among(10_000),
    **{f"threads {ours}": session_of_threads(ours) for ours in ("plain", "adapter", "mounted")},
    **EDGES,
    **SPARED,
    **{f"{name}, sdk": _with_sdk(build) for name, build in EDGES.items() if "Verto" in name},
}


class _Passing(HTTPAdapter):
    def send(self, *args: Any, **kwargs: Any) -> requests.Response:
        return super().send(*args, **kwargs)


class _Raising(HTTPAdapter):
    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        message = "refused"
        raise requests.exceptions.ConnectionError(message, request=request)


def _refused(session: requests.Session, url: str) -> Callable[[], object]:
    def call() -> object:
        try:
            return session.get(url)
        except requests.exceptions.ConnectionError as error:
            return error

    return call
