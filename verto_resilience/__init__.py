"""Resilience and observability for HTTP clients of the Verto payments API.

One line in code that exists already::

    verto_resilience.mount(session)
"""

from verto_resilience.config import load_policy
from verto_resilience.errors import (
    CallRejectedError,
    CircuitOpenError,
    ConfigurationError,
    LoginError,
    PausedError,
    ResilienceError,
)
from verto_resilience.machines import Mode, State, TripReason
from verto_resilience.mounting import VertoAdapter, VertoAuth, mount, unmount
from verto_resilience.outcome import (
    ApiError,
    Catalogue,
    Category,
    Failure,
    Health,
    Operation,
    Operations,
    Outcome,
    Resend,
)
from verto_resilience.pipeline import (
    Attempt,
    CallReport,
    End,
    Event,
    Observer,
    Policy,
)
from verto_resilience.transports import (
    ApiFailureError,
    BadRequestError,
    CallOutcome,
    ClientError,
    ConflictError,
    ForbiddenError,
    GatewayTimeoutError,
    InternalServerError,
    NotFoundError,
    OutcomeError,
    RefusedCredentials,
    ServerError,
    ServiceUnavailableError,
    TooManyRequestsError,
    UnauthorizedError,
    raise_for_outcome,
)

# Takes the place of the subpackage as an attribute, once it is loaded; importing from
# verto_resilience.outcome goes on working.
from verto_resilience.transports import outcome_of as outcome
from verto_resilience.transports import report_of as report

__version__ = "0.1.0"

__all__ = [
    "ApiError",
    "ApiFailureError",
    "Attempt",
    "BadRequestError",
    "CallOutcome",
    "CallRejectedError",
    "CallReport",
    "Catalogue",
    "Category",
    "CircuitOpenError",
    "ClientError",
    "ConfigurationError",
    "ConflictError",
    "End",
    "Event",
    "Failure",
    "ForbiddenError",
    "GatewayTimeoutError",
    "Health",
    "InternalServerError",
    "LoginError",
    "Mode",
    "NotFoundError",
    "Observer",
    "Operation",
    "Operations",
    "Outcome",
    "OutcomeError",
    "PausedError",
    "Policy",
    "RefusedCredentials",
    "Resend",
    "ResilienceError",
    "ServerError",
    "ServiceUnavailableError",
    "State",
    "TooManyRequestsError",
    "TripReason",
    "UnauthorizedError",
    "VertoAdapter",
    "VertoAuth",
    "load_policy",
    "mount",
    "outcome",
    "raise_for_outcome",
    "report",
    "unmount",
]

# Tracebacks, pickles and error.type name a class by where users import it from.
for _name in __all__:
    _thing = globals()[_name]
    if isinstance(_thing, type):
        _thing.__module__ = __name__
del _name, _thing
