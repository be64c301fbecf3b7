"""requests-cache: a session with a cache, above the adapter or, if need be, below it."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests
import requests_cache
from requests.adapters import BaseAdapter
from requests_cache import CachedSession

import verto_resilience
from tests.end_to_end.sessions import circuit, quick
from verto_resilience.mounting import install, uninstall
from verto_resilience.testing import Sandbox

pytestmark = pytest.mark.end_to_end

FX = "/orders/v2.1/fx"
QUOTE = f"{FX}?currencyFrom=USD&currencyTo=EUR"


@pytest.fixture
def cached() -> Iterator[CachedSession]:
    """Give a session that remembers, in memory, and falls back on what it has."""
    with CachedSession(backend="memory", expire_after=3600, stale_if_error=True) as session:
        yield session


class CachedAdapter(BaseAdapter):
    """Sends through a cached session: the cache below whatever is mounted around it."""

    def __init__(self, session: CachedSession) -> None:
        """Send through this one."""
        super().__init__()
        self.session = session

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> Any:
        """Ask the cache, then the server."""
        return self.session.send(request, *args, allow_redirects=False, **kwargs)

    def close(self) -> None:
        """Leave the session to its owner."""


def test_above_it_a_hit_is_no_call(verto: Sandbox, cached: CachedSession) -> None:
    """What is in the cache reaches neither circuit nor server; a miss is a call like any other."""
    verto.script(FX, [503])
    verto_resilience.mount(cached, policy=quick())

    first, second = cached.get(f"{verto.url}{QUOTE}"), cached.get(f"{verto.url}{QUOTE}")

    report = verto_resilience.report(first)
    assert (first.status_code, second.status_code) == (200, 200)
    assert report is not None
    assert [attempt.outcome.status for attempt in report.attempts] == [503, 200]
    assert getattr(second, "from_cache", False)
    assert verto_resilience.report(second) is None
    assert circuit(cached, verto.url).calls == 2
    assert verto.arrived == 2


def test_above_it_failures_are_not_remembered(verto: Sandbox, cached: CachedSession) -> None:
    """The cache keeps the answer of a call, never one that was resent, and no error."""
    verto.script(FX, [503, 503])
    verto_resilience.mount(cached, policy=quick(max_attempts=2))

    statuses = [cached.get(f"{verto.url}{QUOTE}").status_code for _ in range(3)]

    assert statuses == [503, 200, 200]
    assert verto.arrived == 3


def test_above_it_a_stale_answer_stands_in_for_a_refused_call(
    verto: Sandbox, cached: CachedSession
) -> None:
    """With ``stale_if_error`` an open circuit is answered from the cache, and nothing is sent."""
    policy = quick(max_attempts=1, consecutive_failures=1, break_duration=60)
    verto_resilience.mount(cached, policy=policy)
    cached.get(f"{verto.url}{QUOTE}")
    verto.script(None, [503])
    cached.get(f"{verto.url}/status/200")

    stale = cached.get(f"{verto.url}{QUOTE}", refresh=True)

    assert circuit(cached, verto.url).state == "open"
    assert stale.status_code == 200
    assert getattr(stale, "from_cache", False)
    assert verto.arrived == 2


def test_below_it_a_hit_counts_as_an_answer_of_the_server(
    verto: Sandbox, cached: CachedSession
) -> None:
    """Each attempt asks the cache, and the circuit takes what it says for the server's word."""
    verto.script(FX, [503])
    with requests.Session() as session:
        session.mount("http://", CachedAdapter(cached))
        verto_resilience.mount(session, policy=quick())

        answers = [session.get(f"{verto.url}{QUOTE}") for _ in range(3)]

    reports = [verto_resilience.report(answer) for answer in answers]
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert None not in reports
    assert circuit(session, verto.url).calls == 4
    assert verto.arrived == 2


def test_installed_caches_are_above_as_well(verto: Sandbox) -> None:
    """With both in force for the whole process, a hit is no call either."""
    verto.script(FX, [503])
    install(policy=quick())
    requests_cache.install_cache(backend="memory")
    try:
        answers = [requests.get(f"{verto.url}{QUOTE}", timeout=5) for _ in range(2)]
    finally:
        requests_cache.uninstall_cache()  # type: ignore[no-untyped-call]
        uninstall()

    reports = [verto_resilience.report(answer) for answer in answers]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert [report is None for report in reports] == [False, True]
    assert verto.arrived == 2
