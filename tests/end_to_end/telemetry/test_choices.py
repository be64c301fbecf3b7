"""The other ways to live beside an instrumentation, and what its hooks add."""

import logging
from typing import Any

import pytest
import requests
from opentelemetry.trace import SpanKind

from tests.end_to_end.telemetry.setups import (
    OURS,
    REQUESTS,
    URLLIB3,
    Setup,
    drawn_by,
    id_of,
    instrumented,
    metrics_of,
    parent_of,
    shown,
)
from tests.end_to_end.telemetry.traffic import CANARY, Traffic
from tests.telemetry import check as rules
from tests.telemetry.makers import Sdk
from verto_resilience import unmount

pytestmark = pytest.mark.end_to_end

ABOVE = [Setup.REQUESTS, Setup.BOTH]


def ask(span: Any, *request: Any) -> None:
    """Add to a span, as a program's request hook does."""
    span.set_attribute("program.asked", True)


def answered(span: Any, *answer: Any) -> None:
    """Add to a span, as a program's response hook does."""
    span.set_attribute("program.answered", True)


HOOKS = {"request_hook": ask, "response_hook": answered}


@pytest.mark.parametrize("beside", ABOVE)
def test_nest_draws_client_spans_below_the_others(sdk: Sdk, beside: Setup) -> None:
    """``nest``: each send is a CLIENT span with its own trace header, and is measured once."""
    with instrumented(beside, sdk), Traffic(beside="nest") as traffic:
        traffic.everything()
        carried = [arrival.headers["traceparent"].split("-")[2] for arrival in traffic.log]

    ours = [span for span in drawn_by(sdk, OURS) if span.kind is SpanKind.CLIENT]
    assert {parent_of(span) for span in ours} <= {id_of(span) for span in drawn_by(sdk, REQUESTS)}
    assert len(set(carried)) == len(carried)
    assert set(carried) <= {id_of(span) for span in ours}
    found = rules.check(rules.Traffic(sdk.spans, sdk.data(), (), [CANARY], beside=True))
    assert found == []
    assert (OURS, "http.client.request.duration") not in metrics_of(sdk)


@pytest.mark.parametrize("beside", ABOVE)
def test_takeover_draws_alone(sdk: Sdk, beside: Setup) -> None:
    """``takeover``: the mounted session is drawn and measured here, by all the rules."""
    with instrumented(beside, sdk), Traffic(beside="takeover") as traffic:
        traffic.everything()

    assert drawn_by(sdk, REQUESTS) == drawn_by(sdk, URLLIB3) == []
    assert rules.check(rules.Traffic(sdk.spans, sdk.data(), (), [CANARY])) == []
    assert (OURS, "http.client.request.duration") in metrics_of(sdk)


def test_takeover_is_for_the_mounted_session_alone(sdk: Sdk, plain: requests.Session) -> None:
    """Other sessions stay with the instrumentation, and ``unmount`` gives this one back to it."""
    with instrumented(Setup.REQUESTS, sdk), Traffic(beside="takeover") as traffic:
        plain.get(f"{traffic.verto.url}/x")
        unmount(traffic.session)
        traffic.send("GET", "/x", 200)

    assert len(drawn_by(sdk, REQUESTS)) == 2
    assert drawn_by(sdk, OURS) == []


@pytest.mark.parametrize("beside", ABOVE)
def test_silent_draws_nothing_and_counts(sdk: Sdk, beside: Setup) -> None:
    """``silent``: only the other draws, and resends are still counted."""
    with instrumented(beside, sdk), Traffic(beside="silent") as traffic:
        traffic.send("GET", "/flaky", 503, 200)

    assert drawn_by(sdk, OURS) == []
    assert len(drawn_by(sdk, REQUESTS)) == 1
    assert [count for _, count in sdk.points("verto.resends")] == [1]


@pytest.mark.parametrize("beside", ABOVE)
def test_hooks_of_the_instrumentation_above_are_kept(sdk: Sdk, beside: Setup) -> None:
    """What the program's hooks add stands on the span where it stood, beside our attempts."""
    with instrumented(beside, sdk, **HOOKS), Traffic() as traffic:
        traffic.send("GET", "/flaky", 503, 200)

    (span,) = drawn_by(sdk, REQUESTS)
    assert shown(span, "program.asked")
    assert shown(span, "program.answered")
    assert shown(span, "verto.call.attempts") == 2
    assert len(drawn_by(sdk, OURS)) == 2


def test_hooks_of_the_instrumentation_below_are_kept(
    sdk: Sdk, log: list[logging.LogRecord]
) -> None:
    """Where urllib3's calls hooks it draws each send, below our attempt, and measures it alone."""
    with instrumented(Setup.URLLIB3, sdk, **HOOKS), Traffic() as traffic:
        traffic.everything()

    theirs = [span for span in drawn_by(sdk, URLLIB3) if shown(span, "program.asked")]
    attempts = [span for span in drawn_by(sdk, OURS) if span.name.startswith("verto.attempt")]
    assert set(sdk.clients) == set(theirs)
    assert {parent_of(span) for span in theirs} <= {id_of(span) for span in attempts}
    assert len(theirs) >= len(traffic.log)
    assert rules.check(rules.Traffic(sdk.spans, sdk.data(), log, [CANARY])) == []
    assert (OURS, "http.client.request.duration") not in metrics_of(sdk)
    assert len([record for record in log if "takeover" in record.getMessage()]) == 1


def test_hooks_below_can_be_given_up(sdk: Sdk) -> None:
    """``takeover`` draws each send here, also where urllib3's instrumentation calls hooks."""
    with instrumented(Setup.URLLIB3, sdk, **HOOKS), Traffic(beside="takeover") as traffic:
        traffic.send("GET", "/flaky", 503, 200)

    assert drawn_by(sdk, URLLIB3) == []
    assert len(sdk.clients) == 2
