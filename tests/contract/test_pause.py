import time

import pytest

from tests.contract.edges import Edge
from tests.contract.seen import Maker, circuit, told, within
from verto_resilience import PausedError, State
from verto_resilience.pipeline import End
from verto_resilience.testing import Reply, Sandbox

pytestmark = pytest.mark.end_to_end


def test_throttling_pauses_the_origin_and_opens_nothing(client: Maker, verto: Sandbox) -> None:
    """Ten 429s leave the circuit closed, with nothing counted against it."""
    verto.script(None, [Reply(429)] * 10)
    sender = client(max_attempts=1, pause_ramp=0.0)

    for _ in range(10):
        sender.send("GET", f"{verto.url}/status/200")

    stands = circuit(sender, verto.url)
    assert (stands.state, stands.failures) == (State.CLOSED, 0)


def test_a_resend_is_never_earlier_than_told(client: Maker, verto: Sandbox) -> None:
    """``Retry-After: 1`` is waited for in full."""
    verto.script(None, [Reply(429, retry_after=1)])

    came = client().send("GET", f"{verto.url}/status/200")

    first, second = verto.log
    assert came.status == 200
    assert first.answered is not None
    assert second.arrived - first.answered >= 1.0


def test_a_wait_that_does_not_fit_returns_the_answer(client: Maker, verto: Sandbox) -> None:
    """Asked to wait beyond the deadline, the call gives the 429 back at once."""
    verto.script(None, [Reply(429, retry_after=30)])
    began = time.monotonic()

    came = client(**within(5.0)).send("GET", f"{verto.url}/status/200")

    assert (came.status, told(came).end) == (429, End.DEADLINE)
    assert time.monotonic() - began < 4.0


def test_later_calls_are_refused_while_the_pause_does_not_fit(
    edge: Edge, client: Maker, verto: Sandbox
) -> None:
    """They are told so by an error of ours that is also of the host library's."""
    verto.script(None, [Reply(429, retry_after=30)])
    sender = client(**within(5.0))
    sender.send("GET", f"{verto.url}/status/200")

    with pytest.raises(PausedError) as refused:
        sender.send("GET", f"{verto.url}/status/200")

    assert isinstance(refused.value, edge.errors)
    assert refused.value.retry_after == pytest.approx(30, abs=5)
    assert told(refused.value).attempts == ()
    assert verto.arrived == 1
