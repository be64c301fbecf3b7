import io
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import verto_resilience
from tests.contract.edges import Body, Edge
from tests.contract.seen import Maker, fails, told
from tests.end_to_end.wire import RESET_AT_ONCE, SHORT_BODY, STALLED, Say, Then, Wirer, answer
from verto_resilience import Failure
from verto_resilience.pipeline import End, IdempotencyKeys
from verto_resilience.testing import Fault, Reply, Sandbox

pytestmark = pytest.mark.end_to_end

KEY = {"Idempotency-Key": "key-1"}
ON_THIS_HOST = {
    "verto_hosts": ("127.0.0.1",),
    "server_error_wait_min": 0.01,
    "server_error_wait_max": 0.02,
}
FAULTS = {"reset": RESET_AT_ONCE, "short_body": SHORT_BODY, "timeout": STALLED}
PAYLOAD = bytes(range(256)) * 40
TRADE = "/orders/v2.1/fx"


@pytest.mark.parametrize("status", [500, 503, 504])
def test_write_is_not_resent_after_a_server_error(
    client: Maker, verto: Sandbox, status: int
) -> None:
    """It may have been executed: sent once, and told as unknown."""
    came = client().send("POST", f"{verto.url}/status/{status}", body=b"{}")

    seen = told(came)
    assert verto.arrived == 1
    assert (seen.ambiguous, seen.end) == (True, End.NOT_REPEATABLE)


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_write_is_not_resent_after_a_failure(
    edge: Edge, client: Maker, wired: Wirer, fault: Say
) -> None:
    """A connection that broke once the request was out: sent once, told as unknown in a note."""
    wire = wired(fault)

    error = fails(
        edge, client(), "POST", wire.url, body=b"{}", timeout=0.3 if fault is STALLED else 10.0
    )

    assert len(wire.heard) == 1
    assert told(error).ambiguous
    assert "outcome unknown" in "\n".join(error.__notes__)


STREAMED_TYPE = "Content-Type: application/x-ndjson\r\n"


@pytest.mark.parametrize("then", [Then.CLOSE, Then.RESET], ids=["short", "reset"])
def test_write_whose_body_breaks_in_the_callers_hands_is_in_doubt(
    edge: Edge, client: Maker, wired: Wirer, then: Then
) -> None:
    """The exception has report and note: the answer to a write was not seen to its end."""
    wire = wired(Say(SHORT_BODY.data, then))
    stream = client().stream("POST", wire.url)

    with pytest.raises(edge.errors) as failed:
        stream.read()
    stream.close()

    assert [one.outcome.status for one in told(failed.value).attempts] == [200]
    assert told(failed.value).ambiguous
    assert verto_resilience.outcome(failed.value).ambiguous
    assert "outcome unknown" in "".join(traceback.format_exception(failed.value))


def test_read_whose_body_breaks_in_the_callers_hands_is_in_no_doubt(
    edge: Edge, client: Maker, wired: Wirer
) -> None:
    """It has its report, and nothing to reconcile."""
    stream = client().stream("GET", wired(SHORT_BODY).url)

    with pytest.raises(edge.errors) as failed:
        stream.read()
    stream.close()

    assert not told(failed.value).ambiguous
    assert verto_resilience.outcome(failed.value).failure is Failure.BODY
    assert "outcome unknown" not in "".join(traceback.format_exception(failed.value))


@pytest.mark.parametrize(
    "head",
    ["Content-Length: 100\r\n" + STREAMED_TYPE, "Content-Length: 2097152\r\n"],
    ids=["type of a stream", "2 MiB"],
)
def test_write_whose_body_breaks_within_a_plain_call_is_in_doubt(
    edge: Edge, client: Maker, wired: Wirer, head: str
) -> None:
    """Whoever reads the body there, the caller is told that the outcome is unknown."""
    wire = wired(Say(f"HTTP/1.1 200 OK\r\n{head}\r\nonly this".encode(), Then.CLOSE))

    error = fails(edge, client(), "POST", wire.url, body=b"{}")

    assert told(error).ambiguous
    assert verto_resilience.outcome(error).failure is Failure.BODY
    assert "outcome unknown" in "".join(traceback.format_exception(error))


def test_write_with_a_key_is_resent_alike(client: Maker, verto: Sandbox) -> None:
    """With an ``Idempotency-Key`` it arrives twice, alike to the byte, and is executed once."""
    verto.script("/payments/create", [Reply.ok(fault=Fault.RESET)])

    came = client(**ON_THIS_HOST).send(
        "POST",
        f"{verto.url}/payments/create",
        body=b'{"paymentId": "p-1"}',
        headers=KEY | {"Content-Type": "application/json"},
    )

    first, second = verto.log
    fields = [dict(arrival.headers) for arrival in (first, second)]
    assert came.status == 201
    assert (first.body, fields[0]) == (second.body, fields[1])
    assert fields[0]["Vfx-Correlation-Id"]
    assert (len(verto.payments), told(came).ambiguous) == (1, False)


def test_trade_is_booked_once_whatever_is_lost(edge: Edge, client: Maker, verto: Sandbox) -> None:
    """A known trade is not resent, and the caller is told *unknown*, not *failed*."""
    verto.script(TRADE, [Reply.ok(fault=Fault.RESET)])

    error = fails(edge, client(**ON_THIS_HOST), "POST", f"{verto.url}{TRADE}", body=b"{}")

    assert told(error).operation is not None
    assert told(error).ambiguous
    assert (verto.arrived, len(verto.trades)) == (1, 1)


@pytest.mark.parametrize(
    ("path", "headers", "settings"),
    [
        ("/payments/create", {}, {}),
        (TRADE, KEY, {}),
        ("/payments/create", KEY, {"idempotency_keys": IdempotencyKeys.OFF}),
    ],
    ids=["without a key", "where no key is known to help", "where keys do not count"],
)
def test_reason_for_not_resending_holds_with_a_key_too(
    client: Maker, verto: Sandbox, path: str, headers: dict[str, str], settings: dict[str, Any]
) -> None:
    """It does not say that a key is missing to a caller who sent one."""
    verto.script(path, [504])

    came = client(**ON_THIS_HOST, **settings).send(
        "POST", f"{verto.url}{path}", body=b"{}", headers=headers
    )

    text = " ".join(str(verto_resilience.outcome(came.bearer)).split())
    assert told(came).end is End.NOT_REPEATABLE
    assert "no Idempotency-Key is known to protect this call" in text
    assert "has no Idempotency-Key" not in text


def _pieces() -> Iterator[bytes]:
    yield PAYLOAD[:100]
    yield PAYLOAD[100:]


@pytest.mark.parametrize(
    ("make", "sends"),
    [(lambda: PAYLOAD, 2), (lambda: io.BytesIO(PAYLOAD), 2), (_pieces, 1)],
    ids=["bytes", "file", "generator"],
)
def test_body_is_sent_again_whole_or_not_at_all(
    client: Maker, wired: Wirer, make: Callable[[], Body], sends: int
) -> None:
    """What cannot be rewound is not sent again: it would arrive empty."""
    wire = wired(answer(status=503), answer(status=200))

    came = client().send("PUT", wire.url, body=make())

    assert [heard.body for heard in wire.heard] == [PAYLOAD] * sends
    assert came.status == (200 if sends == 2 else 503)
    assert told(came).end is (End.ANSWERED if sends == 2 else End.BODY_NOT_REPLAYABLE)
