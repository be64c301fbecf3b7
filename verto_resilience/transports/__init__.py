"""Edges: one client library each, its shapes translated once."""

from verto_resilience.transports._call_outcome import CallOutcome
from verto_resilience.transports._outcome_errors import (
    ApiFailureError,
    BadRequestError,
    ClientError,
    ConflictError,
    ForbiddenError,
    GatewayTimeoutError,
    InternalServerError,
    NotFoundError,
    OutcomeError,
    ServerError,
    ServiceUnavailableError,
    TooManyRequestsError,
    UnauthorizedError,
    error_class,
    raise_for_outcome,
)
from verto_resilience.transports._outcome_of import outcome_of
from verto_resilience.transports._report_of import report_of
from verto_resilience.transports._requests import ResilientAdapter
from verto_resilience.transports._requests_errors import (
    RequestsCallRejectedError,
    RequestsCircuitOpenError,
    RequestsPausedError,
)

__all__ = [
    "ApiFailureError",
    "BadRequestError",
    "CallOutcome",
    "ClientError",
    "ConflictError",
    "ForbiddenError",
    "GatewayTimeoutError",
    "InternalServerError",
    "NotFoundError",
    "OutcomeError",
    "RequestsCallRejectedError",
    "RequestsCircuitOpenError",
    "RequestsPausedError",
    "ResilientAdapter",
    "ServerError",
    "ServiceUnavailableError",
    "TooManyRequestsError",
    "UnauthorizedError",
    "error_class",
    "outcome_of",
    "raise_for_outcome",
    "report_of",
]
