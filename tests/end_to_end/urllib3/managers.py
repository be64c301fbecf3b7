"""Pool managers with the edge in them and short times, and what a test asks of them."""

from typing import Any, Protocol

from tests.end_to_end.sessions import report
from verto_resilience import VertoPoolManager
from verto_resilience.machines import CircuitSnapshot
from verto_resilience.transports import front_and_path, split_origin


class Manager(Protocol):
    """Makes pool managers; the fixture ``managed`` clears them at the end."""

    def __call__(self, inner: Any = None, **settings: Any) -> VertoPoolManager:
        """Make one, with these settings in place of those of ``QUICK``.

        ``pools`` are settings for the pool manager that is made, where no ``inner`` is given.
        """


def circuit(manager: VertoPoolManager, url: str) -> CircuitSnapshot:
    """Look at the circuit of an origin."""
    now = manager.pipeline.clock.monotonic()
    origin, _ = split_origin(front_and_path(url)[0])
    return manager.circuits.at(origin, now).breaker.snapshot(now)


def attempts(bearer: object) -> int:
    """Say how often the last call was sent."""
    return len(report(bearer).attempts)
