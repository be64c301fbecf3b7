"""A fleet and its server in simulated time: does it come back after an incident, or stay down?"""

from verto_resilience.simulation._play import Played, Strategy, play
from verto_resilience.simulation._scenario import IncidentKind, Scenario, ServiceTimes
from verto_resilience.simulation._tally import Ending, Tally

__all__ = [
    "Ending",
    "IncidentKind",
    "Played",
    "Scenario",
    "ServiceTimes",
    "Strategy",
    "Tally",
    "play",
]
