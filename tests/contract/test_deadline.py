import time

import pytest

from tests.contract.edges import Edge
from tests.contract.seen import Maker, fails, told, within
from tests.end_to_end.wire import STALLED, Say, Wirer, answer
from verto_resilience.pipeline import End
from verto_resilience.testing import Reply, Sandbox

pytestmark = pytest.mark.end_to_end

DRIPPING = {
    "headers": Say(b"HTTP/1.1 200 OK\r\n", over=b"X: x\r\n", every=0.1),
    "body": Say(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n", over=b"x", every=0.1),
}


def test_no_timeout_is_for_ever(edge: Edge, client: Maker, wired: Wirer) -> None:
    """A caller that gives no timeout gets the policy's."""
    wire = wired(STALLED)
    began = time.monotonic()

    fails(edge, client(read_timeout=0.3, max_attempts=1), "GET", wire.url)

    assert time.monotonic() - began < 3.0


@pytest.mark.parametrize("drip", DRIPPING.values(), ids=DRIPPING)
def test_a_server_that_drips_is_cut_off_at_the_deadline(
    edge: Edge, client: Maker, wired: Wirer, drip: Say
) -> None:
    """A byte now and then passes every timeout, and not the deadline of the call."""
    wire = wired(drip)
    began = time.monotonic()

    fails(edge, client(**within(0.6)), "GET", wire.url)

    assert 0.5 < time.monotonic() - began < 4.0


def test_nothing_is_started_after_the_deadline(client: Maker, verto: Sandbox) -> None:
    """Waits that would pass it are not begun: the last answer is returned."""
    verto.script(None, [Reply(503, retry_after=3)])

    came = client(**within(2.0)).send("GET", f"{verto.url}/status/503")

    assert (came.status, told(came).end) == (503, End.DEADLINE)
    assert verto.arrived == 1


def test_a_stream_may_take_longer_than_the_call(client: Maker, wired: Wirer) -> None:
    """Once it is the caller's, the body comes as it comes."""
    slow = Say(b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nxx", over=b"xxxxx", every=0.5)
    wire = wired(slow)

    stream = client(**within(0.4)).stream("GET", wire.url, timeout=3.0)

    assert stream.read() == b"x" * 12
    stream.close()


def test_an_empty_budget_sends_once(client: Maker, wired: Wirer) -> None:
    """Where the retry budget is spent a call is sent once, and says why."""
    wire = wired(*[answer(status=503)] * 9)
    sender = client(
        budget_capacity=1.0,
        budget_deposit=0.0,
        budget_trickle=0.0,
        max_attempts=2,
        consecutive_failures=None,
    )
    sender.send("GET", wire.url)

    came = sender.send("GET", wire.url)

    assert told(came).end is End.BUDGET_SPENT
    assert len(wire.heard) == 3
