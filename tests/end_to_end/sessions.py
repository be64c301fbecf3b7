"""Sessions with the adapter mounted and short times, and what a test asks of them."""

from typing import Any, Protocol

import requests

import verto_resilience
from verto_resilience import Event, Policy, VertoAdapter
from verto_resilience.machines import CircuitSnapshot
from verto_resilience.outcome import Failure
from verto_resilience.pipeline import CallReport
from verto_resilience.transports._target import front_and_path, split_origin

QUICK: dict[str, Any] = {
    "backoff_base": 0.02,
    "backoff_limit": 0.1,
    "break_duration": 0.3,
    "break_jitter": 0.0,
    "pause_ramp": 0.1,
}
"""Short times; everything else is as users get it."""

PATIENT = QUICK | {"consecutive_failures": None, "minimum_calls": 1000, "budget_capacity": 1000.0}
"""A circuit that never opens and a budget that is never spent, to look at resends alone."""


class Mounter(Protocol):
    """Makes sessions with the adapter mounted; the fixture ``mounted`` closes them."""

    def __call__(self, **settings: Any) -> requests.Session:
        """Mount on a new session, with these settings in place of those of ``QUICK``."""


class Told:
    """An observer that keeps what it is told."""

    def __init__(self) -> None:
        """Start with nothing."""
        self.events: list[Event] = []

    def on_event(self, event: Event) -> None:
        """Keep it."""
        self.events.append(event)

    def of(self, kind: type[Any]) -> list[Any]:
        """Give the events of one kind."""
        return [event for event in self.events if isinstance(event, kind)]


def adapter_of(session: requests.Session, url: str) -> VertoAdapter:
    """Give the adapter that answers for a URL."""
    adapter = session.get_adapter(url)
    assert isinstance(adapter, VertoAdapter)
    return adapter


def circuit(session: requests.Session, url: str) -> CircuitSnapshot:
    """Look at the circuit of an origin."""
    adapter = adapter_of(session, url)
    now = adapter.pipeline.clock.monotonic()
    origin, _ = split_origin(front_and_path(url)[0])
    return adapter.circuits.at(origin, now).breaker.snapshot(now)


def balance(session: requests.Session, url: str) -> float:
    """Give what is in the retry budget of an origin."""
    adapter = adapter_of(session, url)
    now = adapter.pipeline.clock.monotonic()
    origin, _ = split_origin(front_and_path(url)[0])
    return adapter.circuits.at(origin, now).budget.balance(now)


def report(bearer: object) -> CallReport:
    """Give the report that must be there."""
    found = verto_resilience.report(bearer)
    assert found is not None
    return found


def failures(bearer: object) -> list[Failure | None]:
    """Give what failed, attempt by attempt."""
    return [attempt.outcome.failure for attempt in report(bearer).attempts]


def quick(**settings: Any) -> Policy:
    """Make a policy of short times."""
    return Policy(**(QUICK | settings))
