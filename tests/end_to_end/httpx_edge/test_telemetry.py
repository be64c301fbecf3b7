import anyio
import httpx
import pytest
from opentelemetry import trace
from opentelemetry.instrumentation.utils import (
    is_http_instrumentation_enabled,
    suppress_http_instrumentation,
)
from opentelemetry.trace import SpanKind, StatusCode

from tests.end_to_end.httpx_edge.conftest import Clients, Run, TaskClients
from tests.end_to_end.telemetry.setups import OURS, drawn_by, id_of, parent_of, shown
from tests.end_to_end.wire import STALLED, Wirer, answer
from tests.telemetry.makers import Sdk

pytestmark = pytest.mark.end_to_end

STOCK = "stock"


class Instrumented(httpx.HTTPTransport):
    """Draws each request, as the stock instrumentation of httpx makes ``HTTPTransport`` do."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Draw it, unless somebody else does."""
        if not is_http_instrumentation_enabled():
            return super().handle_request(request)
        with trace.get_tracer(STOCK).start_as_current_span("GET", kind=SpanKind.CLIENT):
            return super().handle_request(request)


class AsyncInstrumented(httpx.AsyncHTTPTransport):
    """The same for tasks."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Draw it, unless somebody else does."""
        if not is_http_instrumentation_enabled():
            return await super().handle_async_request(request)
        with trace.get_tracer(STOCK).start_as_current_span("GET", kind=SpanKind.CLIENT):
            return await super().handle_async_request(request)


def test_the_stock_instrumentation_below_draws_nothing_twice(
    sdk: Sdk, client: Clients, wired: Wirer
) -> None:
    """It is told by the key that all instrumentations share."""
    wire = wired(answer(status=503), answer())

    client(inner=Instrumented()).get(wire.url)

    assert len(drawn_by(sdk, OURS)) == 3
    assert drawn_by(sdk, STOCK) == []


def test_nor_does_it_in_tasks(sdk: Sdk, task_client: TaskClients, wired: Wirer, run: Run) -> None:
    """The key holds in the task of the call, and in no other."""
    wire = wired(answer(status=503), answer())

    async def main() -> None:
        async with task_client(inner=AsyncInstrumented()) as sender:
            await sender.get(wire.url)
            assert is_http_instrumentation_enabled()

    run(main)

    assert len(drawn_by(sdk, OURS)) == 3
    assert drawn_by(sdk, STOCK) == []


def test_below_an_instrumentation_that_draws_attempts_are_inner_spans(
    sdk: Sdk, client: Clients, wired: Wirer
) -> None:
    """Where the key says that the request is drawn already, there is no second CLIENT span."""
    wire = wired(answer(status=503), answer())
    sender = client()

    with suppress_http_instrumentation():
        sender.get(wire.url)

    assert {span.kind for span in drawn_by(sdk, OURS)} == {SpanKind.INTERNAL}


def test_a_cancelled_call_is_drawn_as_cancelled(
    sdk: Sdk, task_client: TaskClients, wired: Wirer, run: Run
) -> None:
    """As an interrupt from the keyboard is: by its outcome, and with no error on either span."""
    wire = wired(STALLED)

    async def main() -> None:
        async with task_client() as sender:
            with anyio.move_on_after(0.3):
                await sender.get(wire.url)

    run(main)

    call, attempt = drawn_by(sdk, OURS)
    assert (call.kind, attempt.kind) == (SpanKind.INTERNAL, SpanKind.CLIENT)
    assert shown(call, "verto.call.outcome") == "cancelled"
    assert [shown(span, "error.type") for span in (call, attempt)] == [None, None]
    assert call.status.status_code is not StatusCode.ERROR


def test_calls_of_tasks_do_not_mix(
    sdk: Sdk, task_client: TaskClients, wired: Wirer, run: Run
) -> None:
    """Each attempt stands below the call of its own task, however the tasks take turns."""
    wire = wired(*[answer(status=503)] * 5)

    async def main() -> None:
        async with (
            task_client(consecutive_failures=None) as sender,
            anyio.create_task_group() as tasks,
        ):
            for number in range(5):
                tasks.start_soon(sender.get, f"{wire.url}/{number}")

    run(main)

    spans = drawn_by(sdk, OURS)
    calls = [span for span in spans if span.kind is SpanKind.INTERNAL]
    attempts = [span for span in spans if span.kind is SpanKind.CLIENT]
    assert len(calls) == 5
    assert len(attempts) > 5
    for call in calls:
        below = [span for span in attempts if parent_of(span) == id_of(call)]
        counts = [shown(span, "http.request.resend_count") for span in below]
        # Which of them meet the five 503s is up to how they take turns.
        assert counts == [None, 1, 2][: len(counts)]
        assert len({shown(span, "url.full") for span in below}) == 1


def test_an_attempt_tells_who_answered(sdk: Sdk, client: Clients, wired: Wirer) -> None:
    """Protocol and peer are those of the connection."""
    wire = wired()

    client().get(wire.url)

    (attempt,) = [span for span in drawn_by(sdk, OURS) if span.kind is SpanKind.CLIENT]
    assert shown(attempt, "network.peer.port") == wire.port
    assert shown(attempt, "network.protocol.version") == "1.1"


def test_a_host_that_may_not_be_told_gets_no_trace_header(
    sdk: Sdk, client: Clients, wired: Wirer
) -> None:
    """With an allow-list it goes to nobody else, whoever has put it there."""
    wire = wired()
    own = {"traceparent": f"00-{1:032x}-{2:016x}-01"}

    client(propagate_to=("far.invalid",)).get(wire.url, headers=own)

    assert "traceparent" not in {name.lower() for name in wire.heard[0].headers}
