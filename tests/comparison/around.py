"""Probes of what is around a call: spans, threads, memory."""

import gc
import tracemalloc

from tests.comparison.contenders import Client, Contender, Tuning
from tests.comparison.finding import (
    WELL,
    Finding,
    Probe,
    at_once,
    came_of,
    counted,
    judged,
    not_applicable,
)
from verto_resilience.testing import Reply, Sandbox

_THREADS, _EACH, _SLOW = 8, 4, 0.1
_KNOWN, _MORE = 5000, 2000
_SMALL = 200
_CLOSED_PORT = 9


def spans(contender: Contender) -> Finding:
    """Fail once, and count the spans; all but ours have the stock instrumentation of requests."""
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    if contender.title != "verto_resilience":
        from opentelemetry.instrumentation.requests import RequestsInstrumentor

        RequestsInstrumentor().instrument()
    client = contender.build(Tuning())
    with Sandbox() as verto:
        verto.script(WELL, [503])
        came_of(client, "GET", verto.url + WELL)
        sends = len(verto.log)
    if sends == 1:
        return not_applicable("not resent")
    found = [span for span in exporter.get_finished_spans() if span.kind is trace.SpanKind.CLIENT]
    counts = [(span.attributes or {}).get("http.request.resend_count") for span in found]
    traces = {span.context.trace_id for span in found if span.context is not None}
    shown = ", ".join("none" if count is None else str(count) for count in counts)
    told = (
        f"{counted(len(found), 'span')} in {counted(len(traces), 'trace')} for "
        f"{counted(sends, 'request')}; resend counts: {shown}"
    )
    return judged(told, kept=len(found) == sends and len(traces) == 1 and 1 in counts)


def threads(contender: Contender) -> Finding:
    """Call a server that takes a tenth of a second from eight threads."""
    client = contender.build(Tuning())
    with Sandbox() as verto:
        verto.script(WELL, [Reply.ok(delay=_SLOW)] * (_THREADS * _EACH))

        def work() -> None:
            for _ in range(_EACH):
                came_of(client, "GET", verto.url + WELL)

        took = at_once(_THREADS, work)
    faster = _THREADS * _EACH * _SLOW / took
    return judged(f"{faster:.1f} times as fast as one after the other", kept=faster > _THREADS / 2)


def memory(contender: Contender) -> Finding:
    """Call many hosts at which nobody listens, and see what is kept of each."""
    client = contender.build(Tuning(attempts=1))
    # From the start, so that what leaves to make room is seen to leave.
    tracemalloc.start()
    _call_hosts(client, 0, _KNOWN)
    before = _held()
    _call_hosts(client, _KNOWN, _MORE)
    after = _held()
    each = max(0, after - before) / _MORE
    return judged(f"{each:.0f} bytes for each further host", kept=each < _SMALL)


def _held() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def _call_hosts(client: Client, first: int, count: int) -> None:
    for number in range(first, first + count):
        host = f"127.{1 + number // 65_000}.{number // 250 % 250}.{1 + number % 250}"
        came_of(client, "GET", f"http://{host}:{_CLOSED_PORT}/")


PROBES = {
    "spans": Probe(
        "One span for each attempt, under its call",
        "A 503, then a 200. Yes: a CLIENT span for each request, all in one trace, the second "
        "with `http.request.resend_count`. The others are watched by opentelemetry's "
        "instrumentation of requests.",
        spans,
    ),
    "threads": Probe(
        "Threads send side by side",
        "Eight threads make four calls each to a server that takes 0.1 s. Yes: more than four "
        "times as fast as one after the other.",
        threads,
    ),
    "memory": Probe(
        "Memory is bounded, whatever hosts come by",
        "5,000 hosts are called, then 2,000 others, nobody listening at any. Yes: less than 200 "
        "bytes stay of each of the 2,000.",
        memory,
    ),
}
