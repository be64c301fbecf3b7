import gc
import warnings
from typing import Any

import pytest
import requests

from tests.end_to_end.sessions import Mounter, Told, report
from tests.end_to_end.wire import (
    CLOSE_AT_ONCE,
    GARBAGE,
    RESET_AT_ONCE,
    RESET_IN_HEADERS,
    SHORT_BODY,
    STALLED,
    Say,
    Then,
    Wirer,
    answer,
)
from verto_resilience.pipeline import End, OutcomeUnknown
from verto_resilience.testing import Arrival, Fault, Reply, Sandbox

pytestmark = pytest.mark.end_to_end

KEY = {"Idempotency-Key": "key-1"}
TRADE = "/orders/v2.1/fx"
PAYMENT = "/payments/create"
ON_THIS_HOST = {
    "verto_hosts": ("127.0.0.1",),
    "server_error_wait_min": 0.01,
    "server_error_wait_max": 0.02,
}
FAULTS = {
    "close": CLOSE_AT_ONCE,
    "reset": RESET_AT_ONCE,
    "reset_in_headers": RESET_IN_HEADERS,
    "garbage": GARBAGE,
    "short_body": SHORT_BODY,
    "timeout": STALLED,
}


def as_sent(arrival: Arrival) -> tuple[str, str, str, bytes, dict[str, str]]:
    """Give what must not change within a call: everything but the trace."""
    fields = {name.lower(): value for name, value in arrival.headers.items()}
    fields.pop("traceparent", None)
    fields.pop("tracestate", None)
    return arrival.method, arrival.path, arrival.query, arrival.body, fields


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_write_without_a_key_is_not_resent_after_a_server_error(
    verto: Sandbox, mounted: Mounter, method: str, status: int
) -> None:
    """It may have been executed: it is sent once, and the report says that nobody knows."""
    told = Told()

    response = mounted(observer=told).request(method, f"{verto.url}/status/{status}", json={})

    seen = report(response)
    assert verto.arrived == 1
    assert (seen.ambiguous, seen.possibly_executed) == (True, False)
    assert seen.end is End.NOT_REPEATABLE
    assert len(told.of(OutcomeUnknown)) == 1


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_write_without_a_key_is_not_resent_after_a_failure(
    mounted: Mounter, wired: Wirer, fault: Say
) -> None:
    """A connection that broke once the request was out: sent once, told as unknown in a note."""
    wire = wired(fault)

    with pytest.raises(requests.exceptions.RequestException) as failed:
        mounted().post(wire.url, json={"amount": 1}, timeout=0.2)

    assert len(wire.heard) == 1
    assert report(failed.value).ambiguous
    notes = "\n".join(failed.value.__notes__)
    assert "a resend could execute it twice" in notes
    assert "outcome unknown" in notes


def test_header_that_cannot_be_read_is_an_unknown_outcome(mounted: Mounter, wired: Wirer) -> None:
    """A server that took the request and answers with nonsense in its headers may have acted."""
    wire = wired(Say(b"HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n\r\nhello", Then.CLOSE))

    with pytest.raises(requests.exceptions.RequestException) as failed:
        mounted().post(wire.url, json={"amount": 1})

    seen = report(failed.value)
    # urllib3 leaves the socket of an answer whose length contradicts itself to the collector.
    with warnings.catch_warnings(action="ignore", category=ResourceWarning):
        del failed
        gc.collect()
    assert len(wire.heard) == 1
    assert seen.ambiguous


def test_trade_that_was_booked_before_the_line_broke_is_booked_once(
    verto: Sandbox, mounted: Mounter
) -> None:
    """The server's own book has one trade, and the caller is told *unknown*, not *failed*."""
    verto.script(TRADE, [Reply.ok(fault=Fault.RESET)])

    with pytest.raises(requests.exceptions.ConnectionError) as failed:
        mounted(**ON_THIS_HOST).post(f"{verto.url}{TRADE}", json={"amount": 5})

    assert report(failed.value).ambiguous
    assert (verto.arrived, len(verto.trades)) == (1, 1)


