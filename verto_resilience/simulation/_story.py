"""What is simulated, in sentences."""

from verto_resilience.pipeline import plain_number
from verto_resilience.simulation._scenario import IncidentKind, Scenario


def story(scenario: Scenario) -> list[str]:
    """Tell a scenario to a person: the clients and their server, then what goes wrong."""
    callers = "1 client makes" if scenario.clients == 1 else f"{scenario.clients:,} clients make"
    room = "any number" if scenario.queue is None else f"up to {scenario.queue:,}"
    fleet = (
        f"{callers} {plain_number(scenario.rate)} calls a second, with a timeout of "
        f"{plain_number(scenario.timeout)} s. The server can answer "
        f"{scenario.capacity:,.4g} a second ({scenario.workers:,} "
        f"{'worker' if scenario.workers == 1 else 'workers'}, "
        f"{plain_number(scenario.service * 1000)} ms, {scenario.service_times}); "
        f"{room} may wait in its queue."
    )
    told = [fleet, _incident(scenario)]
    if scenario.rate > scenario.capacity:
        told.append("That is more than it can answer, with an incident or without.")
    return told


def overload(scenario: Scenario, strategies: str) -> str:
    """Tell in which runs calls still failed at the end."""
    if scenario.incident is IncidentKind.NONE or scenario.rate > scenario.capacity:
        return f"At the end the server was overloaded: {strategies}."
    return f"The incident was over, and the overload stayed: {strategies}."


def _incident(scenario: Scenario) -> str:
    share = f"{scenario.severity:.0%}"
    met = "every request" if scenario.severity >= 1.0 else f"{share} of the requests"
    told = scenario.retry_after
    header = "no Retry-After" if told is None else f"Retry-After: {plain_number(told)}"
    what = {
        IncidentKind.NONE: "nothing goes wrong",
        IncidentKind.OUTAGE: f"what is under way is reset, and {met} is refused a connection",
        IncidentKind.BROWNOUT: f"it can do {share} less: work takes "
        f"{plain_number(round(1.0 / max(1e-9, 1.0 - scenario.severity), 2))} times as long",
        IncidentKind.CAPACITY: "it hangs: no worker is left"
        if scenario.severity >= 1.0
        else f"{share} of its workers are gone",
        IncidentKind.ERRORS: f"{met} is answered 503, after as much work as any",
        IncidentKind.THROTTLING: f"{met} is answered 429 at the door, with {header}",
    }[scenario.incident]
    if scenario.incident is IncidentKind.NONE:
        return f"In {scenario.seconds:,} s {what}."
    return (
        f"From {plain_number(scenario.start)} s to {plain_number(scenario.end)} s of "
        f"{scenario.seconds:,} s {what}. Then all is as before."
    )
