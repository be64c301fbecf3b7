import pickle
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from tests.end_to_end.sessions import Mounter, Told, adapter_of, circuit, report
from tests.end_to_end.wire import CLOSE_AT_ONCE, GARBAGE, RESET_AT_ONCE, SHORT_BODY, Say, Wirer
from verto_resilience import CircuitOpenError, Mode, State, TripReason
from verto_resilience.pipeline import CircuitMoved, End
from verto_resilience.testing import Reply, Sandbox

pytestmark = pytest.mark.end_to_end

SOON = 0.25
"""Seconds that a refusal takes at the most, on a busy machine."""


def trip(session: requests.Session, verto: Sandbox) -> None:
    """Open the circuit with five failures in a row."""
    for _ in range(5):
        session.get(f"{verto.url}/status/503")
    verto.clear()


def wait_for_break(session: requests.Session, verto: Sandbox) -> None:
    """Sleep until the break is over."""
    time.sleep(circuit(session, verto.url).open_for + 0.01)


def test_five_server_errors_in_a_row_open_it(verto: Sandbox, mounted: Mounter) -> None:
    """After five 5xx nothing more is sent, and the refusal comes at once."""
    session = mounted(max_attempts=1)
    for status in (500, 503, 504, 502, 599):
        assert session.get(f"{verto.url}/status/{status}").status_code == status
    began = time.monotonic()

    with pytest.raises(CircuitOpenError):
        session.get(f"{verto.url}/status/200")

    assert time.monotonic() - began < SOON
    assert verto.arrived == 5


def test_resends_count_as_failures_too(verto: Sandbox, mounted: Mounter) -> None:
    """Every attempt counts: two calls of three sends open it at the fifth send."""
    session = mounted()

    session.get(f"{verto.url}/status/503")
    second = session.get(f"{verto.url}/status/503")

    assert verto.arrived == 5
    assert (second.status_code, report(second).end) == (503, End.CIRCUIT_OPEN)


@pytest.mark.parametrize("fault", [CLOSE_AT_ONCE, RESET_AT_ONCE, GARBAGE, SHORT_BODY])
def test_transport_failures_open_it(mounted: Mounter, wired: Wirer, fault: Say) -> None:
    """Five connections that break in whatever way open it."""
    wire = wired(*[fault] * 9)
    session = mounted(max_attempts=1)
    for _ in range(5):
        with pytest.raises(requests.exceptions.RequestException):
            session.get(wire.url)

    with pytest.raises(CircuitOpenError):
        session.get(wire.url)

    assert len(wire.heard) == 5


def test_refused_connections_open_it(verto: Sandbox, mounted: Mounter) -> None:
    """A server that is not there opens it, and is not knocked at any more."""
    verto.close()
    session = mounted(max_attempts=1)
    for _ in range(5):
        with pytest.raises(requests.exceptions.ConnectionError) as failed:
            session.get(verto.url)
        assert not isinstance(failed.value, CircuitOpenError)

    with pytest.raises(CircuitOpenError):
        session.get(verto.url)


def test_rate_limits_never_open_it(verto: Sandbox, mounted: Mounter) -> None:
    """A dozen 429s, with and without Retry-After, pause the origin and leave it closed."""
    session = mounted(max_attempts=1, backoff_base=0.001, backoff_limit=0.001)
    verto.script("/x", [Reply(429), Reply(429, retry_after=0)], repeat=True)

    answers = [session.get(f"{verto.url}/x").status_code for _ in range(12)]

    assert answers == [429] * 12
    stands = circuit(session, verto.url)
    assert (stands.state, stands.calls, stands.failures) == (State.CLOSED, 0, 0)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 418])
def test_client_errors_never_open_it(verto: Sandbox, mounted: Mounter, status: int) -> None:
    """A dozen answers that blame the caller say that the origin is well."""
    session = mounted()

    answers = [session.get(f"{verto.url}/status/{status}").status_code for _ in range(12)]

    assert answers == [status] * 12
    stands = circuit(session, verto.url)
    assert (stands.state, stands.calls, stands.failures) == (State.CLOSED, 12, 0)


def test_failure_rate_opens_it(verto: Sandbox, mounted: Mounter) -> None:
    """Half of ten calls failing opens it, although no five fail in a row."""
    session = mounted(max_attempts=1)
    verto.script("/x", [200, 503], repeat=True)
    for _ in range(10):
        session.get(f"{verto.url}/x")

    with pytest.raises(CircuitOpenError) as refused:
        session.get(f"{verto.url}/x")

    assert refused.value.reason is TripReason.FAILURE_RATE
    assert verto.arrived == 10


