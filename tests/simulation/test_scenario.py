from typing import Any

import pytest

from tests.simulation.makers import scenario
from verto_resilience.errors import ConfigurationError
from verto_resilience.simulation import IncidentKind, Scenario, story


def test_every_bad_value_is_told_at_once() -> None:
    """One error lists what is wrong, with what is allowed."""
    with pytest.raises(ConfigurationError) as caught:
        Scenario(clients=0, rate=-1.0, severity=1.5, timeout=float("nan"))

    assert caught.value.problems == (
        "clients is 0: allowed is from 1 up to 10000",
        "rate is -1: allowed is above 0 up to 100000",
        "timeout is nan: allowed is above 0 up to 86400",
        "severity is 1.5: allowed is above 0 up to 1",
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"start": 280.0}, "nothing after it would be seen"),
        ({"severity": 1.0}, "see capacity"),
        ({"rate": 100_000.0}, "allowed are 10,000,000"),
    ],
    ids=["incident past the end", "brown-out of everything", "too many calls"],
)
def test_what_cannot_be_played_is_refused(changes: dict[str, Any], said: str) -> None:
    """Good values that make no run together are an error that says why."""
    with pytest.raises(ConfigurationError, match=said):
        scenario(**changes)


def test_without_an_incident_nothing_ends() -> None:
    """Where nothing goes wrong, the end of the incident is its beginning."""
    assert scenario(incident=IncidentKind.NONE, start=30.0).end == 30.0


@pytest.mark.parametrize("incident", IncidentKind)
def test_story_tells_clients_server_and_incident(incident: IncidentKind) -> None:
    """Two sentences say what is simulated, with its figures."""
    told = " ".join(story(scenario(incident=incident, severity=0.5, retry_after=7.0)))

    assert "50 clients make 20 calls a second" in told
    assert "can answer 25 a second (2 workers, 80 ms, exponential)" in told
    assert ("nothing goes wrong" in told) is (incident is IncidentKind.NONE)
    assert ("Retry-After: 7" in told) is (incident is IncidentKind.THROTTLING)
