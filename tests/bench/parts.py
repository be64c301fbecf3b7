"""What the SDK takes for each thing that telemetry records, without any call around it.

``make instructions BENCH_ARGS=--parts`` counts these; a difference of two is what one thing more
takes.
"""

from collections.abc import Callable
from typing import Any

import requests
from opentelemetry import metrics, propagate, trace
from opentelemetry.context import attach, get_current
from opentelemetry.trace import set_span_in_context

from tests.bench.contender import Contender
from tests.bench.contenders import in_a_span, recorded
from tests.bench.straight import Straight

_EIGHT = {f"verto.number_{number}": str(number) for number in range(8)}
_FIVE: dict[str, str | int] = {
    "http.request.method": "GET",
    "server.address": "127.0.0.1",
    "server.port": 8080,
    "verto.call.outcome": "success",
    "verto.call.end": "answered",
}


def _ready(url: str) -> tuple[Any, Any]:
    """Give a tracer and a histogram that have recorded something each."""
    tracer = trace.get_tracer("parts")
    tracer.start_span(url).end()
    duration = metrics.get_meter("parts").create_histogram("duration", "s")
    duration.record(0.1, _FIVE)
    return tracer, duration


def nothing(url: str) -> Contender:
    """Give the loop around all the others."""
    _ready(url)
    return Contender(lambda: None)


def span(url: str) -> Contender:
    """Give a span without attributes."""
    tracer, _ = _ready(url)
    return Contender(lambda: tracer.start_span("GET").end())


def span_created_with_eight(url: str) -> Contender:
    """Give a span that has eight attributes from the start."""
    tracer, _ = _ready(url)
    return Contender(lambda: tracer.start_span("GET", attributes=_EIGHT).end())


def span_given_eight(url: str) -> Contender:
    """Give a span that is given eight attributes later."""
    tracer, _ = _ready(url)

    def call() -> None:
        begun = tracer.start_span("GET")
        begun.set_attributes(_EIGHT)
        begun.end()

    return Contender(call)


def duration(url: str) -> Contender:
    """Give a duration with five labels, within a span that is sampled."""
    tracer, histogram = _ready(url)
    attach(set_span_in_context(tracer.start_span("around")))
    return Contender(lambda: histogram.record(0.1, _FIVE))


def trace_headers(url: str) -> Contender:
    """Give the headers of a trace, made by the global propagator."""
    tracer, _ = _ready(url)
    inside = set_span_in_context(tracer.start_span("around"), get_current())
    return Contender(lambda: propagate.inject({}, inside))


def all_of_a_call(*, draws_call: bool) -> Callable[[str], Contender]:
    """Give all that is recorded of a call, with a span of its own or without."""

    def build(url: str) -> Contender:
        _ready(url)
        prepared = requests.Request("GET", url).prepare()
        adapter = _Unsent(draws_call=draws_call)
        return Contender(lambda: adapter.send(prepared))

    return build


def unsent(url: str) -> Contender:
    """Give what is around that: the way to an answer that nobody sent."""
    _ready(url)
    prepared = requests.Request("GET", url).prepare()
    adapter = _Answered()
    return Contender(lambda: adapter.send(prepared))


class _Answered(requests.adapters.HTTPAdapter):
    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._answer = requests.Response()
        self._answer._content = b"{}"  # it is read already

    def send(self, *_: Any, **__: Any) -> requests.Response:
        return self._answer


class _Unsent(Straight, _Answered):
    """Records all there is to record of an answer that nobody sent."""


_PARTS: dict[str, Callable[[str], Contender]] = {
    "nothing": nothing,
    "a span": span,
    "a span created with 8": span_created_with_eight,
    "a span given 8": span_given_eight,
    "a duration": duration,
    "trace headers": trace_headers,
    "unsent": unsent,
    "unsent, recorded": all_of_a_call(draws_call=True),
    "unsent, recorded in a span": in_a_span(all_of_a_call(draws_call=False)),
}
NAMES = tuple(_PARTS)


def part(name: str, url: str) -> Contender:
    """Install the SDK, and give one part."""
    return recorded(_PARTS[name], url)
