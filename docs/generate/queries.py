"""Pieces of PromQL, and the names that metrics have in Prometheus."""

from verto_resilience.telemetry import _names as names
from verto_resilience.telemetry._metric_rows import CALL_DURATION, MetricRow

RATE = "$__rate_interval"
RANGE = "$__range"

_OF_JOBS = 'job=~"$job"'
_CHOSEN = f'{_OF_JOBS},server_address=~"$server"'


def label(attribute: str) -> str:
    """Give the label that an attribute becomes."""
    return attribute.replace(".", "_")


def shown(name: str) -> str:
    """Give what puts a label's value into a legend."""
    return f"{{{{{name}}}}}"


def metric(row: MetricRow) -> str:
    """Give the name a metric has in Prometheus, without the suffix of a histogram's parts."""
    suffix = {"s": "_seconds"}.get(row.unit, "")
    total = "_total" if row.instrument == "counter" else ""
    return label(row.name) + suffix + total


def series(row: MetricRow, matchers: str = "", *, part: str = "") -> str:
    """Select a metric of the jobs chosen, and of the servers where it is about one.

    Args:
        row: The metric.
        matchers: Further matchers; none by default.
        part: ``count``, ``sum`` or ``bucket`` of a histogram.
    """
    name = f"{metric(row)}_{part}" if part else metric(row)
    chosen = _CHOSEN if names.SERVER_ADDRESS in row.attributes else _OF_JOBS
    return f"{name}{{{chosen}{',' if matchers else ''}{matchers}}}"


def rate(row: MetricRow, matchers: str = "", by: str = "") -> str:
    """Give what is counted each second, summed."""
    part = "count" if row.instrument == "histogram" else ""
    return f"{_sum(by)}(rate({series(row, matchers, part=part)}[{RATE}]))"


def increase(row: MetricRow, by: str = "", window: str = RATE) -> str:
    """Give how often something rare happened in a window, its very first time included.

    A counter is born with its first event, so ``increase()`` alone sees the second one at the
    earliest; a series that is younger than the window is therefore taken as it stands.
    """
    counter = series(row)
    return f"{_sum(by)}((increase({counter}[{window}]) and {counter} offset {window}) or {counter})"


def quantile(share: float, row: MetricRow, by: str = "") -> str:
    """Give a quantile of a histogram."""
    buckets = series(row, part="bucket")
    kept = f"le, {by}" if by else "le"
    return f"histogram_quantile({share:g}, sum by ({kept}) (rate({buckets}[{RATE}])))"


def ratio(part: str, whole: str) -> str:
    """Divide; nothing at all of the part is 0."""
    return f"({part} or vector(0)) / {whole}"


def _sum(by: str) -> str:
    return f"sum by ({by}) " if by else "sum"


_OUTCOME = label(names.CALL_OUTCOME)

FAILED = f'{_OUTCOME}=~"failure|rejected"'
# What the caller asked for wrongly is no fault of the server or of the way to it; a 429 may be.
NOT_THE_CALLERS = f'{FAILED},{label(names.ERROR_TYPE)}!~"4([013-9].|2[0-8])|api_failure"'

CALLS = rate(CALL_DURATION)
CALLS_SENT = rate(CALL_DURATION, f'{_OUTCOME}!="rejected"')