@pytest.mark.parametrize("hosts", [ON_THIS_HOST, {}], ids=["verto_host", "other_host"])
@pytest.mark.parametrize("fault", [Fault.RESET, Fault.TRUNCATED, Fault.CLOSE])
def test_write_with_a_key_is_resent_once_and_alike(
    verto: Sandbox, mounted: Mounter, hosts: dict[str, Any], fault: Fault
) -> None:
    """With an ``Idempotency-Key`` body, key and headers arrive alike twice; it is executed once."""
    verto.script(PAYMENT, [Reply.ok(fault=fault)])

    response = mounted(**hosts).post(
        f"{verto.url}{PAYMENT}", json={"paymentId": "p-1"}, headers=KEY
    )

    first, second = verto.log
    assert response.status_code == 201
    assert as_sent(first) == as_sent(second)
    assert (first.executed, second.replayed) == (True, True)
    assert len(verto.payments) == 1
    assert not report(response).ambiguous


@pytest.mark.parametrize("name", ["idempotency-key", "IDEMPOTENCY-KEY"])
def test_key_is_known_in_any_letters(verto: Sandbox, mounted: Mounter, name: str) -> None:
    """Header names have no case."""
    verto.script("/status/201", [503])

    response = mounted().post(f"{verto.url}/status/201", headers={name: "k"})

    assert (response.status_code, verto.arrived) == (201, 2)


def test_correlation_id_stays_the_same_within_a_call(verto: Sandbox, mounted: Mounter) -> None:
    """A Verto host gets one ``Vfx-Correlation-Id`` for each call, the same for all its sends."""
    session = mounted(**ON_THIS_HOST)
    verto.script("/status/200", [503, 503])

    first = session.get(f"{verto.url}/status/200")
    session.get(f"{verto.url}/status/200")

    ids = [arrival.headers["Vfx-Correlation-Id"] for arrival in verto.log]
    assert ids[0] == ids[1] == ids[2] != ids[3]
    assert report(first).correlation_id == ids[0]
    assert "Vfx-Correlation-Id" not in first.request.headers


def test_correlation_id_of_the_caller_is_kept(verto: Sandbox, mounted: Mounter) -> None:
    """An id that the caller sends is sent as it is."""
    mine = {"vfx-correlation-id": "mine"}
    verto.script("/status/200", [503])

    response = mounted(**ON_THIS_HOST).get(f"{verto.url}/status/200", headers=mine)

    assert [arrival.headers["Vfx-Correlation-Id"] for arrival in verto.log] == ["mine"] * 2
    assert report(response).correlation_id == "mine"


def test_other_hosts_get_no_header_of_verto(verto: Sandbox, mounted: Mounter) -> None:
    """A host that is none of Verto's sees no ``Vfx-`` header, and nobody gets a key unasked."""
    mounted().post(f"{verto.url}/status/200")
    mounted(**ON_THIS_HOST).post(f"{verto.url}/status/200")

    other, own = ({name.lower() for name in arrival.headers} for arrival in verto.log)
    assert not any(name.startswith("vfx-") for name in other)
    assert own - other == {"vfx-correlation-id"}
    assert "idempotency-key" not in own


@pytest.mark.parametrize("status", [400, 409])
@pytest.mark.parametrize("first", [503, Reply.ok(fault=Fault.RESET)], ids=["503", "reset"])
def test_refusal_after_an_unknown_outcome_is_possibly_executed(
    verto: Sandbox, mounted: Mounter, first: int | Reply, status: int
) -> None:
    """A 400 or 409 of the same call may speak of its own first attempt: reconcile."""
    verto.script("/status/200", [first, status])

    response = mounted().post(f"{verto.url}/status/200", headers=KEY)

    seen = report(response)
    assert (response.status_code, verto.arrived) == (status, 2)
    assert (seen.ambiguous, seen.possibly_executed) == (True, True)


