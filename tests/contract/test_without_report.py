"""``outcome`` of what no report came with: the kill switch is on, or the client is not mounted."""

import socket
from collections.abc import Iterator

import pytest

import verto_resilience
from tests.contract.edges import Edge
from tests.contract.seen import Maker, fails
from tests.end_to_end.wire import (
    GARBAGE,
    RESET_AT_ONCE,
    RESET_IN_BODY,
    SHORT_BODY,
    STALLED,
    Say,
    Wirer,
    answer,
)

pytestmark = pytest.mark.end_to_end

FAULTS = {
    "reset": RESET_AT_ONCE,
    "garbage": GARBAGE,
    "short body": SHORT_BODY,
    "reset in body": RESET_IN_BODY,
    "timeout": STALLED,
}


@pytest.fixture
def nobody() -> Iterator[str]:
    """Give the URL of a port that is taken and refuses."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{holder.getsockname()[1]}"


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_write_that_may_have_arrived_is_in_doubt(
    edge: Edge, client: Maker, wired: Wirer, fault: Say
) -> None:
    """With the kill switch on, too, nobody is told that a write which was sent was not."""
    wire = wired(fault)

    error = fails(
        edge,
        client(disabled=True),
        "POST",
        wire.url,
        body=b"{}",
        timeout=0.3 if fault is STALLED else 10.0,
    )

    assert verto_resilience.report(error) is None
    assert len(wire.heard) == 1
    assert verto_resilience.outcome(error).ambiguous


def test_a_write_that_was_not_sent_is_in_no_doubt(edge: Edge, client: Maker, nobody: str) -> None:
    """A connection that was refused carried nothing."""
    error = fails(edge, client(disabled=True), "POST", nobody, body=b"{}", timeout=10.0)

    assert verto_resilience.report(error) is None
    assert not verto_resilience.outcome(error).ambiguous


@pytest.mark.parametrize(("status", "is_in_doubt"), [(201, False), (400, False), (504, True)])
def test_an_answer_to_a_write_is_in_doubt_where_it_is_the_servers_fault(
    client: Maker, wired: Wirer, status: int, is_in_doubt: bool
) -> None:
    """A 5xx may have come after the deed; an answer that decides leaves nothing open."""
    wire = wired(answer(status=status))

    came = client(disabled=True).send("POST", wire.url, body=b"{}")

    assert verto_resilience.report(came.bearer) is None
    assert verto_resilience.outcome(came.bearer).ambiguous is is_in_doubt
