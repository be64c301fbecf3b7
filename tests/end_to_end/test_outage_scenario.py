import pytest
import requests

import verto_resilience
from tests.end_to_end.scenarios import THREADS, Application, Done
from tests.end_to_end.sessions import Told
from verto_resilience import Policy, State
from verto_resilience.pipeline import CircuitMoved
from verto_resilience.testing import Arrival, Sandbox

pytestmark = pytest.mark.end_to_end

OUTAGE = 5.0
MOST = 12


def play(policy: Policy, seconds: float, told: Told) -> tuple[tuple[Arrival, ...], list[Done]]:
    """Let twenty threads call an origin that answers 503 for five seconds from the first call."""
    with Sandbox() as verto, requests.Session() as session:
        session.trust_env = False
        verto_resilience.mount(session, policy=policy, observer=told)
        verto.outage(OUTAGE)
        done = Application(session, f"{verto.url}/status/200").run(seconds)
        return verto.log, done


def reached(arrivals: tuple[Arrival, ...], end: float) -> int:
    """Count what the origin had to answer during the outage."""
    return sum(1 for arrival in arrivals if arrival.arrived < end)


def recovery(done: list[Done], end: float) -> float:
    """Give the seconds from the end of the outage to the start of the last call that failed."""
    return max((call.began - end for call in done if call.what != 200), default=0.0)


def test_bounded_break_is_left_within_two_break_durations() -> None:
    """With breaks of 1 s that grow to 2 s at most: 12 requests, and all is well 2 s after the end.

    From then on every call of every thread succeeds.
    """
    policy = Policy(break_duration=1.0, max_break_duration=2.0)

    arrivals, done = play(policy, OUTAGE + 2.4, Told())

    end = arrivals[0].arrived + OUTAGE
    assert reached(arrivals, end) <= MOST
    assert recovery(done, end) <= 2.0
    after = [call for call in done if call.began > end + 2.0]
    assert {call.thread for call in after} == set(range(THREADS))


def test_growing_break_is_left_within_two_of_the_first() -> None:
    """With the ceiling that users get the same: breaks of 1, 2 and 4 s are over 2 s after the end.

    Chance only shortens them. What the calls before the circuit opens take comes on top.
    """
    told = Told()

    arrivals, done = play(Policy(break_duration=1.0), OUTAGE + 3.0, told)

    end = arrivals[0].arrived + OUTAGE
    moves = [event.transition for event in told.of(CircuitMoved)]
    breaks = [move.break_duration for move in moves if move.break_duration is not None]
    assert reached(arrivals, end) <= MOST
    assert len(breaks) == 3
    assert recovery(done, end) <= sum(breaks) - OUTAGE + 0.5
    assert recovery(done, end) <= 2.5
    assert moves[-1].after is State.CLOSED
    assert done[-1].what == 200
