"""Every query of the dashboard, asked of a real Prometheus, against what the servers saw."""

from typing import Any

import pytest

from tests.prometheus.asked import Question, question, questions
from tests.prometheus.conftest import Played
from tests.prometheus.server import Sample

pytestmark = pytest.mark.prometheus

_SHORT = 2.0
# Rates are extrapolated to the whole window, by up to one scrape at each end of the round.
_NEAR = 0.06


# The workload has no store, which would be one more server to run.
_WITHOUT_A_STORE = [asked for asked in questions() if "verto_store" not in asked.expression]


@pytest.mark.parametrize(
    "asked", _WITHOUT_A_STORE, ids=lambda asked: f"{asked.panel}-{asked.legend}"
)
def test_each_query_gives_data(played: Played, asked: Question) -> None:
    """A query of the dashboard gives numbers for what the workload did, without scope labels."""
    began, ended = played.rounds[0].began, played.ended

    found = played.prometheus.over(asked.filled(_SHORT, ended - began), began, ended)

    assert any(series.values for series in found)
    assert not [name for series in found for name in series.labels if name.startswith("otel_")]


def test_calls_and_attempts_are_those_of_the_log(played: Played) -> None:
    """Calls are the calls made, attempts the requests that arrived."""
    calls = _counted(played, question("Calls and attempts", "Traffic", "calls"))
    attempts = _counted(played, question("Calls and attempts", "Traffic", "attempts"))

    assert _one(calls) == _near(played.rounds[-1].sum("calls"))
    assert _one(attempts) == _near(played.rounds[-1].arrived)


def test_attempts_by_status_are_those_of_the_log(played: Played) -> None:
    """Each status is counted as often as it was answered."""
    found = _counted(played, question("Attempts by status", "Traffic"))

    by_status: dict[int | None, float] = {}
    for series in found:
        status = series.labels.get("http_response_status_code")
        key = int(status) if status else None
        by_status[key] = by_status.get(key, 0.0) + series.values[0]
    assert by_status == _near(dict(played.rounds[-1].count("statuses")))


def test_resends_are_the_arrivals_of_a_call_after_its_first(played: Played) -> None:
    """Resends by reason add up to what arrived more than once."""
    last = played.rounds[-1]
    by_reason = _by(
        _counted(played, question("Resends by reason", "Resends")), "verto_resend_reason"
    )
    per_call = _one(_asked(played, question("Resends for each call", "Resends")))

    assert sum(by_reason.values()) == _near(last.sum("resends"))
    assert by_reason["stale_connection"] == _near(last.count("statuses")[None])
    assert per_call == pytest.approx(
        last.sum("resends") / (last.sum("calls") - last.sum("refused"))
    )


def test_refusals_are_the_calls_of_which_nothing_arrived(played: Played) -> None:
    """Refused calls are those that are missing in the log."""
    found = _counted(played, question("Refused", "Circuits"))

    assert sum(series.values[0] for series in found) == _near(played.rounds[-1].sum("refused"))


def test_every_429_is_a_pause(played: Played) -> None:
    """Pauses begun are the 429s answered; the one that named no time is told apart."""
    found = _asked(played, question("Pauses begun", "Pauses"))

    assert sum(_by(found, "verto_pause_told").values()) == _near(
        played.rounds[-1].count("statuses")[429]
    )
    assert _by(found, "verto_pause_told")["false"] == _near(1)
    assert _by(found, "verto_pause_cut")["true"] == _near(1)


def test_the_budget_refused_each_call_that_ended_badly(played: Played) -> None:
    """Resends not made are the calls of the poor shop whose last answer was a 503."""
    poor = played.rounds[-1].shops[1]
    found = _by(_asked(played, question("Resends not made", "Retry budget")), "server_port")

    assert found[str(poor.port)] == _near(poor.last_statuses.count(503))


def test_api_error_codes_are_those_answered(played: Played) -> None:
    """Each API error code is counted as often as it was answered."""
    found = _asked(played, question("API error codes", "Errors"))

    assert _by(found, "verto_api_error_code") == _near(dict(played.rounds[-1].count("codes")))


def test_unknown_outcomes_are_the_writes_executed_in_vain(played: Played) -> None:
    """Unknown outcomes are the writes that were executed and answered with an error."""
    last = played.rounds[-1]
    found = _asked(played, question("Writes with unknown outcome", "Errors"))
    number = question("Writes with unknown outcome", "Now")
    span = played.ended - played.rounds[0].began
    in_all = played.prometheus.total(number.filled(_SHORT, span), played.ended)

    assert _by(found, "verto_operation_template") == _near({"/fx/payments": last.sum("unknown")})
    assert in_all == played.sum("unknown")


