"""``outcome`` of a read that no report came with: it leaves nothing open."""

import pickle
from typing import Any

import pytest
import requests
import urllib3

import verto_resilience
from tests.contract.edges import Edge
from tests.contract.seen import Maker, fails
from tests.contract.test_without_report import FAULTS
from tests.end_to_end.sessions import quick
from tests.end_to_end.wire import RESET_AT_ONCE, STALLED, Say, Wirer, answer
from verto_resilience import VertoPoolManager

pytestmark = pytest.mark.end_to_end

FAILED = answer(status=504)


def gone(status: int) -> Say:
    """Make an answer that leads to another place."""
    return answer(status=status, head="Location: /after\r\n")


def test_an_answer_to_a_read_is_in_no_doubt(client: Maker, wired: Wirer) -> None:
    """A 5xx to a GET says that it failed, and nothing else, with the kill switch on, too."""
    wire = wired(FAILED)

    came = client(disabled=True).send("GET", wire.url)

    assert verto_resilience.report(came.bearer) is None
    assert not verto_resilience.outcome(came.bearer).ambiguous


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_read_that_failed_is_in_no_doubt(
    edge: Edge, client: Maker, wired: Wirer, fault: Say
) -> None:
    """Whatever became of it; what requests itself raises of a body does not know of what."""
    # What resends by itself does so here.
    wire = wired(*[fault] * 4)
    patience = 0.3 if fault is STALLED else 10.0

    error = fails(edge, client(disabled=True), "GET", wire.url, timeout=patience)

    told = verto_resilience.outcome(error)
    assert verto_resilience.report(error) is None
    assert told.ambiguous is isinstance(error, requests.exceptions.ChunkedEncodingError)


def disabled() -> urllib3.PoolManager:
    """Make a manager with the kill switch on."""
    return VertoPoolManager(policy=quick(disabled=True))


@pytest.mark.parametrize("make", [disabled, urllib3.PoolManager])
@pytest.mark.parametrize(
    ("method", "status", "is_in_doubt"),
    [("GET", 302, False), ("POST", 303, False), ("POST", 302, True), ("POST", 307, True)],
)
def test_an_answer_of_another_hop_goes_by_the_method_of_that_hop(
    *, wired: Wirer, make: Any, method: str, status: int, is_in_doubt: bool
) -> None:
    """A 303 leads to a read; urllib3 tells of it to those as well who do not come through us."""
    wire = wired(gone(status), FAILED)
    with make() as sender:
        response = sender.request(method, wire.url, body=b"{}")

        told = verto_resilience.outcome(response)

    assert [heard.path for heard in wire.heard] == ["/", "/after"]
    assert told.ambiguous is is_in_doubt
    if make is disabled:
        assert told.asked == f"{wire.heard[-1].method} {wire.url}/after"


def test_the_history_of_another_call_tells_nothing_of_this_one(wired: Wirer) -> None:
    """Who goes on with the ``Retry`` of a read does not make a read of a write."""
    wire = wired(gone(302), answer(), FAILED)
    with disabled() as sender:
        read = sender.request("GET", wire.url)

        response = sender.request("POST", wire.url, body=b"{}", retries=read.retries)

    assert verto_resilience.outcome(response).ambiguous


def test_an_answer_of_urllib3_alone_stays_in_doubt(wired: Wirer) -> None:
    """Of the first hop nothing public tells the method, and a write must not pass for a read."""
    wire = wired(FAILED)
    with urllib3.PoolManager() as sender:
        response = sender.request("GET", wire.url)

    assert verto_resilience.outcome(response).ambiguous


def test_what_failed_with_the_kill_switch_on_holds_no_credentials(wired: Wirer) -> None:
    """It may be pickled; an answer knows what it was sent, to keep it out of texts."""
    headers = {"Authorization": "Bearer canary"}
    wire = wired(RESET_AT_ONCE, answer(b'{"message": "no canary"}', status=400))
    with disabled() as sender:
        with pytest.raises(urllib3.exceptions.ProtocolError) as failed:
            sender.request("GET", wire.url, headers=headers, retries=False)
        response = sender.request("GET", wire.url, headers=headers)

    assert b"canary" not in pickle.dumps(failed.value)
    assert "canary" not in str(verto_resilience.outcome(response).message)
