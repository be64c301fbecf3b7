"""What became of a call, in the words of its span and its metrics."""

from dataclasses import dataclass
from enum import StrEnum

from verto_resilience.errors import CallRejectedError, CircuitOpenError
from verto_resilience.outcome import Category
from verto_resilience.pipeline import CallReport, End, class_name
from verto_resilience.telemetry import _names as names
from verto_resilience.telemetry._attempts import error_type_of
from verto_resilience.telemetry._endpoints import Attributes


class CallOutcome(StrEnum):
    """How a call ended, as its caller sees it.

    ``REJECTED``: nothing was sent. ``CANCELLED``: the caller broke off.
    """

    SUCCESS = "success"
    FAILURE = "failure"
    REJECTED = "rejected"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Conclusion:
    """A call's end.

    Attributes:
        outcome: How it ended.
        error_type: ``error.type``, or ``None`` when it did not fail.
        report: What the pipeline says, or ``None`` when the call was broken off.
        error: What is raised, or ``None``.
    """

    outcome: CallOutcome
    error_type: str | None
    report: CallReport | None
    error: BaseException | None

    @property
    def is_ordinary(self) -> bool:
        """Whether the attempts' own spans say all there is to say."""
        report = self.report
        return report is None or (
            report.end is End.ANSWERED and not report.ambiguous and not report.possibly_executed
        )

    def attributes(self) -> Attributes:
        """Describe it; without ``error.type``, which only the call's own span may carry."""
        attributes: Attributes = {names.CALL_OUTCOME: self.outcome.value}
        if self.report is not None:
            _describe_report(attributes, self.report)
        if isinstance(self.error, CallRejectedError):
            _describe_rejection(attributes, self.error)
        return attributes


def conclude(report: CallReport | None, error: BaseException | None) -> Conclusion:
    """Say how a call ended.

    Args:
        report: What the pipeline said; ``None`` when it did not come to that.
        error: What is raised to the caller, or ``None``.
    """
    if error is not None and not isinstance(error, Exception):
        return Conclusion(CallOutcome.CANCELLED, None, report, error)
    if error is not None:
        refused = isinstance(error, CallRejectedError) and (report is None or not report.attempts)
        outcome = CallOutcome.REJECTED if refused else CallOutcome.FAILURE
        return Conclusion(outcome, class_name(type(error)), report, error)
    last = None if report is None else report.outcome
    if last is None:
        return Conclusion(CallOutcome.SUCCESS, None, report, None)
    if last.category is Category.API_FAILURE:
        return Conclusion(CallOutcome.FAILURE, last.category.value, report, None)
    error_type = error_type_of(last, None)
    outcome = CallOutcome.SUCCESS if error_type is None else CallOutcome.FAILURE
    return Conclusion(outcome, error_type, report, None)


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
