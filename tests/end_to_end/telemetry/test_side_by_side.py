import logging
from collections import Counter

import pytest
from opentelemetry.instrumentation._semconv import (
    _OpenTelemetrySemanticConventionStability as Stability,
)
from opentelemetry.trace import SpanKind, StatusCode

from tests.end_to_end.sessions import Told
from tests.end_to_end.telemetry.setups import (
    OURS,
    REQUESTS,
    URLLIB3,
    Setup,
    drawn_by,
    id_of,
    instrumented,
    metrics_of,
    parent_of,
    scope,
    shown,
)
from tests.end_to_end.telemetry.traffic import CAME, CANARY, NEVER_ARRIVED, Traffic
from tests.telemetry import check as rules
from tests.telemetry.makers import Sdk
from verto_resilience.pipeline import CallEnded

pytestmark = pytest.mark.end_to_end

DURATIONS = {"http.client.request.duration", "http.client.duration"}
BESIDE = [Setup.REQUESTS, Setup.URLLIB3, Setup.BOTH]


@pytest.mark.parametrize("inside", [False, True], ids=["alone", "inside_a_span"])
def test_no_rule_is_broken_by_traffic_of_every_sort(
    sdk: Sdk, setup: Setup, inside: bool, log: list[logging.LogRecord]
) -> None:
    """The telemetry check finds nothing at any level, whoever else draws requests."""
    tracer = sdk.tracers.get_tracer("program")
    with Traffic() as traffic:
        if inside:
            with tracer.start_as_current_span("around"):
                traffic.everything()
        else:
            traffic.everything()

        assert traffic.came == CAME
        attempts = [span for span in drawn_by(sdk, OURS) if not span.name.startswith("verto.call")]
        assert len(attempts) == len(traffic.log) + NEVER_ARRIVED
    assert rules.check(rules.Traffic(sdk.spans, sdk.data(), log, [CANARY])) == []


def test_each_request_is_drawn_by_one_alone(sdk: Sdk, setup: Setup) -> None:
    """CLIENT spans and durations are ours, or those of the instrumentation above; never both."""
    with Traffic() as traffic:
        traffic.answers()
        traffic.hops()
        calls, sends = len(traffic.came), len(traffic.log)

    drawers = Counter(scope(span) for span in sdk.spans if span.kind is SpanKind.CLIENT)
    durations = {who for who, metric in metrics_of(sdk) if metric in DURATIONS}
    if setup.draws_above:
        assert (drawers, durations) == ({REQUESTS: calls}, {REQUESTS})
    else:
        assert (drawers, durations) == ({OURS: sends}, {OURS})


@pytest.mark.parametrize("beside", BESIDE)
def test_durations_are_recorded_once_under_the_stable_conventions(
    sdk: Sdk, beside: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the others have opted into the names that we use, no duration counts twice."""
    monkeypatch.setenv("OTEL_SEMCONV_STABILITY_OPT_IN", "http")
    monkeypatch.setattr(Stability, "_initialized", False)
    before = dict(Stability._OTEL_SEMCONV_STABILITY_SIGNAL_MAPPING)
    monkeypatch.setattr(Stability, "_OTEL_SEMCONV_STABILITY_SIGNAL_MAPPING", before)

    with instrumented(beside, sdk), Traffic() as traffic:
        traffic.answers()
        calls, sends = len(traffic.came), len(traffic.log)

    counted = sum(count for _, count in sdk.points("http.client.request.duration"))
    assert counted == (calls if beside.draws_above else sends)


def test_every_server_span_hangs_off_its_own_send(sdk: Sdk, setup: Setup) -> None:
    """Each send carries one trace header: its own span's, or that of the instrumentation above."""
    with Traffic() as traffic:
        traffic.answers()
        traffic.hops()
        carried = [arrival.headers["traceparent"].split("-")[2] for arrival in traffic.log]

    clients = {id_of(span) for span in sdk.clients}
    assert set(carried) == clients
    assert setup.draws_above or len(carried) == len(clients)


def test_attempts_hang_below_what_draws_the_call(sdk: Sdk, setup: Setup) -> None:
    """The parent of each attempt is the other's CLIENT span, or else the call's own span."""
    with Traffic() as traffic:
        traffic.send("GET", "/flaky", 503, 503, 200)

    attempts = [span for span in drawn_by(sdk, OURS) if not span.name.startswith("verto.call")]
    above = drawn_by(sdk, REQUESTS) if setup.draws_above else drawn_by(sdk, OURS)[:1]
    assert drawn_by(sdk, URLLIB3) == []
    assert [parent_of(span) for span in attempts] == [id_of(above[0])] * 3
    assert above[0].parent is None
    assert len(sdk.spans) == 4


def test_resends_are_counted_over_every_cause(sdk: Sdk, setup: Setup) -> None:
    """Redirects, other hosts, credentials and failures are one row of counts, without a gap."""
    with Traffic() as traffic:
        traffic.hops()

    name = "verto.request.resend_count" if setup.draws_above else "http.request.resend_count"
    attempts = [span for span in drawn_by(sdk, OURS) if not span.name.startswith("verto.call")]
    moved, far, digest, proxied = [0, 1, 2, 3], [0, 1, 2, 3], [0, 1, 2], [0]
    assert [shown(span, name) or 0 for span in attempts] == moved + far + digest + proxied


def test_default_port_is_shown_beside_a_name(sdk: Sdk) -> None:
    """Through a proxy the server is the one that was asked for, with its port filled in."""
    with Traffic() as traffic:
        proxies = {"http": traffic.verto.url}
        traffic.send("GET", "http://default-port.invalid/x", proxies=proxies)

    (span,) = sdk.clients
    assert shown(span, "server.address") == "default-port.invalid"
    assert shown(span, "server.port") == 80
    assert shown(span, "url.full") == "http://default-port.invalid/x"
    assert shown(span, "network.peer.address") == "127.0.0.1"


def test_a_name_in_the_host_header_is_shown(sdk: Sdk) -> None:
    """Server attributes follow the ``Host`` header, and the peer stays the socket's."""
    with Traffic() as traffic:
        traffic.send("GET", "/x", 200, headers={"Host": "named.example"})
        port = traffic.verto.port

    (span,) = sdk.clients
    assert shown(span, "server.address") == "named.example"
    assert (shown(span, "network.peer.address"), shown(span, "network.peer.port")) == (
        "127.0.0.1",
        port,
    )


def test_breaking_off_is_no_error(sdk: Sdk) -> None:
    """A call that its caller broke off has no ``error.type``, and says that it was cancelled."""
    with Traffic() as traffic:
        traffic.cancelled()

    call, attempt = drawn_by(sdk, OURS)
    assert traffic.came == ["KeyboardInterrupt"]
    assert {call.status.status_code, attempt.status.status_code} == {StatusCode.UNSET}
    assert shown(call, "error.type") is shown(attempt, "error.type") is None
    assert shown(call, "verto.call.outcome") == "cancelled"


def test_a_refused_call_is_drawn_without_a_send(sdk: Sdk) -> None:
    """With the circuit open there is a call span with a public ``error.type``, and no CLIENT."""
    told = Told()
    with Traffic(observer=told) as traffic:
        traffic.refused()
        sends = len(traffic.log)

    call = drawn_by(sdk, OURS)[-1]
    assert len(sdk.clients) == sends == 5
    assert shown(call, "verto.call.end") == "circuit_open"
    assert shown(call, "error.type") == "verto_resilience.transports.RequestsCircuitOpenError"
    assert told.of(CallEnded)[-1].error == shown(call, "error.type")