def test_another_origin_stays_closed(verto: Sandbox, mounted: Mounter) -> None:
    """The circuit is one origin's: a second server on this host is called meanwhile."""
    session = mounted(max_attempts=1)
    trip(session, verto)

    with Sandbox() as elsewhere:
        assert session.get(f"{elsewhere.url}/status/200").status_code == 200


def test_refusal_says_who_why_and_until_when(verto: Sandbox, mounted: Mounter) -> None:
    """``CircuitOpenError`` is a requests ConnectionError with key, reason, last failure, time."""
    session = mounted(max_attempts=1)
    trip(session, verto)

    with pytest.raises(requests.exceptions.ConnectionError) as refused:
        session.get(f"{verto.url}/x", headers={"X-A": "1"})

    error = refused.value
    assert isinstance(error, CircuitOpenError)
    assert error.key == verto.url
    assert error.reason is TripReason.CONSECUTIVE_FAILURES
    assert error.last_failure == "503"
    assert error.retry_after is not None
    assert 0.0 < error.retry_after <= 0.3
    assert error.request is not None
    assert error.request.url == f"{verto.url}/x"
    assert error.response is None


def test_refusal_pickles(verto: Sandbox, mounted: Mounter) -> None:
    """A refusal that crosses to another process keeps its type, its text and its facts."""
    session = mounted(max_attempts=1)
    trip(session, verto)
    with pytest.raises(CircuitOpenError) as refused:
        session.get(verto.url)

    error: Any = pickle.loads(pickle.dumps(refused.value))  # noqa: S301 - its own

    assert error.request.url == f"{verto.url}/"
    assert type(error) is type(refused.value)
    facts = ("key", "retry_after", "reason", "last_failure")
    assert [getattr(error, name) for name in facts] == [
        getattr(refused.value, name) for name in facts
    ]
    assert str(error) == str(refused.value)


def test_refusal_has_a_report(verto: Sandbox, mounted: Mounter) -> None:
    """The report of a refused call says that nothing was sent, and why."""
    session = mounted(max_attempts=1)
    trip(session, verto)

    with pytest.raises(CircuitOpenError) as refused:
        session.get(verto.url)

    assert report(refused.value).attempts == ()
    assert report(refused.value).end is End.CIRCUIT_OPEN


def test_one_probe_is_out_at_half_open(verto: Sandbox, mounted: Mounter) -> None:
    """Of twenty threads that wait for the end of a break one is let through; the rest fail fast."""
    session = mounted(max_attempts=1)
    trip(session, verto)
    verto.script("/slow", [Reply(200, delay=0.4)] * 20)
    wait_for_break(session, verto)
    start = threading.Barrier(20)

    def work(_: int) -> tuple[str, float]:
        start.wait(5)
        began = time.monotonic()
        try:
            answer = str(session.get(f"{verto.url}/slow").status_code)
        except CircuitOpenError:
            answer = "refused"
        return answer, time.monotonic() - began

    with ThreadPoolExecutor(20) as threads:
        seen = list(threads.map(work, range(20)))

    assert Counter(answer for answer, _ in seen) == {"200": 1, "refused": 19}
    assert max(took for answer, took in seen if answer == "refused") < 0.4
    assert verto.arrived == 1


def test_probes_go_one_after_the_other_and_close_it(verto: Sandbox, mounted: Mounter) -> None:
    """Two good probes close it; from then on every call is sent."""
    told = Told()
    session = mounted(max_attempts=1, observer=told)
    trip(session, verto)
    wait_for_break(session, verto)

    states = []
    for _ in range(4):
        session.get(f"{verto.url}/status/200")
        states.append(circuit(session, verto.url).state)

    assert states == [State.HALF_OPEN, State.CLOSED, State.CLOSED, State.CLOSED]
    moves = [event.transition.after for event in told.of(CircuitMoved)]
    assert moves == [State.OPEN, State.HALF_OPEN, State.CLOSED]
    assert verto.arrived == 4