def test_used_payment_id_is_possibly_executed(verto: Sandbox, mounted: Mounter) -> None:
    """A resend that is refused since its ``paymentId`` was used is marked, and paid once."""
    verto.script("/fx/payments", [Reply(503, executes=True)])
    session = mounted(**ON_THIS_HOST)

    response = session.post(
        f"{verto.url}/fx/payments",
        json={"paymentId": "p-1", "amount": 1},
        headers={"Idempotency-Key": "k"},
    )

    assert verto.arrived == 2
    assert len(verto.trades) == 1
    seen = report(response)
    assert seen.possibly_executed or response.status_code == 201


@pytest.mark.parametrize("status", [400, 409])
def test_refusal_alone_is_no_unknown_outcome(verto: Sandbox, mounted: Mounter, status: int) -> None:
    """A 400 or 409 that came first means what it says."""
    seen = report(mounted().post(f"{verto.url}/status/{status}", headers=KEY))

    assert (seen.ambiguous, seen.possibly_executed) == (False, False)


def test_success_clears_the_doubt(verto: Sandbox, mounted: Mounter) -> None:
    """Once a resend of a write succeeded its outcome is known."""
    verto.script("/status/201", [503])

    seen = report(mounted().post(f"{verto.url}/status/201", headers=KEY))

    assert [attempt.outcome.status for attempt in seen.attempts] == [503, 201]
    assert (seen.ambiguous, seen.possibly_executed) == (False, False)


def test_rate_limit_is_no_unknown_outcome(verto: Sandbox, mounted: Mounter) -> None:
    """A write that was told to wait was not executed, and is resent without a key."""
    verto.script("/status/201", [429])

    seen = report(mounted().post(f"{verto.url}/status/201"))

    assert verto.arrived == 2
    assert not seen.ambiguous


def test_read_that_fails_is_no_unknown_outcome(verto: Sandbox, mounted: Mounter) -> None:
    """A GET changes nothing, whatever became of it."""
    seen = report(mounted().get(f"{verto.url}/status/503"))

    assert len(seen.attempts) == 3
    assert not seen.ambiguous


@pytest.mark.parametrize("headers", [None, KEY], ids=["without_key", "with_key"])
def test_trade_is_never_resent_on_a_server_error(
    verto: Sandbox, mounted: Mounter, headers: dict[str, str] | None
) -> None:
    """Nothing documents that a key keeps a trade from being booked twice: it is sent once."""
    verto.script(TRADE, [Reply(503, executes=True)])

    response = mounted(**ON_THIS_HOST).post(
        f"{verto.url}{TRADE}", json={"amount": 5}, headers=headers
    )

    assert report(response).ambiguous
    assert (verto.arrived, len(verto.trades)) == (1, 1)


def test_trade_is_resent_when_it_was_told_to_wait(verto: Sandbox, mounted: Mounter) -> None:
    """After a 429 even a trade is sent again, and booked once."""
    verto.script(TRADE, [429])

    response = mounted(**ON_THIS_HOST).post(f"{verto.url}{TRADE}", json={"amount": 5})

    assert response.status_code == 201
    assert (verto.arrived, len(verto.trades)) == (2, 1)


def test_post_that_reads_is_resent(verto: Sandbox, mounted: Mounter) -> None:
    """The table of operations knows a POST that only reads: repeatable, and never ambiguous."""
    verto.script("/payments/lists", [503])

    response = mounted(**ON_THIS_HOST).post(f"{verto.url}/payments/lists", json={})

    assert (response.status_code, verto.arrived) == (200, 2)
    assert not report(response).ambiguous


def test_idempotent_write_is_resent_and_can_be_ambiguous(mounted: Mounter, wired: Wirer) -> None:
    """A DELETE is sent again, and when the last of it fails too its outcome is unknown."""
    last_words = answer(status=503, head="Connection: close\r\n", then=Then.CLOSE)
    wire = wired(last_words, RESET_AT_ONCE, CLOSE_AT_ONCE)

    with pytest.raises(requests.exceptions.ConnectionError) as failed:
        mounted().delete(wire.url)

    assert len(wire.heard) == 3
    assert report(failed.value).ambiguous
