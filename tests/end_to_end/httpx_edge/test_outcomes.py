import httpx
import pytest

import verto_resilience
from tests.end_to_end.httpx_edge.conftest import Clients
from tests.end_to_end.httpx_edge.looks import STREAM
from tests.end_to_end.wire import RESET_AT_ONCE, Wirer, answer
from verto_resilience import BadRequestError, Category, CircuitOpenError, Failure
from verto_resilience.pipeline import End
from verto_resilience.testing import Sandbox

pytestmark = pytest.mark.end_to_end

JSON = "Content-Type: application/json\r\nVfx-Api-Call-Id: call-7\r\n"
SIGNED = {"Authorization": "Bearer canary-of-the-header"}


def test_an_answer_tells_what_came_of_its_call(client: Clients, wired: Wirer) -> None:
    """As one of requests does: status, code, message and what to quote, without credentials."""
    body = b'{"code": 2, "message": "not for canary-of-the-header"}'
    wire = wired(answer(body, status=400, head=JSON))

    response = client().get(f"{wire.url}/a?b=c", headers=SIGNED)

    outcome = verto_resilience.outcome(response)
    assert (outcome.status, outcome.code, outcome.call_id) == (400, 2, "call-7")
    assert outcome.asked == f"GET {wire.url}/a"
    assert len(outcome.attempts) == 1
    assert "not for" in str(outcome.message)
    assert "canary" not in str(outcome)


def test_an_answer_that_was_not_read_is_not_read_for_it(client: Clients, wired: Wirer) -> None:
    """Of a stream only what came with the headers is known."""
    wire = wired(answer(b'{"code": 2}', status=400, head=JSON))

    with client().stream("GET", wire.url, extensions=STREAM) as response:
        outcome = verto_resilience.outcome(response)

        assert (outcome.status, outcome.code) == (400, None)
        assert not response.is_stream_consumed


def test_an_exception_tells_what_came_of_its_call(client: Clients, wired: Wirer) -> None:
    """A write that may have been executed is told as unknown."""
    wire = wired(RESET_AT_ONCE)

    with pytest.raises(httpx.ReadError) as failed:
        client().post(wire.url, content=b"x")

    outcome = verto_resilience.outcome(failed.value)
    assert (outcome.failure, outcome.end) == (Failure.RESET, End.NOT_REPEATABLE)
    assert outcome.ambiguous
    assert outcome.asked == f"POST {wire.url}"


def test_a_refusal_tells_when_to_ask_again(client: Clients, verto: Sandbox) -> None:
    """Nothing was sent, and the outcome says so."""
    sender = client(max_attempts=1, break_duration=60)
    for _ in range(5):
        sender.get(f"{verto.url}/status/503")

    with pytest.raises(CircuitOpenError) as refused:
        sender.get(verto.url)

    outcome = verto_resilience.outcome(refused.value)
    assert outcome.end is End.CIRCUIT_OPEN
    assert outcome.retry_after == pytest.approx(60, abs=5)


def test_what_httpx_raises_for_a_status_tells_what_its_answer_tells(
    client: Clients, wired: Wirer
) -> None:
    """``raise_for_status`` loses nothing, and ``raise_for_outcome`` raises our classes."""
    wire = wired(answer(b'{"code": 2}', status=400, head=JSON))
    response = client().get(wire.url)

    with pytest.raises(httpx.HTTPStatusError) as plain:
        response.raise_for_status()
    with pytest.raises(BadRequestError) as typed:
        verto_resilience.raise_for_outcome(response)

    assert verto_resilience.outcome(plain.value) == typed.value.outcome
    assert verto_resilience.report(plain.value) == verto_resilience.report(response)
    assert typed.value.code == 2


def test_what_did_not_come_through_us_is_classified_from_itself() -> None:
    """An exception without a request, and one that httpx raised elsewhere, have an outcome too."""
    outcome = verto_resilience.outcome(httpx.ConnectTimeout("x"))

    assert (outcome.category, outcome.failure) == (Category.TRANSPORT, Failure.CONNECT_TIMEOUT)
    assert outcome.asked == ""
