from itertools import pairwise

from tests.simulation.makers import POLICY, scenario
from verto_resilience.simulation import (
    Ending,
    IncidentKind,
    Played,
    Scenario,
    Strategy,
    figures,
    play,
)


def _shared(story: Scenario) -> Played:
    return play(story, Strategy.SHARED, POLICY)


def test_one_finding_opens_every_circuit() -> None:
    """All circuits are open soon after the first, although most clients have seen no failure."""
    played = _shared(scenario(incident=IncidentKind.OUTAGE, severity=1.0, clients=500))

    opened = next(second for second, count in enumerate(played.tally.not_closed) if count)
    assert played.tally.not_closed[opened + 1] == 500
    # Six failures, one of them a resend, and what was on its way to the store.
    assert sum(played.tally.arrived[30:60]) < 100


def test_one_client_probes_for_all() -> None:
    """While the origin is down hardly a request for each break reaches it, however many clients."""
    played = _shared(scenario(incident=IncidentKind.OUTAGE, severity=1.0, length=200.0))

    begun = sorted({round(at, 3) for at, _ in played.tally.breaks if 60.0 < at < 230.0})
    breaks = 1 + sum(later - earlier > 1.0 for earlier, later in pairwise(begun))
    assert 3 <= breaks <= 12
    assert sum(played.tally.arrived[60:230]) <= 2 * breaks


def test_one_429_holds_the_whole_fleet_back() -> None:
    """After the first one is told to wait nobody sends until that time has passed."""
    played = _shared(scenario(incident=IncidentKind.THROTTLING, severity=1.0, retry_after=10.0))

    assert sum(played.tally.arrived[30:32]) > 0
    assert sum(played.tally.arrived[32:40]) == 0
    assert sum(played.tally.endings[Ending.REFUSED][30:40]) == 0


def test_one_recovery_closes_every_circuit() -> None:
    """Once two probes were good, the fleet is back as one."""
    played = _shared(scenario(incident=IncidentKind.OUTAGE, severity=1.0))

    counts = played.tally.not_closed
    last = max(second for second, count in enumerate(counts) if count)
    row = figures(played)
    assert (counts[last], counts[last + 1]) == (50, 0)
    assert row.longest_break is not None
    assert row.recovered is not None
    assert row.recovered <= 2 * row.longest_break


def test_a_thousand_clients_do_better_together() -> None:
    """With one call in ten seconds each, sharing spares the server most of the failed requests.

    The fleet is back sooner than clients that learn each for itself.
    """
    story = Scenario(seconds=300)
    alone, together = (
        figures(play(story, one, POLICY)) for one in (Strategy.OURS, Strategy.SHARED)
    )

    assert alone.recovered is not None
    assert together.recovered is not None
    assert together.recovered < alone.recovered / 3
    assert together.wasted < alone.wasted / 5
