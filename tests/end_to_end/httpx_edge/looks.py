"""What a test asks of a client of httpx that sends through our transport."""

from typing import Any

import httpx

from verto_resilience.machines import CircuitSnapshot
from verto_resilience.transports import front_and_path, split_origin

STREAM = {"verto_stream": True}
WHOLE = {"verto_stream": False}


def transport_of(client: httpx.Client | httpx.AsyncClient) -> Any:
    """Give our transport."""
    return client._transport


def circuit(client: httpx.Client | httpx.AsyncClient, url: str) -> CircuitSnapshot:
    """Look at the circuit of an origin."""
    transport = transport_of(client)
    now = transport.pipeline.clock.monotonic()
    origin, _ = split_origin(front_and_path(url)[0])
    found: CircuitSnapshot = transport.circuits.at(origin, now).breaker.snapshot(now)
    return found


def busy(client: httpx.Client | httpx.AsyncClient) -> int:
    """Count the requests that the pool takes for being under way."""
    return len(transport_of(client).inner._pool._requests)
