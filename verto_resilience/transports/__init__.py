"""Edges: one client library each, its shapes translated once."""

import typing

from verto_resilience import _late
from verto_resilience.transports._flights import Flights
from verto_resilience.transports._header_values import is_header_value
from verto_resilience.transports._insecure import (
    InsecureRequestError,
    is_loopback,
    refuse_insecure,
)
from verto_resilience.transports._knowing import knowing
from verto_resilience.transports._login import Login, RequestsLoginError
from verto_resilience.transports._owners import owner_of
from verto_resilience.transports._pools import is_plain_setting
from verto_resilience.transports._refresh import (
    Refresher,
    RefreshHook,
    RefusedCredentials,
    RenewsCredentials,
)
from verto_resilience.transports._report_of import report_of
from verto_resilience.transports._requests import ResilientAdapter
from verto_resilience.transports._requests_errors import (
    RequestsCallRejectedError,
    RequestsCircuitOpenError,
    RequestsPausedError,
)
from verto_resilience.transports._stand_in import StandIn
from verto_resilience.transports._taken_over import keep_retries, own_retries, retries_kept
from verto_resilience.transports._target import (
    front_and_path,
    is_verto,
    split_origin,
    target_of,
)

if typing.TYPE_CHECKING:
    from verto_resilience.transports._call_outcome import CallOutcome
    from verto_resilience.transports._httpx_errors import (
        HttpxCallRejectedError,
        HttpxCircuitOpenError,
        HttpxInsecureRequestError,
        HttpxPausedError,
    )
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
    from verto_resilience.transports._urllib3 import ResilientPoolManager
    from verto_resilience.transports._urllib3_errors import (
        Urllib3CallRejectedError,
        Urllib3CircuitOpenError,
        Urllib3InsecureRequestError,
        Urllib3PausedError,
    )

__all__ = [
    "ApiFailureError",
    "BadRequestError",
    "CallOutcome",
    "ClientError",
    "ConflictError",
    "Flights",
    "ForbiddenError",
    "GatewayTimeoutError",
    "HttpxCallRejectedError",
    "HttpxCircuitOpenError",
    "HttpxInsecureRequestError",
    "HttpxPausedError",
    "InsecureRequestError",
    "InternalServerError",
    "Login",
    "NotFoundError",
    "OutcomeError",
    "RefreshHook",
    "Refresher",
    "RefusedCredentials",
    "RenewsCredentials",
    "RequestsCallRejectedError",
    "RequestsCircuitOpenError",
    "RequestsLoginError",
    "RequestsPausedError",
    "ResilientAdapter",
    "ResilientPoolManager",
    "ServerError",
    "ServiceUnavailableError",
    "StandIn",
    "TooManyRequestsError",
    "UnauthorizedError",
    "Urllib3CallRejectedError",
    "Urllib3CircuitOpenError",
    "Urllib3InsecureRequestError",
    "Urllib3PausedError",
    "error_class",
    "front_and_path",
    "is_header_value",
    "is_loopback",
    "is_plain_setting",
    "is_verto",
    "keep_retries",
    "knowing",
    "outcome_of",
    "own_retries",
    "owner_of",
    "raise_for_outcome",
    "refuse_insecure",
    "report_of",
    "retries_kept",
    "split_origin",
    "target_of",
]

if not typing.TYPE_CHECKING:
    # No call through requests needs them: some people ask afterwards what came of it, and some
    # have no requests.
    __getattr__ = _late.loader(
        __name__,
        {
            "._call_outcome": ("CallOutcome",),
            "._httpx_errors": (
                "HttpxCallRejectedError",
                "HttpxCircuitOpenError",
                "HttpxInsecureRequestError",
                "HttpxPausedError",
            ),
            "._outcome_errors": (
                "ApiFailureError",
                "BadRequestError",
                "ClientError",
                "ConflictError",
                "ForbiddenError",
                "GatewayTimeoutError",
                "InternalServerError",
                "NotFoundError",
                "OutcomeError",
                "ServerError",
                "ServiceUnavailableError",
                "TooManyRequestsError",
                "UnauthorizedError",
                "error_class",
                "raise_for_outcome",
            ),
            "._outcome_of": ("outcome_of",),
            "._urllib3": ("ResilientPoolManager",),
            "._urllib3_errors": (
                "Urllib3CallRejectedError",
                "Urllib3CircuitOpenError",
                "Urllib3InsecureRequestError",
                "Urllib3PausedError",
            ),
        },
    )