def test_bad_probe_opens_it_again_for_longer(verto: Sandbox, mounted: Mounter) -> None:
    """One bad probe re-opens it at once, and the next break is twice as long."""
    session = mounted(max_attempts=1)
    trip(session, verto)
    wait_for_break(session, verto)

    session.get(f"{verto.url}/status/503")

    with pytest.raises(CircuitOpenError) as refused:
        session.get(f"{verto.url}/status/200")
    assert refused.value.reason is TripReason.PROBE_FAILED
    assert refused.value.retry_after is not None
    assert 0.3 < refused.value.retry_after <= 0.6
    assert verto.arrived == 1


def test_probe_that_is_told_to_wait_gives_its_place_back(verto: Sandbox, mounted: Mounter) -> None:
    """A 429 for a probe says nothing of the origin's health: the next call is the probe."""
    session = mounted(max_attempts=1)
    trip(session, verto)
    wait_for_break(session, verto)
    verto.script("/x", [Reply(429, retry_after=0)])

    session.get(f"{verto.url}/x")
    response = session.get(f"{verto.url}/status/200")

    assert response.status_code == 200
    assert circuit(session, verto.url).successes == 1


def test_late_answer_from_before_the_break_changes_nothing(
    verto: Sandbox, mounted: Mounter
) -> None:
    """A good answer to a call that was out when it opened neither closes it nor is a probe."""
    session = mounted(max_attempts=1)
    verto.script("/slow", [Reply(200, delay=0.5)])
    with ThreadPoolExecutor(1) as thread:
        slow = thread.submit(session.get, f"{verto.url}/slow")
        assert verto.wait_for(1)
        for _ in range(5):
            session.get(f"{verto.url}/status/503")
        time.sleep(0.31)
        session.get(f"{verto.url}/status/200")
        before = circuit(session, verto.url)

        assert slow.result(5).status_code == 200

    after = circuit(session, verto.url)
    assert before.state is State.HALF_OPEN
    assert (after.state, after.successes) == (before.state, before.successes) == ("half_open", 1)


def test_late_failures_from_before_the_break_do_not_open_it_anew(
    verto: Sandbox, mounted: Mounter
) -> None:
    """Six 503s to calls that were out when it opened change nothing once it has closed again."""
    session = mounted(max_attempts=1)
    verto.script("/slow", [Reply(503, delay=0.8)] * 6)
    with ThreadPoolExecutor(6) as threads:
        slow = [threads.submit(session.get, f"{verto.url}/slow") for _ in range(6)]
        assert verto.wait_for(6)
        for _ in range(5):
            session.get(f"{verto.url}/status/503")
        wait_for_break(session, verto)
        for _ in range(2):
            session.get(f"{verto.url}/status/200")
        assert circuit(session, verto.url).state is State.CLOSED

        assert [one.result(5).status_code for one in slow] == [503] * 6

    stands = circuit(session, verto.url)
    assert (stands.state, stands.calls, stands.failures) == (State.CLOSED, 0, 0)


def test_open_circuit_ends_a_wait_with_the_last_answer(verto: Sandbox, mounted: Mounter) -> None:
    """A call whose circuit opens while it waits to resend gets the answer it had, not our error."""
    session = mounted(backoff_base=1.0, backoff_limit=1.0, break_duration=5)
    verto.script("/x", [Reply(503, json={"mine": True}, retry_after=1)])
    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(session.get, f"{verto.url}/x")
        assert verto.wait_for(1, answered=True)
        adapter = adapter_of(session, verto.url)
        adapter.circuits.at(verto.url, 0).breaker.open(time.monotonic())

        response = waiting.result(5)

    assert (response.status_code, response.json()) == (503, {"mine": True})
    assert report(response).end is End.CIRCUIT_OPEN
    assert verto.arrived == 1


@pytest.mark.parametrize("mode", [Mode.OBSERVE_ONLY, Mode.OFF])
def test_other_modes_refuse_nothing(verto: Sandbox, mounted: Mounter, mode: Any) -> None:
    """A circuit that only observes, or is off, lets every call through."""
    session = mounted(max_attempts=1, breaker_mode=mode)

    answers = [session.get(f"{verto.url}/status/503").status_code for _ in range(9)]

    assert answers == [503] * 9
    assert verto.arrived == 9


def test_forced_open_sends_nothing(verto: Sandbox, mounted: Mounter) -> None:
    """A circuit that is forced open refuses the very first call."""
    with pytest.raises(CircuitOpenError):
        mounted(breaker_mode=Mode.FORCED_OPEN).get(f"{verto.url}/status/200")

    assert verto.arrived == 0
