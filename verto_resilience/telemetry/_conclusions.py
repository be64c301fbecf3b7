"""What became of a call, in the words of its span and its metrics."""

from enum import StrEnum
from typing import NamedTuple

from verto_resilience.errors import CallRejectedError, CircuitOpenError
from verto_resilience.outcome import Category
from verto_resilience.pipeline import CallReport, End, class_name
from verto_resilience.telemetry import _names as names
from verto_resilience.telemetry._attempts import error_type_of
from verto_resilience.telemetry._endpoints import Attributes

_KEPT = 500
# Bound once: to find a member takes 3.11 some hundred instructions.
_ANSWERED = End.ANSWERED


class CallOutcome(StrEnum):
    """How a call ended, as its caller sees it.

    ``REJECTED``: nothing was sent. ``CANCELLED``: the caller broke off.
    """

    SUCCESS = "success"
    FAILURE = "failure"
    REJECTED = "rejected"
    CANCELLED = "cancelled"


class Conclusion(NamedTuple):
    """A call's end; may be shared by many calls.

    Attributes:
        outcome: How it ended.
        end: Why it ended, or ``None`` when the call was broken off.
        error_type: ``error.type``, or ``None`` when it did not fail.
        attributes: Describe it; without ``error.type``, which only the call's own span may carry.
        is_ordinary: Whether the attempts' own spans say all there is to say.
    """

    outcome: str
    end: str | None
    error_type: str | None
    attributes: Attributes
    is_ordinary: bool


class Conclusions:
    """Says how calls ended; those that end with their first answer share what is said of them."""

    __slots__ = ("_at_once",)

    def __init__(self) -> None:
        """Start with none seen."""
        self._at_once: dict[tuple[int | None, Category], Conclusion] = {}

    def of(self, report: CallReport | None, error: BaseException | None) -> Conclusion:
        """Say how a call ended; the arguments are those of :func:`conclude`."""
        if error is not None or report is None or not _ended_at_once(report):
            return conclude(report, error)
        outcome = report.attempts[0].outcome
        key = outcome.status, outcome.category
        known = self._at_once.get(key)
        if known is None:
            known = conclude(report, None)
            if len(self._at_once) < _KEPT:
                self._at_once[key] = known
        return known


def _ended_at_once(report: CallReport) -> bool:
    return (
        report.end is _ANSWERED
        and len(report.attempts) == 1
        and not report.attempts[0].waited
        and not report.ambiguous
        and not report.possibly_executed
    )


def conclude(report: CallReport | None, error: BaseException | None) -> Conclusion:
    """Say how a call ended.

    Args:
        report: What the pipeline said; ``None`` when it did not come to that.
        error: What is raised to the caller, or ``None``.
    """
    outcome, error_type = _judge(report, error)
    attributes: Attributes = {names.CALL_OUTCOME: outcome.value}
    if report is not None:
        _describe_report(attributes, report)
    if isinstance(error, CallRejectedError):
        _describe_rejection(attributes, error)
    is_ordinary = report is None or (
        report.end is _ANSWERED and not report.ambiguous and not report.possibly_executed
    )
    end = None if report is None else report.end.value
    return Conclusion(outcome.value, end, error_type, attributes, is_ordinary)


def _judge(
    report: CallReport | None, error: BaseException | None
) -> tuple[CallOutcome, str | None]:
    if error is not None and not isinstance(error, Exception):
        return CallOutcome.CANCELLED, None
    if error is not None:
        refused = isinstance(error, CallRejectedError) and (report is None or not report.attempts)
        outcome = CallOutcome.REJECTED if refused else CallOutcome.FAILURE
        return outcome, class_name(type(error))
    last = None if report is None else report.outcome
    if last is None:
        return CallOutcome.SUCCESS, None
    if last.category is Category.API_FAILURE:
        return CallOutcome.FAILURE, last.category.value
    error_type = error_type_of(last, None)
    return CallOutcome.SUCCESS if error_type is None else CallOutcome.FAILURE, error_type


def _describe_report(attributes: Attributes, report: CallReport) -> None:
    attributes[names.CALL_ATTEMPTS] = len(report.attempts)
    attributes[names.CALL_END] = report.end.value
    waited = report.waited
    if waited:
        attributes[names.CALL_WAITED] = waited
    if report.ambiguous:
        attributes[names.AMBIGUOUS] = True
    if report.possibly_executed:
        attributes[names.POSSIBLY_EXECUTED] = True
    last = report.outcome
    if last is not None and last.status is not None:
        attributes[names.INNER_STATUS_CODE] = last.status


def _describe_rejection(attributes: Attributes, error: CallRejectedError) -> None:
    attributes[names.REJECTION_KEY] = error.key
    if error.retry_after is not None:
        attributes[names.REJECTION_RETRY_AFTER] = error.retry_after
    if isinstance(error, CircuitOpenError):
        if error.reason is not None:
            attributes[names.CIRCUIT_REASON] = error.reason
        if error.last_failure is not None:
            attributes[names.CIRCUIT_LAST_FAILURE] = error.last_failure
