import pytest
import requests
from opentelemetry import baggage, context, trace

from tests.end_to_end.telemetry.setups import OURS, Setup, drawn_by, id_of, instrumented
from tests.end_to_end.telemetry.traffic import Traffic
from tests.telemetry.makers import Sdk
from verto_resilience.testing import Reply

pytestmark = pytest.mark.end_to_end

NAMES = ("traceparent", "tracestate", "baggage")


def redirect(traffic: Traffic) -> None:
    """Have a request that is led to the other host, with baggage in the context."""
    traffic.other.script("/there", [503, 200])
    away = Reply(302, headers={"Location": f"{traffic.other.url}/there"})
    token = context.attach(baggage.set_baggage("customer", "c-1"))
    try:
        traffic.send("GET", "/far", 503, away)
    finally:
        context.detach(token)


def test_only_allowed_hosts_are_told(sdk: Sdk, setup: Setup) -> None:
    """With an allow-list no other host gets a trace header, whoever would have put it there."""
    with Traffic(propagate_to=("127.0.0.1",)) as traffic:
        redirect(traffic)

    assert [len(traffic.verto.log), len(traffic.other.log)] == [2, 2]
    for arrival in traffic.verto.log:
        assert {"traceparent", "baggage"} <= {name.lower() for name in arrival.headers}
    for arrival in traffic.other.log:
        assert not set(NAMES) & {name.lower() for name in arrival.headers}


@pytest.mark.parametrize("beside", [Setup.NONE, Setup.URLLIB3])
def test_nothing_is_left_over_on_another_host(sdk: Sdk, beside: Setup) -> None:
    """After a redirect each send carries its own span's header, not that of a send before."""
    with instrumented(beside, sdk), Traffic() as traffic:
        redirect(traffic)

    carried = [arrival.headers["traceparent"].split("-")[2] for arrival in traffic.log]
    assert carried == [id_of(span) for span in drawn_by(sdk, OURS) if span in sdk.clients]


def test_the_callers_request_is_never_written_to(sdk: Sdk) -> None:
    """Trace headers go onto a copy: the response's request is as the caller prepared it."""
    with Traffic() as traffic:
        response = traffic.send("GET", "/flaky", 503, 200)

    assert not set(NAMES) & {name.lower() for name in response.request.headers}
    assert all("traceparent" in arrival.headers for arrival in traffic.log)


def test_an_allow_list_holds_without_an_sdk() -> None:
    """Where nobody records, a trace that is current goes to the allowed host alone."""
    remote = trace.SpanContext(1, 2, is_remote=True, trace_flags=trace.TraceFlags(1))
    around = trace.set_span_in_context(trace.NonRecordingSpan(remote))
    with Traffic(propagate_to=("127.0.0.1",)) as traffic:
        token = context.attach(around)
        try:
            redirect(traffic)
        finally:
            context.detach(token)

    parents = {arrival.headers["traceparent"].split("-")[2] for arrival in traffic.verto.log}
    assert parents == {f"{2:016x}"}
    assert not any("traceparent" in arrival.headers for arrival in traffic.other.log)


def test_what_the_caller_set_goes_where_it_may(plain: requests.Session) -> None:
    """Without an allow-list a trace header that the caller wrote is left alone."""
    with Traffic() as traffic:
        traffic.send("GET", "/x", 200, headers={"traceparent": "the caller's own"})

    assert traffic.verto.log[0].headers["traceparent"] == "the caller's own"
