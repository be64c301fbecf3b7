"""The stock instrumentations that a program may have, alone and together, beside ours."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from typing import Any

from opentelemetry.instrumentation.requests import RequestsInstrumentor
from opentelemetry.instrumentation.urllib3 import URLLib3Instrumentor
from opentelemetry.sdk.trace import ReadableSpan

from tests.telemetry.makers import Sdk

OURS = "verto_resilience"
REQUESTS = "opentelemetry.instrumentation.requests"
URLLIB3 = "opentelemetry.instrumentation.urllib3"


class Setup(StrEnum):
    """Who is there beside us."""

    NONE = "none"
    REQUESTS = "requests"
    URLLIB3 = "urllib3"
    BOTH = "both"

    @property
    def draws_above(self) -> bool:
        """Whether somebody above the adapter draws the request."""
        return self in (Setup.REQUESTS, Setup.BOTH)


@contextmanager
def instrumented(setup: Setup, sdk: Sdk, **hooks: Any) -> Iterator[None]:
    """Have the instrumentations of a set-up in force, recording where we do."""
    chosen: list[Any] = []
    if setup in (Setup.REQUESTS, Setup.BOTH):
        chosen.append(RequestsInstrumentor())
    if setup in (Setup.URLLIB3, Setup.BOTH):
        chosen.append(URLLib3Instrumentor())
    providers = {"tracer_provider": sdk.tracers, "meter_provider": sdk.meters}
    with ExitStack() as stack:
        for instrumentor in chosen:
            instrumentor.instrument(skip_dep_check=True, **providers, **hooks)
            stack.callback(instrumentor.uninstrument)
        yield


def scope(span: ReadableSpan) -> str:
    """Name who drew a span."""
    assert span.instrumentation_scope is not None
    return span.instrumentation_scope.name


def drawn_by(sdk: Sdk, name: str) -> list[ReadableSpan]:
    """Give the spans that one of them drew, oldest first."""
    found = [span for span in sdk.spans if scope(span) == name]
    return sorted(found, key=lambda span: span.start_time or 0)


def id_of(span: ReadableSpan) -> str:
    """Give the id of a span as a trace header has it."""
    assert span.context is not None
    return f"{span.context.span_id:016x}"


def parent_of(span: ReadableSpan) -> str | None:
    """Give the id of a span's parent, or ``None``."""
    return None if span.parent is None else f"{span.parent.span_id:016x}"


def shown(span: ReadableSpan, name: str) -> Any:
    """Give an attribute of a span, or ``None``."""
    return (span.attributes or {}).get(name)


def metrics_of(sdk: Sdk) -> set[tuple[str, str]]:
    """Give who recorded which metric."""
    data = sdk.data()
    return {
        (scoped.scope.name, metric.name)
        for resource in ([] if data is None else data.resource_metrics)
        for scoped in resource.scope_metrics
        for metric in scoped.metrics
    }
