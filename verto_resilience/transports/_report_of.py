"""Where a call's report travels with its response or exception: the only place that knows."""

from verto_resilience.pipeline import CallReport

# An attribute, as requests itself ties request and connection to a response: it lives as long as
# what it is about, is copied with it, and costs a store. A weak table would cost a lock and a
# callback for each call.
_NAME = "_verto_resilience_report"


def attach_report(bearer: object, report: CallReport) -> None:
    """Tie a report to a response or an exception."""
    bearer.__dict__[_NAME] = report


def report_of(bearer: object) -> CallReport | None:
    """Give the report of a response or an exception; ``None`` when it did not come through us."""
    report = getattr(bearer, _NAME, None)
    return report if isinstance(report, CallReport) else None
