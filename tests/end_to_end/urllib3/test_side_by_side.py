import pytest
import urllib3
from opentelemetry.instrumentation.urllib3 import URLLib3Instrumentor
from opentelemetry.trace import SpanKind

from tests.end_to_end.telemetry.setups import (
    OURS,
    URLLIB3,
    Setup,
    drawn_by,
    id_of,
    instrumented,
    metrics_of,
)
from tests.end_to_end.urllib3.managers import Manager
from tests.telemetry import check as rules
from tests.telemetry.makers import Sdk
from verto_resilience.testing import Sandbox

pytestmark = pytest.mark.end_to_end


@pytest.mark.parametrize("setup", [Setup.NONE, Setup.URLLIB3, Setup.BOTH])
def test_no_attempt_is_drawn_twice(
    sdk: Sdk, verto: Sandbox, managed: Manager, setup: Setup
) -> None:
    """Beside the stock instrumentation each send has one CLIENT span, ours, and one header."""
    verto.script(None, [503, 503])
    with instrumented(setup, sdk):
        managed().request("GET", f"{verto.url}/status/200")

    clients = [span for span in sdk.spans if span.kind is SpanKind.CLIENT]
    durations = {who for who, name in metrics_of(sdk) if name.startswith("http.client.")}
    carried = [arrival.headers["traceparent"].split("-")[2] for arrival in verto.log]
    assert len(clients) == 3
    assert drawn_by(sdk, URLLIB3) == []
    assert carried == [id_of(span) for span in sorted(clients, key=lambda one: one.start_time or 0)]
    assert durations <= {OURS}


def test_pools_that_are_used_by_hand_are_drawn_by_the_other(
    sdk: Sdk, verto: Sandbox, managed: Manager
) -> None:
    """What is no call of ours is still seen by the stock instrumentation."""
    manager = managed()
    with instrumented(Setup.URLLIB3, sdk):
        manager.connection_from_url(verto.url).request("GET", "/status/200")

    assert len(drawn_by(sdk, URLLIB3)) == 1
    assert drawn_by(sdk, OURS) == []


def test_hooks_of_the_other_are_called(sdk: Sdk, verto: Sandbox, managed: Manager) -> None:
    """A program that gave it hooks goes on being called, at each attempt."""
    heard: list[str] = []
    verto.script(None, [503])
    instrumentor = URLLib3Instrumentor()
    instrumentor.instrument(
        tracer_provider=sdk.tracers,
        meter_provider=sdk.meters,
        skip_dep_check=True,
        request_hook=lambda *_: heard.append("request"),
    )
    try:
        managed().request("GET", f"{verto.url}/status/200")
    finally:
        instrumentor.uninstrument()

    assert heard == ["request", "request"]


def test_traffic_breaks_no_rule(sdk: Sdk, verto: Sandbox, managed: Manager) -> None:
    """The telemetry check finds nothing in spans and metrics of calls of every sort."""
    manager = managed()
    for path in ("/status/200", "/status/404", "/status/503", "/status/429"):
        manager.request("GET", verto.url + path)
    manager.request("POST", f"{verto.url}/status/200", body=b"CANARY", headers={"X-A": "CANARY"})

    assert rules.check(rules.Traffic(sdk.spans, sdk.data(), [], ["CANARY"])) == []


@pytest.mark.parametrize("kind", [dict, urllib3.HTTPHeaderDict])
def test_hosts_that_are_not_allowed_get_no_trace(
    sdk: Sdk, verto: Sandbox, managed: Manager, kind: type
) -> None:
    """With an allow-list no other host is told, not even what the caller's own headers say."""
    manager = managed(propagate_to=("elsewhere.example.invalid",))
    headers = kind({"Traceparent": f"00-{1:032x}-{2:016x}-01", "X-A": "1"})

    manager.request("GET", f"{verto.url}/status/200", headers=headers)

    names = {name.lower() for name in verto.log[0].headers}
    assert "x-a" in names
    assert "traceparent" not in names
    assert "Traceparent" in headers
