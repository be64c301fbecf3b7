import pytest
import requests

import verto_resilience
from tests.end_to_end.scenarios import THREADS, Application, Done, most_within
from verto_resilience import Policy
from verto_resilience.testing import Arrival, Sandbox

pytestmark = pytest.mark.end_to_end

WINDOW = 2.0


@pytest.fixture(scope="module")
def seen() -> tuple[tuple[Arrival, ...], list[Done], float]:
    """Play it once by the policy that users get: arrivals, calls, and the end of the window."""
    with Sandbox() as verto, requests.Session() as session:
        session.trust_env = False
        verto_resilience.mount(session, policy=Policy())
        verto.throttle(WINDOW)
        done = Application(session, f"{verto.url}/status/200").run(WINDOW + 1.6)
        return verto.log, done, verto.log[0].arrived + WINDOW


def firsts(arrivals: tuple[Arrival, ...], end: float) -> list[float]:
    """Give the first arrival of each thread after the window, in seconds from its end."""
    first: dict[str, float] = {}
    for arrival in arrivals:
        if arrival.arrived >= end:
            first.setdefault(arrival.headers["X-Thread"], arrival.arrived - end)
    return list(first.values())


def test_at_most_two_requests_reach_a_throttled_origin(
    seen: tuple[tuple[Arrival, ...], list[Done], float],
) -> None:
    """In the two seconds that twenty threads meet a 429, the server hears of it twice at most."""
    arrivals, _, end = seen

    within = [arrival for arrival in arrivals if arrival.arrived < end]

    assert 1 <= len(within) <= 2
    assert {arrival.status for arrival in within} == {429}


def test_no_call_fails(seen: tuple[tuple[Arrival, ...], list[Done], float]) -> None:
    """Every call that any thread made succeeded: the pause was waited for."""
    _, done, _ = seen

    assert len({call.thread for call in done}) == THREADS
    assert {call.what for call in done} == {200}


def test_first_success_follows_the_end_closely(
    seen: tuple[tuple[Arrival, ...], list[Done], float],
) -> None:
    """The first 200 goes out within 0.2 s of the end of the window, and none before it."""
    arrivals, _, end = seen

    good = [arrival for arrival in arrivals if arrival.status == 200]

    assert good[0].answered is not None
    assert 0.0 <= good[0].answered - end < 0.2


def test_threads_come_back_spread(
    seen: tuple[tuple[Arrival, ...], list[Done], float],
) -> None:
    """Of the twenty that waited, half at most come back in any tenth of the ramp of one second.

    On an idle machine it is four; a busy one wakes several together.
    """
    arrivals, _, end = seen

    back = firsts(arrivals, end)

    assert len(back) == THREADS
    assert most_within(back, 0.1) <= THREADS / 2
    assert max(back) - min(back) > 0.5
    assert max(back) < 1.3