def test_shares_of_failures_are_those_of_the_log(played: Played) -> None:
    """The share of failed attempts is that of bad answers in the log."""
    last = played.rounds[-1]
    statuses = last.count("statuses")
    bad = sum(times for status, times in statuses.items() if status is None or status >= 400)

    found = _asked(played, question("Share of failures", "Errors", "attempts"))

    assert _one(found) == pytest.approx(bad / last.arrived, rel=_NEAR)


def test_the_timeline_shows_the_circuit_open_and_closed_again(played: Played) -> None:
    """The circuit of the shop is shown open in the outage, and closed before and after."""
    last = played.rounds[-1]
    asked = question("State of each circuit", "Circuits").filled(1.0, 1.0)

    found = played.prometheus.over(asked, last.began, last.ended)

    key = f"http://127.0.0.1:{last.shops[0].port}"
    states = next(s.values for s in found if s.labels["verto_circuit_breaker_key"] == key)
    assert (states[0], max(states), states[-1]) == (0.0, 2.0, 0.0)


def test_a_circuit_opens_and_closes_once_for_each_outage(played: Played) -> None:
    """Transitions of the obeyed circuit are as many as the outages in the log, from the first."""
    port = played.rounds[-1].shops[0].port
    outages = sum(played.shops[0].outages for played in played.rounds)
    asked = f'verto_circuit_breaker_transitions_total{{server_port="{port}"}}'

    found = played.prometheus.at(asked, played.ended)

    expected = dict.fromkeys(("open", "half_open", "closed"), float(outages))
    assert _by(found, "verto_circuit_breaker_state") == expected


def test_the_first_opening_of_all_is_shown(played: Played) -> None:
    """The changes of the first round are shown although their counters were born with them."""
    first = played.rounds[0]
    asked = question("Changes of state", "Circuits").filled(first.seconds, first.seconds)

    found = played.prometheus.at(asked, first.ended)

    by_reason = _by(found, "verto_circuit_breaker_reason")
    assert by_reason["consecutive_failures"] == first.sum("outages")
    assert _by(found, "verto_circuit_breaker_state")["closed"] == first.shops[0].outages


@pytest.mark.parametrize(
    ("expression", "seen"),
    [
        ("http_client_request_duration_seconds_count", lambda shop: len(shop.arrivals)),
        ("verto_call_duration_seconds_count", lambda shop: shop.calls),
        ("verto_resends_total", lambda shop: shop.resends),
        ("verto_resend_delay_seconds_count", lambda shop: shop.resends),
        ("verto_rejections_total", lambda shop: shop.refused),
        ("verto_pauses_total", lambda shop: shop.statuses[429]),
        ("verto_unknown_outcomes_total", lambda shop: shop.unknown),
        ("verto_api_errors_total", lambda shop: sum(shop.codes.values())),
    ],
)
def test_counters_are_the_log_to_the_last_one(played: Played, expression: str, seen: Any) -> None:
    """A counter stands exactly where the log of each server says, from its very first event."""
    found = _by(played.prometheus.at(expression, played.ended), "server_port")

    expected = {
        str(shop.port): sum(seen(each.shops[number]) for each in played.rounds)
        for number, shop in enumerate(played.rounds[0].shops)
    }
    assert found == {port: number for port, number in expected.items() if number}


def _asked(played: Played, asked: Question) -> list[Sample]:
    last = played.rounds[-1]
    return played.prometheus.at(asked.filled(last.seconds, last.seconds), last.ended)


def _counted(played: Played, asked: Question) -> list[Sample]:
    """Ask for what is counted each second, and give what that is in the whole round."""
    seconds = played.rounds[-1].seconds
    return [
        Sample(series.labels, [value * seconds for value in series.values])
        for series in _asked(played, asked)
    ]


def _one(found: list[Sample]) -> float:
    assert len(found) == 1
    return found[0].values[0]


def _by(found: list[Sample], label: str) -> dict[str, float]:
    sums: dict[str, float] = {}
    for series in found:
        name = series.labels.get(label, "")
        sums[name] = sums.get(name, 0.0) + series.values[0]
    return sums


def _near(expected: Any) -> Any:
    return pytest.approx(expected, rel=_NEAR)
