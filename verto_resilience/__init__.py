"""Resilience and observability for HTTP clients of the Verto payments API.

One line in code that exists already::

    verto_resilience.mount(session)
"""

import importlib
import typing

if typing.TYPE_CHECKING:
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
    from verto_resilience.mounting import (
        AsyncVertoTransport,
        VertoAdapter,
        VertoAuth,
        VertoPoolManager,
        VertoTransport,
        install,
        mount,
        uninstall,
        unmount,
    )
    from verto_resilience.outcome import (
        ApiError,
        Catalogue,
        Category,
        Failure,
        Health,
        Operation,
        OperationKind,
        Operations,
        Outcome,
        Repeatable,
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
        knowing,
        raise_for_outcome,
    )
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
    "OperationKind",
    "Operations",
    "Outcome",
    "OutcomeError",
    "PausedError",
    "Policy",
    "RefusedCredentials",
    "Repeatable",
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
    "VertoPoolManager",
    "install",
    "knowing",
    "load_policy",
    "mount",
    "outcome",
    "raise_for_outcome",
    "report",
    "uninstall",
    "unmount",
]

_FLOORS = ("errors", "outcome", "machines", "pipeline", "transports", "config", "mounting")
# Public as the others are, and not for a star import: what they need may not be there.
_OF_EXTRAS = ("AsyncVertoTransport", "VertoTransport")
_AT_HOME = {"outcome": "outcome_of", "report": "report_of"}

if typing.TYPE_CHECKING:
    __all__ += ["AsyncVertoTransport", "VertoTransport"]
else:
    # Loading the subpackage binds its name here, where it belongs to the function. Importing from
    # verto_resilience.outcome goes on working.
    importlib.import_module(f"{__name__}.outcome")
    del globals()["outcome"]

    # Hidden, for a checker that saw it would take every misspelt name for one of these.
    def __getattr__(name: str) -> object:
        """Load a public name when it is first asked for, and no floor above the one that has it."""
        if name in __all__ or name in _OF_EXTRAS:
            at_home = _AT_HOME.get(name, name)
            for floor in _FLOORS:
                found = getattr(importlib.import_module(f"{__name__}.{floor}"), at_home, None)
                if found is not None:
                    globals()[name] = found
                    return found
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_OF_EXTRAS})
