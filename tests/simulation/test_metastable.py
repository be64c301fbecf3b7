import pytest

from tests.simulation.makers import POLICY
from verto_resilience.simulation import (
    Ending,
    IncidentKind,
    Played,
    Scenario,
    Strategy,
    figures,
    play,
)

pytestmark = pytest.mark.long


def _goodput_after(played: Played, wait: int) -> float:
    """Give the share of offered calls that succeed in the half minute this long after the end."""
    first = round(played.scenario.end) + wait
    span = slice(first, first + 30)
    good = played.tally.endings[Ending.SUCCEEDED]
    return sum(good[span]) / sum(played.tally.offered[span])


BROWNOUT = Scenario(clients=200)
"""A minute in which work takes ten times as long; a fifth of the server is to spare."""

SPIKE = Scenario(clients=200, severity=0.95, length=5.0)
"""The same in five seconds."""

NAIVE = (Strategy.RETRY, Strategy.RETRY_BACKOFF)


@pytest.mark.parametrize("strategy", NAIVE)
@pytest.mark.parametrize("story", [BROWNOUT, SPIKE], ids=["a minute", "five seconds"])
def test_overload_stays_when_its_cause_is_gone(story: Scenario, strategy: Strategy) -> None:
    """With urllib3's Retry hardly a call succeeds two minutes after the incident, nor ever again.

    The server does nothing but work for clients that have gone.
    """
    played = play(story, strategy, POLICY)

    row = figures(played)
    assert _goodput_after(played, 120) < 0.05
    assert row.recovered is None
    assert row.amplification > 3.5
    assert row.wasted > 0.8


@pytest.mark.parametrize("story", [BROWNOUT, SPIKE], ids=["a minute", "five seconds"])
def test_circuits_bring_the_server_back(story: Scenario) -> None:
    """Ours are back within two of their longest breaks, and before the naive ones would be."""
    played = play(story, Strategy.OURS, POLICY)

    row = figures(played)
    assert row.longest_break is not None
    assert row.recovered is not None
    assert row.recovered <= 2 * row.longest_break
    assert _goodput_after(played, 120) > 0.95
    assert row.amplification < 1.2


@pytest.mark.parametrize(
    "incident",
    [
        IncidentKind.OUTAGE,
        IncidentKind.BROWNOUT,
        IncidentKind.CAPACITY,
        IncidentKind.ERRORS,
        IncidentKind.THROTTLING,
    ],
)
@pytest.mark.parametrize("seed", [1, 2])
def test_ours_recover_from_every_kind_of_incident(incident: IncidentKind, seed: int) -> None:
    """Whatever went wrong, three minutes later all is as before."""
    story = Scenario(clients=200, incident=incident, seed=seed)

    row = figures(play(story, Strategy.OURS, POLICY))

    assert row.recovered is not None
    assert row.recovered < 180
    assert row.goodput_at_the_end == pytest.approx(row.goodput_before, rel=0.1)


def test_a_bounded_queue_is_no_trap() -> None:
    """With room for half a second of work, even urllib3's Retry comes back at once."""
    story = Scenario(clients=200, queue=50)

    assert figures(play(story, Strategy.RETRY, POLICY)).recovered == 0
