"""One row for each documented status: what it does to the circuit, the pause and the call."""

import pytest

from tests.contract.edges import Edge
from tests.contract.seen import Maker, circuit, fails, failures, told
from tests.end_to_end.statuses import STATUSES
from tests.end_to_end.wire import (
    BROKEN_CHUNK,
    CLOSE_AT_ONCE,
    GARBAGE,
    RESET_AT_ONCE,
    RESET_IN_BODY,
    SHORT_BODY,
    STALLED,
    STALLED_BODY,
    TRUNCATED_CHUNKS,
    Say,
    Wirer,
    answer,
)
from verto_resilience import Category, Failure, Health
from verto_resilience.testing import Reply, Sandbox

pytestmark = pytest.mark.end_to_end

FAULTS = {
    "closed": (CLOSE_AT_ONCE, Failure.RESET),
    "reset": (RESET_AT_ONCE, Failure.RESET),
    "garbage": (GARBAGE, Failure.MALFORMED_RESPONSE),
    "silent": (STALLED, Failure.READ_TIMEOUT),
    "truncated_chunks": (TRUNCATED_CHUNKS, Failure.BODY),
    "broken_chunk": (BROKEN_CHUNK, Failure.BODY),
    "short_body": (SHORT_BODY, Failure.BODY),
    "reset_in_body": (RESET_IN_BODY, Failure.RESET),
    "stalled_body": (STALLED_BODY, Failure.READ_TIMEOUT),
}


def patience(failure: Failure) -> float:
    """Give the seconds to wait for what comes; few where nothing does."""
    return 0.3 if failure is Failure.READ_TIMEOUT else 10.0


faulty = pytest.mark.parametrize(("fault", "failure"), FAULTS.values(), ids=FAULTS)


@pytest.mark.parametrize(("status", "expected"), STATUSES.items(), ids=map(str, STATUSES))
def test_status_is_classified(
    client: Maker, verto: Sandbox, status: int, expected: tuple[Category, Health, int]
) -> None:
    """The last answer is returned with its report, and never raised for its status."""
    verto.script(None, [Reply(status)], repeat=True)

    came = client().send("GET", f"{verto.url}/anything")

    attempts = told(came).attempts
    last = attempts[-1].outcome
    assert came.status == status
    assert (last.category, last.health, len(attempts)) == expected
    assert verto.arrived == expected[2]


def test_api_error_code_is_read_from_the_body(client: Maker, verto: Sandbox) -> None:
    """The code in the body of an error goes with the outcome, and the body is the caller's."""
    verto.script(None, [Reply(400, code=2)])

    came = client().send("GET", f"{verto.url}/anything")

    outcome = told(came).attempts[0].outcome
    assert outcome.api_error is not None
    assert outcome.api_error.code == 2
    assert b"2" in came.body


@faulty
def test_fault_is_a_failed_attempt_and_resent(
    client: Maker, wired: Wirer, fault: Say, failure: Failure
) -> None:
    """A GET that breaks anywhere, its body included, is sent again; the caller sees no part."""
    wire = wired(fault, answer(b"whole"))
    sender = client()

    came = sender.send("GET", wire.url, timeout=patience(failure))

    assert came.body == b"whole"
    assert failures(came) == [failure, None]
    assert len(wire.heard) == 2
    assert circuit(sender, wire.url).failures == 1


@faulty
def test_fault_of_the_last_attempt_is_what_the_host_raises(
    edge: Edge, client: Maker, wired: Wirer, fault: Say, failure: Failure
) -> None:
    """The error is the host library's own, with the report and a note."""
    wire = wired(fault, fault, fault)

    error = fails(edge, client(), "GET", wire.url, timeout=patience(failure))

    assert failures(error) == [failure] * 3
    assert "not resent after attempt 3" in "".join(error.__notes__)


def test_refused_connection_is_resent_whatever_the_method(
    edge: Edge, client: Maker, verto: Sandbox
) -> None:
    """Nothing was sent, so a write may be tried again as well, and its outcome is known."""
    url = verto.url
    verto.close()

    error = fails(edge, client(), "POST", url, body=b"{}")

    assert failures(error) == [Failure.CONNECT] * 3
    assert not told(error).ambiguous
