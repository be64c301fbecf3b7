import time

import pytest
import requests

from tests.end_to_end.sessions import Mounter, adapter_of, balance, report
from verto_resilience import CallRejectedError, CircuitOpenError, PausedError
from verto_resilience.pipeline import End
from verto_resilience.testing import Reply, Sandbox

pytestmark = pytest.mark.end_to_end

FINITE = {"budget_trickle": 0.0, "budget_deposit": 0.25, "max_attempts": 2}
"""What is spent does not come back by itself."""


def refuse(session: requests.Session, url: str, kind: type[CallRejectedError]) -> None:
    """Call forty times, and be refused each time; forty sends would earn ten resends."""
    for _ in range(40):
        with pytest.raises(kind):
            session.get(url)


def test_calls_refused_by_an_open_circuit_earn_no_resends(verto: Sandbox, mounted: Mounter) -> None:
    """However often it is asked in an outage, the origin gets no more resends after it."""
    session = mounted(**FINITE, break_duration=60)
    url = f"{verto.url}/status/503"
    for _ in range(3):
        session.get(url)
    left, arrived = balance(session, url), verto.arrived

    refuse(session, url, CircuitOpenError)

    assert left < 10.0
    assert balance(session, url) == left
    assert verto.arrived == arrived


def test_calls_refused_by_a_pause_earn_no_resends(verto: Sandbox, mounted: Mounter) -> None:
    """Calls that a paused origin never saw pay nothing in."""
    session = mounted(**FINITE)
    verto.script("/status/200", [503, 200, 503, 200, Reply(429, retry_after=300)])
    url = f"{verto.url}/status/200"
    for _ in range(3):
        session.get(url)
    left, arrived = balance(session, url), verto.arrived

    refuse(session, url, PausedError)

    assert left < 10.0
    assert balance(session, url) == left
    assert verto.arrived == arrived == 5


def test_an_empty_budget_stays_empty_through_the_outage(verto: Sandbox, mounted: Mounter) -> None:
    """After many refusals a call that fails is sent once, and says that the budget is empty."""
    session = mounted(**FINITE, break_duration=60, budget_capacity=1.0)
    url = f"{verto.url}/status/503"
    session.get(url)
    breaker = adapter_of(session, url).circuits.at(verto.url, 0).breaker
    breaker.open(time.monotonic())
    refuse(session, url, CircuitOpenError)
    breaker.reset(time.monotonic())
    verto.clear()

    response = session.get(url)

    assert report(response).end is End.BUDGET_SPENT
    assert verto.arrived == 1


def test_calls_that_are_sent_earn_resends(verto: Sandbox, mounted: Mounter) -> None:
    """Four calls that arrive are worth one resend."""
    session = mounted(**FINITE, consecutive_failures=None, minimum_calls=1000)
    url = f"{verto.url}/status/200"
    verto.script("/status/200", [503, 200, 503, 200])
    for _ in range(2):
        session.get(url)
    before = balance(session, url)

    for _ in range(4):
        session.get(url)

    assert balance(session, url) == before + 1.0
