"""The vocabulary: statuses, codes, operations and outcomes; no clock and no I/O."""

import typing

from verto_resilience import _late
from verto_resilience.outcome._api_error import (
    DEFAULT_CODE_KEYS,
    LONGEST_MESSAGE,
    ApiError,
    may_deny_success,
    read_api_error,
)
from verto_resilience.outcome._catalogue import Catalogue, ClassRule, CodeEntry, StatusEntry
from verto_resilience.outcome._classify import classify_failure, classify_response
from verto_resilience.outcome._operation import (
    IDEMPOTENT_METHODS,
    METHODS,
    SAFE_METHODS,
    Operation,
    OperationKind,
    Repeatable,
    is_repeatable,
)
from verto_resilience.outcome._operations import Operations
from verto_resilience.outcome._outcome import (
    Category,
    Failure,
    Health,
    Outcome,
    Resend,
    WaitRule,
)
from verto_resilience.outcome._refusal import refused
from verto_resilience.outcome._retry_after import told_to_wait

if typing.TYPE_CHECKING:
    from verto_resilience.outcome._catalogue_diff import Change, Difference, RowKind, diff
    from verto_resilience.outcome._catalogue_file import read_catalogue, write_catalogue
    from verto_resilience.outcome._operation_file import read_operations_file
    from verto_resilience.outcome._scrub import names_a_secret, scrub, scrub_known
    from verto_resilience.outcome._status_page import PageStatus, StatusPage, read_status_page

__all__ = [
    "DEFAULT_CODE_KEYS",
    "IDEMPOTENT_METHODS",
    "LONGEST_MESSAGE",
    "METHODS",
    "SAFE_METHODS",
    "ApiError",
    "Catalogue",
    "Category",
    "Change",
    "ClassRule",
    "CodeEntry",
    "Difference",
    "Failure",
    "Health",
    "Operation",
    "OperationKind",
    "Operations",
    "Outcome",
    "PageStatus",
    "Repeatable",
    "Resend",
    "RowKind",
    "StatusEntry",
    "StatusPage",
    "WaitRule",
    "classify_failure",
    "classify_response",
    "diff",
    "is_repeatable",
    "may_deny_success",
    "names_a_secret",
    "read_api_error",
    "read_catalogue",
    "read_operations_file",
    "read_status_page",
    "refused",
    "scrub",
    "scrub_known",
    "told_to_wait",
    "write_catalogue",
]

if not typing.TYPE_CHECKING:
    # No call needs them: people who compare catalogues do, and messages that quote a server.
    __getattr__ = _late.loader(
        __name__,
        {
            "._catalogue_diff": ("Change", "Difference", "RowKind", "diff"),
            "._catalogue_file": ("read_catalogue", "write_catalogue"),
            "._operation_file": ("read_operations_file",),
            "._scrub": ("names_a_secret", "scrub", "scrub_known"),
            "._status_page": ("PageStatus", "StatusPage", "read_status_page"),
        },
    )
