import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

import verto_resilience
from tests.end_to_end.sessions import PATIENT, Mounter, Told, balance, circuit, report
from tests.end_to_end.statuses import STATUSES
from tests.end_to_end.wire import SHORT_BODY, STALLED, STALLED_BODY, Wirer
from verto_resilience import Category, Health, PausedError
from verto_resilience.pipeline import End, WaitSource
from verto_resilience.testing import Reply, RetryAfterForm, Sandbox

pytestmark = pytest.mark.end_to_end

SOON = 0.7
"""Seconds within which something has happened at once, on a busy machine."""


def gap(verto: Sandbox, first: int = 0) -> float:
    """Give the seconds from an answer to the next arrival, by the server's clock."""
    earlier, later = verto.log[first : first + 2]
    assert earlier.answered is not None
    return later.arrived - earlier.answered


@pytest.mark.parametrize("status", STATUSES)
def test_documented_status_is_classified_and_sent_as_often_as_it_should(
    verto: Sandbox, mounted: Mounter, status: int
) -> None:
    """Each of the 13 statuses has its category, its health, and its number of sends for a GET."""
    category, health, sends = STATUSES[status]
    session = mounted()

    response = session.get(f"{verto.url}/status/{status}")

    seen = report(response)
    assert response.status_code == status
    assert [attempt.outcome.category for attempt in seen.attempts] == [category] * sends
    assert verto.arrived == sends
    assert seen.attempts[0].outcome.documented
    stands = circuit(session, verto.url)
    assert stands.failures == (sends if health is Health.BAD else 0)
    assert stands.calls == (0 if health is Health.UNKNOWN else sends)


@pytest.mark.parametrize(("status", "sends"), [(418, 1), (502, 3), (599, 3), (777, 3)])
def test_undocumented_status_falls_back_to_its_class(
    verto: Sandbox, mounted: Mounter, status: int, sends: int
) -> None:
    """A status that the page does not list is treated as its class, and marked so."""
    seen = report(mounted().get(f"{verto.url}/status/{status}"))

    assert verto.arrived == len(seen.attempts) == sends
    assert not seen.attempts[0].outcome.documented


def test_documented_error_code_is_read(verto: Sandbox, mounted: Mounter) -> None:
    """The API error code and the message of a 400 are in the report."""
    outcome = report(mounted().get(f"{verto.url}/status/400")).outcome

    assert outcome is not None
    assert outcome.api_error is not None
    assert (outcome.api_error.code, outcome.api_error.message) == (1, "Bad Request")


def test_success_that_denies_itself_is_not_resent(verto: Sandbox, mounted: Mounter) -> None:
    """A 200 that says ``"success": false`` is an api_failure, good for the circuit, sent once."""
    verto.script("/x", [Reply(200, json={"success": False, "code": 2})])
    session = mounted()

    outcome = report(session.get(f"{verto.url}/x")).outcome

    assert outcome is not None
    assert outcome.category is Category.API_FAILURE
    assert verto.arrived == 1
    assert circuit(session, verto.url).failures == 0


@pytest.mark.parametrize("status", [500, 503, 504])
def test_server_error_is_resent_until_it_is_over(
    verto: Sandbox, mounted: Mounter, status: int
) -> None:
    """The caller of a GET sees the success that followed a 5xx, and the report both."""
    verto.script("/x", [status, Reply(200, json={"n": 2})])

    response = mounted().get(f"{verto.url}/x")

    assert response.json() == {"n": 2}
    assert [attempt.outcome.status for attempt in report(response).attempts] == [status, 200]
    assert verto.arrived == 2


def test_rate_limit_is_resent_for_any_method(verto: Sandbox, mounted: Mounter) -> None:
    """A POST without a key is sent again after a 429: it was not executed."""
    verto.script("/x", [429, Reply(201)])

    assert mounted().post(f"{verto.url}/x", json={"a": 1}).status_code == 201
    assert [arrival.body for arrival in verto.log] == [b'{"a": 1}'] * 2


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("form", list(RetryAfterForm))
def test_resend_is_never_earlier_than_retry_after(
    verto: Sandbox, mounted: Mounter, status: int, form: RetryAfterForm
) -> None:
    """The next request arrives no sooner than told, by the server's clock, and not much later."""
    verto.script("/x", [Reply(status, retry_after=1, retry_after_form=form), Reply(204)])

    response = mounted().get(f"{verto.url}/x")

    assert response.status_code == 204
    assert 1.0 <= gap(verto) < 1.0 + SOON
    assert report(response).attempts[1].wait_source is WaitSource.RETRY_AFTER


@pytest.mark.parametrize("skew", [-3600.0, 3600.0])
def test_wrong_clock_of_the_server_does_no_harm(mounted: Mounter, skew: float) -> None:
    """A date in Retry-After is read against the response's own Date, whatever the hour here."""
    with Sandbox(clock_skew=skew) as verto:
        limited = Reply(429, retry_after=1, retry_after_form=RetryAfterForm.DATE)
        verto.script("/x", [limited, Reply(204)])

        assert mounted().get(f"{verto.url}/x").status_code == 204
        assert 1.0 <= gap(verto) < 1.0 + SOON


