"""The vocabulary: statuses, codes, operations and outcomes; no clock and no I/O."""

from verto_resilience.outcome._api_error import (
    DEFAULT_CODE_KEYS,
    ApiError,
    may_deny_success,
    read_api_error,
)
from verto_resilience.outcome._catalogue import Catalogue, ClassRule, CodeEntry, StatusEntry
from verto_resilience.outcome._classify import classify_failure, classify_response
from verto_resilience.outcome._operations import (
    Operation,
    OperationKind,
    Operations,
    Repeatable,
    is_repeatable,
)
from verto_resilience.outcome._outcome import (
    Category,
    Failure,
    Health,
    Outcome,
    Resend,
    WaitRule,
)
from verto_resilience.outcome._retry_after import told_to_wait

__all__ = [
    "DEFAULT_CODE_KEYS",
    "ApiError",
    "Catalogue",
    "Category",
    "ClassRule",
    "CodeEntry",
    "Failure",
    "Health",
    "Operation",
    "OperationKind",
    "Operations",
    "Outcome",
    "Repeatable",
    "Resend",
    "StatusEntry",
    "WaitRule",
    "classify_failure",
    "classify_response",
    "is_repeatable",
    "may_deny_success",
    "read_api_error",
    "told_to_wait",
]
