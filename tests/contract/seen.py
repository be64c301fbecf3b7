"""What a test of the contract asks of a client, whichever edge it has."""

from typing import Any, Protocol

import pytest

from tests.contract.edges import Answer, Client, Edge
from tests.end_to_end.sessions import report
from verto_resilience import Failure
from verto_resilience.machines import CircuitSnapshot
from verto_resilience.pipeline import CallReport
from verto_resilience.transports import front_and_path, split_origin


class Maker(Protocol):
    """Makes clients of the edge under test; the fixture ``client`` closes them."""

    def __call__(self, **settings: Any) -> Client:
        """Make one, with these settings in place of those of ``QUICK``."""


def within(seconds: float) -> dict[str, float]:
    """Give the settings of calls that last no longer, with room for one attempt."""
    return dict.fromkeys(("call_timeout", "connect_timeout", "read_timeout"), seconds)


def circuit(client: Client, url: str) -> CircuitSnapshot:
    """Look at the circuit of an origin."""
    now = client.pipeline.clock.monotonic()
    origin, _ = split_origin(front_and_path(url)[0])
    return client.pipeline.circuits.at(origin, now).breaker.snapshot(now)


def told(came: Answer | Exception) -> CallReport:
    """Give the report on what a call ended with."""
    return report(came.bearer if isinstance(came, Answer) else came)


def failures(came: Answer | Exception) -> list[Failure | None]:
    """Give what failed, attempt by attempt."""
    return [attempt.outcome.failure for attempt in told(came).attempts]


def fails(edge: Edge, client: Client, method: str, url: str, **given: Any) -> Exception:
    """Call, and give what the host library raised."""
    with pytest.raises(edge.errors) as failed:
        client.send(method, url, **given)
    error: Exception = failed.value
    return error
