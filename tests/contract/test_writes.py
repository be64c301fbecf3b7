import io
from collections.abc import Callable, Iterator

import pytest

from tests.contract.edges import Body, Edge
from tests.contract.seen import Maker, fails, told
from tests.end_to_end.wire import RESET_AT_ONCE, SHORT_BODY, STALLED, Say, Wirer, answer
from verto_resilience.pipeline import End
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
