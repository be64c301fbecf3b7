"""The rows about circuits, pauses, budgets and errors."""

from collections.abc import Sequence

from docs.generate import queries as q
from docs.generate.panels import (
    COUNT,
    REQUESTS,
    SECONDS,
    SHARE,
    AnyPanel,
    bars,
    chart,
    of_call,
    states,
)
from verto_resilience.telemetry import _metric_rows as metrics
from verto_resilience.telemetry import _names as names

_END = q.label(names.CALL_END)
_KEY = q.label(names.CIRCUIT_KEY)
_STATE = q.label(names.CIRCUIT_STATE)
_REASON = q.label(names.CIRCUIT_REASON)
_TOLD = q.label(names.PAUSE_TOLD)
_CUT = q.label(names.PAUSE_CUT)
_STATUS = q.label(names.STATUS_CODE)
_STORE = q.label(names.STORE_STATE)
_CODE = q.label(names.API_ERROR_CODE)
_OPERATION = q.label(names.OPERATION)
_ADDRESS = q.label(names.SERVER_ADDRESS)
_PORT = q.label(names.SERVER_PORT)

_FAILING = "status = error"


def circuits() -> Sequence[AnyPanel]:
    """Show where circuits stand and what they refuse."""
    return (
        states(
            "State of each circuit",
            "The worst state in each interval, over all processes.",
            {q.shown(_KEY): _worst_state()},
            names=((0, "closed", "green"), (1, "half-open", "yellow"), (2, "open", "red")),
            traces=of_call(names.CALL_END, '"circuit_open"'),
        ),
        bars(
            "Changes of state",
            "Short breaks between two scrapes show only here.",
            {
                f"to {q.shown(_STATE)} {q.shown(_REASON)}": q.increase(
                    metrics.CIRCUIT_TRANSITIONS, f"{_STATE}, {_REASON}"
                )
            },
            traces=_FAILING,
        ),
        chart(
            "Refused",
            "Nothing was sent: the circuit is open, or the pause does not fit the call's time.",
            {q.shown(_END): q.rate(metrics.REJECTIONS, by=_END)},
            unit=REQUESTS,
            traces=of_call(names.CALL_END, f'"${{__field.labels.{_END}}}"'),
        ),
        bars(
            "Would have been refused",
            "Sends that a circuit in observe_only let pass.",
            {"overruled": q.increase(metrics.CIRCUIT_OVERRULED)},
            traces=_FAILING,
        ),
    )


def _worst_state() -> str:
    def in_state(state: str) -> str:
        return q.series(metrics.CIRCUIT_STATUS, f'{_STATE}="{state}"')

    weighed = " or ".join(
        (
            f"2 * clamp_max(max_over_time({in_state('open')}[{q.RATE}]), 1)",
            f"clamp_max(max_over_time({in_state('half_open')}[{q.RATE}]), 1)",
            f"0 * {in_state('closed')}",
        )
    )
    return f"max by ({_KEY}) ({weighed})"


def pauses() -> Sequence[AnyPanel]:
    """Show how often and how long origins asked for quiet."""
    throttled = f"span.{names.STATUS_CODE} = 429 || span.{names.INNER_STATUS_CODE} = 429"
    return (
        bars(
            "Pauses begun",
            "By status; whether the server told the time, and whether it asked for more than "
            "max_pause allows.",
            {
                f"{q.shown(_STATUS)}, told: {q.shown(_TOLD)}, cut: {q.shown(_CUT)}": q.increase(
                    metrics.PAUSES, f"{_STATUS}, {_TOLD}, {_CUT}"
                )
            },
            traces=f"({throttled})",
        ),
        chart(
            "Length of pauses, 95th percentile",
            "By whether the server told it or the backoff chose it.",
            {f"told: {q.shown(_TOLD)}": q.quantile(0.95, metrics.PAUSE_DURATION, _TOLD)},
            unit=SECONDS,
            traces=f"({throttled})",
        ),
        chart(
            "Wait at the gate, 95th percentile",
            "How long calls waited for the end of a pause before their first send.",
            {"wait": q.quantile(0.95, metrics.PAUSE_DELAY)},
            unit=SECONDS,
            traces=f'span.{names.WAIT_SOURCE} = "pause"',
        ),
    )


def budget() -> Sequence[AnyPanel]:
    """Show what the retry budgets allow and forbid."""
    spent = of_call(names.CALL_END, '"budget_spent"')
    legend = f"{q.shown(_ADDRESS)}:{q.shown(_PORT)}"
    origin = f"{_ADDRESS}, {_PORT}"
    return (
        chart(
            "Budget left",
            "Resends that each origin may get at once, in the poorest process. Below 1 none is "
            "made.",
            {legend: f"min by ({origin}) ({q.series(metrics.BUDGET_BALANCE)})"},
            unit=COUNT,
            traces=spent,
            width=12,
        ),
        bars(
            "Resends not made",
            "Because the budget was empty: the outage is not amplified.",
            {legend: q.increase(metrics.BUDGET_REFUSALS, origin)},
            traces=spent,
            width=12,
        ),
    )


def errors() -> Sequence[AnyPanel]:
    """Show what failed, and the codes that Verto gave."""
    attempts = q.rate(metrics.HTTP_DURATION)
    return (
        chart(
            "Share of failures",
            "Of calls, of calls without what the caller asked wrongly (4xx but 429, a denied "
            "success), and of attempts. Attempts above calls: resends helped.",
            {
                "calls": q.ratio(q.rate(metrics.CALL_DURATION, q.FAILED), q.CALLS),
                "calls, not the caller's": q.ratio(
                    q.rate(metrics.CALL_DURATION, q.NOT_THE_CALLERS), q.CALLS
                ),
                "attempts": q.ratio(
                    q.rate(metrics.HTTP_DURATION, f'{q.label(names.ERROR_TYPE)}!=""'), attempts
                ),
            },
            unit=SHARE,
            traces=_FAILING,
        ),
        bars(
            "API error codes",
            "Codes that Verto put into the bodies of its answers.",
            {
                f"code {q.shown(_CODE)} ({q.shown(_STATUS)})": q.increase(
                    metrics.API_ERRORS, f"{_CODE}, {_STATUS}"
                )
            },
            traces=f'span.{names.API_ERROR_CODE} = "${{__field.labels.{_CODE}}}"',
        ),
        bars(
            "Writes with unknown outcome",
            "By operation: look up whether they were executed before doing them anew.",
            {q.shown(_OPERATION): q.increase(metrics.UNKNOWN_OUTCOMES, _OPERATION)},
            traces=of_call(names.AMBIGUOUS, "true"),
        ),
    )


def store() -> Sequence[AnyPanel]:
    """Show how the processes stand with the store through which they share verdicts."""
    refused = of_call(names.CALL_END, '"circuit_open"')
    return (
        bars(
            "Connected, lost, refused",
            "Changes, of all processes. While it is lost or refuses, each goes by what it finds "
            "out itself. Of all servers.",
            {q.shown(_STORE): q.increase(metrics.STORE_TRANSITIONS, _STORE)},
            traces=refused,
            width=12,
        ),
        bars(
            "Values ignored",
            "What somebody else has written where the verdicts stand. Of all servers.",
            {"values": q.increase(metrics.STORE_IGNORED)},
            traces=refused,
            width=12,
        ),
    )
