"""Composition: one call through the machines, in a straight line."""

from verto_resilience.pipeline._call import Call
from verto_resilience.pipeline._circuits import Circuits
from verto_resilience.pipeline._clock import AsyncClock, Clock, SystemClock
from verto_resilience.pipeline._drive import Exchange, Result, drive
from verto_resilience.pipeline._drive_async import AsyncExchange, drive_async
from verto_resilience.pipeline._events import (
    AttemptEnded,
    BodyFailed,
    BudgetSpent,
    CallEnded,
    CallRefused,
    CircuitMoved,
    Event,
    OutcomeUnknown,
    PauseBegan,
    RefusalOverruled,
    StoreIgnored,
    StoreMoved,
    WaitBegan,
)
from verto_resilience.pipeline._exceptions import add_note, class_name, traceback_of
from verto_resilience.pipeline._given import Called
from verto_resilience.pipeline._observer import (
    LONGEST_ID,
    SILENT_OBSERVER,
    SILENT_TRACING,
    AttemptScope,
    CallScope,
    Observer,
    Observers,
    Received,
    SilentScope,
    Tracing,
)
from verto_resilience.pipeline._origin import Newcomers, Origin
from verto_resilience.pipeline._pipeline import Pipeline
from verto_resilience.pipeline._policies import GENERAL, Policies, host_of
from verto_resilience.pipeline._policy import (
    Beside,
    CallSpan,
    CircuitKey,
    IdempotencyKeys,
    Policy,
    settings_table,
)
from verto_resilience.pipeline._report import (
    OUTCOME_UNKNOWN,
    Attempt,
    CallReport,
    End,
    WaitSource,
)
from verto_resilience.pipeline._request import CallRequest
from verto_resilience.pipeline._settings import Setting, Unit, nearest, plain_number, quoted
from verto_resilience.pipeline._steps import Finish, Refresh, Rejection, Send, Wait
from verto_resilience.pipeline._store import (
    Secret,
    StoreAddress,
    StoreFault,
    StoreState,
    without_secrets,
)

__all__ = [
    "GENERAL",
    "LONGEST_ID",
    "OUTCOME_UNKNOWN",
    "SILENT_OBSERVER",
    "SILENT_TRACING",
    "AsyncClock",
    "AsyncExchange",
    "Attempt",
    "AttemptEnded",
    "AttemptScope",
    "Beside",
    "BodyFailed",
    "BudgetSpent",
    "Call",
    "CallEnded",
    "CallRefused",
    "CallReport",
    "CallRequest",
    "CallScope",
    "CallSpan",
    "Called",
    "CircuitKey",
    "CircuitMoved",
    "Circuits",
    "Clock",
    "End",
    "Event",
    "Exchange",
    "Finish",
    "IdempotencyKeys",
    "Newcomers",
    "Observer",
    "Observers",
    "Origin",
    "OutcomeUnknown",
    "PauseBegan",
    "Pipeline",
    "Policies",
    "Policy",
    "Received",
    "Refresh",
    "RefusalOverruled",
    "Rejection",
    "Result",
    "Secret",
    "Send",
    "Setting",
    "SilentScope",
    "StoreAddress",
    "StoreFault",
    "StoreIgnored",
    "StoreMoved",
    "StoreState",
    "SystemClock",
    "Tracing",
    "Unit",
    "Wait",
    "WaitBegan",
    "WaitSource",
    "add_note",
    "class_name",
    "drive",
    "drive_async",
    "host_of",
    "nearest",
    "plain_number",
    "quoted",
    "settings_table",
    "traceback_of",
    "without_secrets",
]
