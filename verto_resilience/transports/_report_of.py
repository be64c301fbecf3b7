"""Where a call's report travels with its response or exception: the only place that knows."""

from collections.abc import Callable
from types import FrameType
from typing import Any, NoReturn, cast

from requests.exceptions import RequestException

from verto_resilience.outcome import Failure
from verto_resilience.pipeline import (
    OUTCOME_UNKNOWN,
    CallReport,
    CallRequest,
    End,
    Result,
    add_note,
)

# An attribute, as requests itself ties request and connection to a response: it lives as long as
# what it is about, is copied with it, and costs a store. A weak table would cost a lock and a
# callback for each call.
_NAME = "_verto_resilience_report"

# How the notes begin that a call adds to an exception.
_NOTE = "verto_resilience: "


def attach_report(bearer: object, report: CallReport) -> None:
    """Tie a report to a response or an exception.

    What an earlier call left on the same exception is taken off: adapters that stand in for a
    server raise one instance for ever.
    """
    own = bearer.__dict__
    if _NAME in own and isinstance(bearer, Exception):
        _forget_notes(bearer)
        _forget_frames(bearer)
    own[_NAME] = report


def raise_told(result: Result[Any], report: CallReport) -> NoReturn:
    """Raise what a call ended with, with its report, and with notes that say why it ended.

    The result holds it no longer: the frames in its traceback hold the result.
    """
    error = cast("Exception", result.error)
    result.error = None
    attach_report(error, report)
    _explain(error, report)
    try:
        raise error
    finally:
        # An exception refers to this frame: without this it would refer to itself.
        del error


def telling_late(
    request: CallRequest,
    report: CallReport,
    failure_of: Callable[[Exception], Failure],
    fail_late: Callable[[Failure], None],
) -> Callable[[Exception], None]:
    """Make what is told of a body that fails in the caller's hands, its call being over.

    The exception bears the report of the call: the answer was not seen to its end, so a write may
    have been executed or not.

    Args:
        request: What was asked.
        report: Of its call, as the response has it.
        failure_of: Classifies the exception.
        fail_late: Is told of the failure.
    """

    def tell(error: Exception) -> None:
        late = report._replace(ambiguous=report.ambiguous or request.writes)
        attach_report(error, late)
        if late.ambiguous:
            add_note(error, OUTCOME_UNKNOWN)
        fail_late(failure_of(error))

    return tell


def report_of(bearer: object) -> CallReport | None:
    """Give the report of a response or an exception; ``None`` when it did not come through us.

    An exception that has none of its own has that of its ``response``: what
    ``raise_for_outcome``, and ``raise_for_status`` of requests and of httpx, raise.
    """
    report = own_report_of(bearer)
    if report is None and isinstance(bearer, Exception):
        return own_report_of(getattr(bearer, "response", None))
    return report


def own_report_of(bearer: object) -> CallReport | None:
    """Give the report that was attached to this very thing, or ``None``.

    requests puts what urllib3 raises of a body that the caller reads into an exception of its own.
    """
    report = getattr(bearer, _NAME, None)
    if report is None and isinstance(bearer, RequestException) and bearer.args:
        report = getattr(bearer.args[0], _NAME, None)
    return report if isinstance(report, CallReport) else None


def _explain(error: Exception, report: CallReport) -> None:
    """Note on an exception why it was not resent, and whether the outcome is unknown."""
    if report.end is not End.ANSWERED:
        number = len(report.attempts)
        add_note(error, f"{_NOTE}not resent after attempt {number}: {report.end.sentence}")
    if report.ambiguous:
        add_note(error, OUTCOME_UNKNOWN)


def _forget_notes(error: Exception) -> None:
    notes = getattr(error, "__notes__", None)
    if isinstance(notes, list):
        error.__notes__ = [
            note for note in notes if not (isinstance(note, str) and note.startswith(_NOTE))
        ]


def _forget_frames(error: Exception) -> None:
    """Cut off what earlier raises left in the traceback: their frames hold their requests.

    A new raise is put in front of the old ones, and begins with the frame that caught it. What was
    not called from that frame belongs to an earlier one.
    """
    last = error.__traceback__
    if last is None:
        return
    top = last.tb_frame
    while last.tb_next is not None and _was_called_from(top, last.tb_next.tb_frame):
        last = last.tb_next
    last.tb_next = None


def _was_called_from(top: FrameType, frame: FrameType | None) -> bool:
    while frame is not None and frame is not top:
        frame = frame.f_back
    return frame is top