def test_server_error_of_a_verto_host_waits_within_the_band(
    verto: Sandbox, mounted: Mounter
) -> None:
    """A 5xx of a Verto host is resent after the documented band, by the server's clock."""
    session = mounted(
        verto_hosts=("127.0.0.1",), server_error_wait_min=0.4, server_error_wait_max=0.5
    )
    verto.script("/x", [503, 503, Reply(204)])

    response = session.get(f"{verto.url}/x")

    assert response.status_code == 204
    for first in (0, 1):
        assert 0.4 <= gap(verto, first) < 0.5 + SOON
    assert report(response).attempts[1].wait_source is WaitSource.SERVER_ERROR_BAND


def test_server_error_of_another_host_backs_off(verto: Sandbox, mounted: Mounter) -> None:
    """The band is Verto's word and holds for nobody else."""
    session = mounted(server_error_wait_min=3.0, server_error_wait_max=4.0)
    verto.script("/x", [503, Reply(204)])

    response = session.get(f"{verto.url}/x")

    assert gap(verto) < SOON
    assert report(response).attempts[1].wait_source is WaitSource.BACKOFF


def test_wait_that_does_not_fit_gives_the_answer_back_at_once(
    verto: Sandbox, mounted: Mounter
) -> None:
    """A 429 whose Retry-After passes the deadline is returned, not slept on."""
    verto.script("/x", [Reply(429, retry_after=3600)])
    began = time.monotonic()

    response = mounted().get(f"{verto.url}/x")

    assert response.status_code == 429
    assert time.monotonic() - began < SOON
    assert report(response).end is End.DEADLINE
    assert verto.arrived == 1


def test_calls_after_it_are_refused_at_once(verto: Sandbox, mounted: Mounter) -> None:
    """While an origin is paused for longer than a call may last, nothing is sent to it."""
    session = mounted()
    verto.script("/x", [Reply(429, retry_after=100)])
    session.get(f"{verto.url}/x")

    with pytest.raises(PausedError) as refused:
        session.post(f"{verto.url}/other")

    assert isinstance(refused.value, requests.exceptions.ConnectionError)
    assert refused.value.retry_after is not None
    assert 99.0 < refused.value.retry_after <= 100.0 + 0.1
    assert report(refused.value).attempts == ()
    assert verto.arrived == 1


def test_another_thread_waits_for_the_pause(verto: Sandbox, mounted: Mounter) -> None:
    """A call that meets a pause which fits waits for its end, then is sent once."""
    session = mounted(max_attempts=1)
    verto.script("/x", [Reply(429, retry_after=1)])
    session.get(f"{verto.url}/x")

    response = session.get(f"{verto.url}/status/200")

    assert response.status_code == 200
    assert 1.0 <= gap(verto) < 1.0 + SOON
    assert report(response).attempts[0].wait_source is WaitSource.PAUSE


def test_another_origin_is_not_paused(verto: Sandbox, mounted: Mounter) -> None:
    """A pause is one origin's: another is called meanwhile."""
    session = mounted()
    verto.script("/x", [Reply(429, retry_after=100)])
    session.get(f"{verto.url}/x")

    with Sandbox() as elsewhere:
        assert session.get(f"{elsewhere.url}/status/200").status_code == 200


def test_deadline_is_never_overslept(verto: Sandbox, mounted: Mounter) -> None:
    """A Retry-After a little longer than what is left is not waited for at all."""
    session = mounted(call_timeout=0.8, read_timeout=0.8, connect_timeout=0.8)
    verto.script("/x", [Reply(503, retry_after=1)])
    began = time.monotonic()

    response = session.get(f"{verto.url}/x")

    assert time.monotonic() - began < SOON
    assert (response.status_code, report(response).end) == (503, End.DEADLINE)


def test_band_that_does_not_fit_gives_the_answer_back_at_once(
    verto: Sandbox, mounted: Mounter
) -> None:
    """A 5xx of a Verto host whose band of 5 to 10 s passes the deadline is returned at once."""
    session = mounted(verto_hosts=("127.0.0.1",), call_timeout=3, read_timeout=3, connect_timeout=3)
    began = time.monotonic()

    response = session.get(f"{verto.url}/status/503")

    assert time.monotonic() - began < SOON
    assert (response.status_code, report(response).end) == (503, End.DEADLINE)
    assert verto.arrived == 1


def test_deadline_cuts_the_timeout_of_an_attempt(mounted: Mounter, wired: Wirer) -> None:
    """An attempt gets no longer than what is left of the call, whatever its caller allows."""
    wire = wired(STALLED, STALLED)
    session = mounted(call_timeout=0.5, read_timeout=0.5, connect_timeout=0.5)
    began = time.monotonic()

    with pytest.raises(requests.exceptions.ReadTimeout):
        session.get(wire.url, timeout=30)

    assert 0.4 < time.monotonic() - began < 0.5 + SOON


