"""A fleet and its server in simulated time: does it come back after an incident, or stay down?"""

from verto_resilience.simulation._figures import Figures, figures
from verto_resilience.simulation._page import page, require_plotly
from verto_resilience.simulation._play import Played, Strategy, play
from verto_resilience.simulation._rows import HEADER, rows
from verto_resilience.simulation._scenario import IncidentKind, Scenario, ServiceTimes
from verto_resilience.simulation._side_by_side import play_side_by_side
from verto_resilience.simulation._story import overload, story
from verto_resilience.simulation._tally import Ending, Tally

__all__ = [
    "HEADER",
    "Ending",
    "Figures",
    "IncidentKind",
    "Played",
    "Scenario",
    "ServiceTimes",
    "Strategy",
    "Tally",
    "figures",
    "overload",
    "page",
    "play",
    "play_side_by_side",
    "require_plotly",
    "rows",
    "story",
]
