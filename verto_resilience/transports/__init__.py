"""Edges: one client library each, its shapes translated once."""

from verto_resilience.transports._report_of import report_of
from verto_resilience.transports._requests import ResilientAdapter
from verto_resilience.transports._requests_errors import (
    RequestsCallRejectedError,
    RequestsCircuitOpenError,
    RequestsPausedError,
)

__all__ = [
    "RequestsCallRejectedError",
    "RequestsCircuitOpenError",
    "RequestsPausedError",
    "ResilientAdapter",
    "report_of",
]
