from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.incidents.clients import THREADS, Client, faster, ours, plain
from tests.incidents.figures import WIDTH, Figures, figures
from tests.incidents.play import play
from tests.incidents.script import INCIDENTS, Incident

pytestmark = [pytest.mark.end_to_end, pytest.mark.long]

HALF = 0.5
AT_ONCE = 6
# The origin could answer twice what is wanted, and nobody is hasty: the machine may be busy.
WORKERS = 6
TIMEOUT = 0.5
LATE = 2 * WIDTH

Runs = dict[tuple[str, Client], Figures]


@pytest.fixture(scope="module")
def runs() -> Runs:
    """Play every incident in half its time, with plain requests and with the adapter."""
    pairs = [(incident, client) for incident in INCIDENTS for client in (plain, ours)]

    def figured(pair: tuple[Incident, Client]) -> Figures:
        incident, client = pair
        played = play(
            incident.shortened(HALF),
            client,
            before=1.0,
            after=3.4,
            workers=WORKERS,
            timeout=TIMEOUT,
        )
        return figures(played)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(figured, pairs))
    return {
        (incident.name, client): one for (incident, client), one in zip(pairs, found, strict=True)
    }


def longest(incident: Incident, found: Figures) -> float:
    """Give the seconds within which goodput has to be back: two breaks, or the pause in force."""
    policy = faster()
    told = max((stage.retry_after or 0 for stage in incident.stages), default=0)
    pause = told + policy.pause_ramp if told else 0.0
    return pause + 2 * max(found.last_break, policy.break_duration) + LATE


@pytest.mark.parametrize("incident", INCIDENTS, ids=lambda incident: incident.name)
def test_goodput_is_back_within_two_break_durations(incident: Incident, runs: Runs) -> None:
    """Once the trigger is gone, nine tenths of the calls succeed again within two breaks."""
    found = runs[incident.name, ours]

    assert found.recovered is not None
    assert found.recovered <= longest(incident, found)


@pytest.mark.parametrize("incident", INCIDENTS, ids=lambda incident: incident.name)
def test_no_more_reaches_the_origin_than_from_plain_requests(
    incident: Incident, runs: Runs
) -> None:
    """While the trigger is on, resends included, the origin has no more to do."""
    assert runs[incident.name, ours].reached <= runs[incident.name, plain].reached


@pytest.mark.parametrize("name", ["error-spike", "total-outage"])
def test_an_outage_is_met_by_a_few_requests(name: str, runs: Runs) -> None:
    """Where nothing works, the origin hears of each thread once, or of a quarter of the calls."""
    assert runs[name, ours].opened is not None
    assert runs[name, ours].reached <= max(THREADS, runs[name, plain].reached / 4)
