"""Small scenarios, so that each test plays in a moment."""

from typing import Any

from verto_resilience.pipeline import Policy
from verto_resilience.simulation import IncidentKind, Played, Scenario, Strategy, play

POLICY = Policy()


def scenario(**changes: Any) -> Scenario:
    """Make one of 50 clients and 20 calls a second, four fifths of what its server can answer."""
    usual: dict[str, Any] = {
        "clients": 50,
        "rate": 20.0,
        "workers": 2,
        "service": 0.08,
        "start": 30.0,
        "length": 30.0,
        "seconds": 300,
        "incident": IncidentKind.BROWNOUT,
    }
    return Scenario(**(usual | changes))


def run(strategy: Strategy, **changes: Any) -> Played:
    """Play a small scenario."""
    return play(scenario(**changes), strategy, POLICY)