@pytest.mark.parametrize("given", [None, (None, None), (1, None)])
def test_call_without_a_timeout_gets_one(mounted: Mounter, wired: Wirer, given: Any) -> None:
    """A caller who gives no timeout does not wait for ever: the policy's holds."""
    wire = wired(STALLED)
    session = mounted(read_timeout=0.3, max_attempts=1)

    with pytest.raises(requests.exceptions.ReadTimeout):
        session.get(wire.url, timeout=given)

    assert len(wire.heard) == 1


def test_timeout_of_the_caller_is_kept(mounted: Mounter, wired: Wirer) -> None:
    """A caller's own timeout beats the policy's."""
    wire = wired(STALLED)
    began = time.monotonic()

    with pytest.raises(requests.exceptions.ReadTimeout):
        mounted(max_attempts=1).get(wire.url, timeout=0.2)

    assert time.monotonic() - began < 0.2 + SOON


def test_last_real_response_is_kept(verto: Sandbox, mounted: Mounter) -> None:
    """When attempts run out the caller gets the last answer, body and all; never a RetryError."""
    verto.script("/x", [Reply(503, json={"n": n}) for n in (1, 2, 3)])

    response = mounted().get(f"{verto.url}/x")

    assert (response.status_code, response.json()) == (503, {"n": 3})
    assert response.headers["Vfx-Api-Call-Id"] == verto.log[2].call_id
    assert report(response).end is End.ATTEMPTS_SPENT


def test_last_real_error_is_raised_with_a_note(mounted: Mounter, wired: Wirer) -> None:
    """When attempts run out the caller gets requests' own exception, and a note says why."""
    wire = wired(SHORT_BODY, SHORT_BODY, SHORT_BODY)

    with pytest.raises(requests.exceptions.ChunkedEncodingError) as failed:
        mounted().get(wire.url)

    assert failed.value.__notes__ == [
        "verto_resilience: not resent after attempt 3: max_attempts is reached"
    ]
    seen = report(failed.value)
    assert (seen.end, len(seen.attempts)) == (End.ATTEMPTS_SPENT, 3)
    assert len(wire.heard) == 3


def test_each_exception_has_its_own_notes(mounted: Mounter, wired: Wirer) -> None:
    """Notes do not pile up from call to call."""
    wire = wired(STALLED_BODY, STALLED_BODY)
    session = mounted(max_attempts=1)

    for _ in range(2):
        with pytest.raises(requests.exceptions.ConnectionError) as failed:
            session.get(wire.url, timeout=0.2)

        assert len(failed.value.__notes__) == 1


def test_plain_response_has_no_report(verto: Sandbox, plain: requests.Session) -> None:
    """What did not come through the adapter has no report, and asking is no error."""
    response = plain.get(f"{verto.url}/status/200")

    assert verto_resilience.report(response) is None
    assert verto_resilience.report(ValueError("x")) is None
    assert verto_resilience.report(None) is None


def test_each_hop_of_a_redirect_has_its_report(verto: Sandbox, mounted: Mounter) -> None:
    """Each hop is a call: the final response and every one in ``history`` have their own."""
    verto.script("/x", [503, Reply(302, headers={"Location": "/status/204"})])

    response = mounted().get(f"{verto.url}/x")

    statuses = [
        [attempt.outcome.status for attempt in report(one).attempts]
        for one in (*response.history, response)
    ]
    assert statuses == [[503, 302], [204]]


def test_budget_bounds_resends(verto: Sandbox, mounted: Mounter) -> None:
    """An empty budget means that a call is sent once, and that it is told why."""
    told = Told()
    session = mounted(
        **PATIENT | {"budget_capacity": 2, "budget_deposit": 0, "budget_trickle": 0}, observer=told
    )

    responses = [session.get(f"{verto.url}/status/503") for _ in range(4)]

    assert [len(report(response).attempts) for response in responses] == [3, 1, 1, 1]
    assert [report(response).end for response in responses[1:]] == [End.BUDGET_SPENT] * 3
    assert verto.arrived == 6
    assert len(told.of(verto_resilience.pipeline.BudgetSpent)) == 3


def test_budget_is_shared_by_threads(verto: Sandbox, mounted: Mounter) -> None:
    """Twenty threads in an outage send the calls they make, and no more resends than tokens."""
    session = mounted(**PATIENT | {"budget_capacity": 5, "budget_deposit": 0, "budget_trickle": 0})
    start = threading.Barrier(20)

    def work(_: int) -> None:
        start.wait(5)
        session.get(f"{verto.url}/status/503")

    with ThreadPoolExecutor(20) as threads:
        list(threads.map(work, range(20)))

    assert verto.arrived == 25
    assert balance(session, verto.url) == 0.0


def test_calls_earn_budget(verto: Sandbox, mounted: Mounter) -> None:
    """Five good calls earn the one resend that an empty budget refused before."""
    session = mounted(
        **PATIENT
        | {"budget_capacity": 1, "budget_deposit": 0.2, "budget_trickle": 0, "max_attempts": 2}
    )
    session.get(f"{verto.url}/status/503")
    assert len(report(session.get(f"{verto.url}/status/503")).attempts) == 1

    for _ in range(4):
        session.get(f"{verto.url}/status/200")

    assert len(report(session.get(f"{verto.url}/status/503")).attempts) == 2
