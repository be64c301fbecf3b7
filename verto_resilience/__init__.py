"""Resilience and observability for HTTP clients of the Verto payments API.

One line in code that exists already::

    verto_resilience.mount(session)
"""

from verto_resilience.config import load_policy
from verto_resilience.errors import (
    CallRejectedError,
    CircuitOpenError,
    ConfigurationError,
    PausedError,
    ResilienceError,
)
from verto_resilience.machines import Mode, State, TripReason
from verto_resilience.mounting import VertoAdapter, mount, unmount
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
    Event,
    Observer,
    Policy,
)
from verto_resilience.transports import report_of as report

__version__ = "0.1.0"

__all__ = [
    "ApiError",
    "Attempt",
    "CallRejectedError",
    "CallReport",
    "Catalogue",
    "Category",
    "CircuitOpenError",
    "ConfigurationError",
    "Event",
    "Failure",
    "Health",
    "Mode",
    "Observer",
    "Operation",
    "Operations",
    "Outcome",
    "PausedError",
    "Policy",
    "Resend",
    "ResilienceError",
    "State",
    "TripReason",
    "VertoAdapter",
    "load_policy",
    "mount",
    "report",
    "unmount",
]
