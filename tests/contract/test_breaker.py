import pickle
import time

import pytest

from tests.contract.edges import Edge
from tests.contract.seen import Maker, circuit, fails, told
from tests.end_to_end.wire import SHORT_BODY, Wirer
from verto_resilience import CircuitOpenError, Failure, State
from verto_resilience.pipeline import End
from verto_resilience.testing import Sandbox

pytestmark = pytest.mark.end_to_end


def test_five_server_errors_open_it(edge: Edge, client: Maker, verto: Sandbox) -> None:
    """After five 5xx nothing more is sent, and the refusal is of the host library's, too."""
    sender = client(max_attempts=1, break_duration=60)
    for _ in range(5):
        assert sender.send("GET", f"{verto.url}/status/503").status == 503

    with pytest.raises(CircuitOpenError) as refused:
        sender.send("GET", f"{verto.url}/status/200")

    error = refused.value
    assert isinstance(error, edge.errors)
    assert (error.last_failure, error.key) == ("503", verto.url)
    assert error.retry_after == pytest.approx(60, abs=5)
    assert told(error).end is End.CIRCUIT_OPEN
    assert verto.arrived == 5


def test_refusal_pickles(client: Maker, verto: Sandbox) -> None:
    """It goes through a queue of tasks with its facts."""
    sender = client(max_attempts=1)
    for _ in range(5):
        sender.send("GET", f"{verto.url}/status/503")
    with pytest.raises(CircuitOpenError) as refused:
        sender.send("GET", verto.url)

    back = pickle.loads(pickle.dumps(refused.value))  # noqa: S301 - our own

    assert type(back) is type(refused.value)
    assert (str(back), back.key, back.retry_after, back.last_failure) == (
        str(refused.value),
        refused.value.key,
        refused.value.retry_after,
        refused.value.last_failure,
    )


def test_it_closes_again_by_probes(client: Maker, verto: Sandbox) -> None:
    """After the break good answers close it."""
    sender = client(max_attempts=1)
    for _ in range(5):
        sender.send("GET", f"{verto.url}/status/503")
    time.sleep(circuit(sender, verto.url).open_for + 0.01)

    statuses = [sender.send("GET", f"{verto.url}/status/200").status for _ in range(2)]

    assert statuses == [200, 200]
    assert circuit(sender, verto.url).state is State.CLOSED


def test_broken_bodies_open_it(edge: Edge, client: Maker, wired: Wirer) -> None:
    """Headers alone are no success."""
    wire = wired(*[SHORT_BODY] * 5)
    sender = client(max_attempts=1)
    for _ in range(5):
        fails(edge, sender, "GET", wire.url)

    with pytest.raises(CircuitOpenError) as refused:
        sender.send("GET", wire.url)

    assert refused.value.last_failure == Failure.BODY


def test_streams_that_break_in_the_callers_hands_open_it(
    edge: Edge, client: Maker, wired: Wirer
) -> None:
    """A call that returned at the headers is a failure once its body breaks."""
    wire = wired(*[SHORT_BODY] * 5)
    sender = client()
    for _ in range(5):
        stream = sender.stream("GET", wire.url)
        with pytest.raises(edge.errors):
            stream.read()
        stream.close()

    with pytest.raises(CircuitOpenError):
        sender.stream("GET", wire.url)

    assert len(wire.heard) == 5
