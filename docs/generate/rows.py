"""What the dashboard shows, row by row."""

from collections.abc import Sequence
from dataclasses import dataclass

from docs.generate import machinery
from docs.generate import queries as q
from docs.generate.panels import (
    COUNT,
    REQUESTS,
    SECONDS,
    SHARE,
    AnyPanel,
    chart,
    number,
    of_call,
)
from verto_resilience.telemetry import _metric_rows as metrics
from verto_resilience.telemetry import _names as names

_END = q.label(names.CALL_END)
_OUTCOME = q.label(names.CALL_OUTCOME)
_REASON = q.label(names.RESEND_REASON)
_SOURCE = q.label(names.WAIT_SOURCE)
_STATUS = q.label(names.STATUS_CODE)
_ERROR = q.label(names.ERROR_TYPE)
_STATE = q.label(names.CIRCUIT_STATE)

_RESENT = f"(span.{names.RESEND_COUNT} > 0 || span.{names.INNER_RESEND_COUNT} > 0)"
_SLOW = "duration > 1s"
_FAILING = "status = error"
_RESENDS = q.rate(metrics.RESENDS)


@dataclass(frozen=True, slots=True)
class Row:
    """A row of panels."""

    title: str
    panels: Sequence[AnyPanel]


def rows() -> tuple[Row, ...]:
    """Give every row, in the order in which a person in trouble should read them."""
    return (
        Row("Now", _now()),
        Row("Traffic", _traffic()),
        Row("Latency", _latency()),
        Row("Resends", _resends()),
        Row("Circuits", machinery.circuits()),
        Row("Pauses", machinery.pauses()),
        Row("Retry budget", machinery.budget()),
        Row("Errors", machinery.errors()),
        Row("Store of the fleet", machinery.store()),
    )


def _now() -> Sequence[AnyPanel]:
    not_closed = q.series(metrics.CIRCUIT_STATUS, f'{_STATE}!="closed"')
    return (
        number(
            "Calls", "Calls that ended, refused ones included.", q.CALLS, unit=REQUESTS, traces=""
        ),
        number(
            "Calls that failed",
            "Share of calls that ended in an error or were refused. A call that succeeded after "
            "resends is no failure.",
            q.ratio(q.rate(metrics.CALL_DURATION, q.FAILED), q.CALLS),
            unit=SHARE,
            traces=_FAILING,
            colours=((None, "green"), (0.01, "yellow"), (0.05, "red")),
        ),
        number(
            "Call, 95th percentile",
            "What callers wait for, resends and pauses included.",
            q.quantile(0.95, metrics.CALL_DURATION),
            unit=SECONDS,
            traces=_SLOW,
        ),
        number(
            "Circuits not closed",
            "Open or half-open at this moment.",
            f"sum({not_closed})",
            unit=COUNT,
            traces=of_call(names.CALL_END, '"circuit_open"'),
            colours=((None, "green"), (1, "red")),
        ),
        number(
            "Lowest retry budget",
            "Resends that the poorest origin may still get at once; below 1 none.",
            f"min({q.series(metrics.BUDGET_BALANCE)})",
            unit=COUNT,
            traces=of_call(names.CALL_END, '"budget_spent"'),
            colours=((None, "red"), (1, "yellow"), (3, "green")),
        ),
        number(
            "Writes with unknown outcome",
            "In the time shown. Each of them needs a person or a program to look whether it was "
            "executed.",
            f"{q.increase(metrics.UNKNOWN_OUTCOMES, window=q.RANGE)} or vector(0)",
            unit=COUNT,
            traces=of_call(names.AMBIGUOUS, "true"),
            colours=((None, "green"), (1, "red")),
        ),
    )


def _traffic() -> Sequence[AnyPanel]:
    return (
        chart(
            "Calls and attempts",
            "What the program asked for, and what went over the wire for it. Attempts above calls "
            "are resends; calls above attempts were refused.",
            {"calls": q.CALLS, "attempts": f"{q.CALLS_SENT} + ({_RESENDS} or vector(0))"},
            unit=REQUESTS,
            traces="",
        ),
        chart(
            "Calls by their end",
            "Why each call ended as it did.",
            {
                f"{q.shown(_OUTCOME)}: {q.shown(_END)}": q.rate(
                    metrics.CALL_DURATION, by=f"{_OUTCOME}, {_END}"
                )
            },
            unit=REQUESTS,
            traces=of_call(names.CALL_END, f'"${{__field.labels.{_END}}}"'),
        ),
        chart(
            "Attempts by status",
            "One for each send. Where another instrumentation draws the requests, these are its "
            "numbers, or none.",
            {
                f"{q.shown(_STATUS)} {q.shown(_ERROR)}": q.rate(
                    metrics.HTTP_DURATION, by=f"{_STATUS}, {_ERROR}"
                )
            },
            unit=REQUESTS,
            traces="kind = client",
        ),
    )


def _latency() -> Sequence[AnyPanel]:
    shares = {"50 %": 0.5, "95 %": 0.95, "99 %": 0.99}
    return (
        chart(
            "Duration of an attempt",
            "How fast the server answers. No waits are in it.",
            {name: q.quantile(share, metrics.HTTP_DURATION) for name, share in shares.items()},
            unit=SECONDS,
            traces=f"kind = client && {_SLOW}",
            width=12,
        ),
        chart(
            "Duration of a call",
            "What callers wait for. Far above the attempts: waits between resends, or pauses.",
            {name: q.quantile(share, metrics.CALL_DURATION) for name, share in shares.items()},
            unit=SECONDS,
            traces=_SLOW,
            width=12,
        ),
    )


def _resends() -> Sequence[AnyPanel]:
    return (
        chart(
            "Resends by reason",
            "What the send before brought: a status, or how the connection failed.",
            {q.shown(_REASON): q.rate(metrics.RESENDS, by=_REASON)},
            unit=REQUESTS,
            traces=f'span.{names.RESEND_REASON} = "${{__field.labels.{_REASON}}}"',
        ),
        chart(
            "Resends for each call",
            "0.1: every tenth call costs the server one request more. The retry budget keeps it "
            "near its deposit in an outage.",
            {"resends per call": q.ratio(_RESENDS, q.CALLS_SENT)},
            unit=COUNT,
            traces=_RESENT,
        ),
        chart(
            "Wait before a resend, 95th percentile",
            "By what set it: the server's Retry-After, our backoff, the band for server errors.",
            {q.shown(_SOURCE): q.quantile(0.95, metrics.RESEND_DELAY, _SOURCE)},
            unit=SECONDS,
            traces=f'span.{names.WAIT_SOURCE} = "${{__field.labels.{_SOURCE}}}"',
        ),
    )
