"""Secrets that were planted, looked for wherever the library says something."""

import logging
import pickle
from collections.abc import Iterator
from typing import Any

import pytest
import requests

import verto_resilience
from tests.end_to_end.sessions import Told
from tests.end_to_end.telemetry.setups import OURS, Setup, drawn_by
from tests.end_to_end.telemetry.traffic import CANARY, Traffic
from tests.telemetry import check as rules
from tests.telemetry.makers import Sdk
from verto_resilience import CallRejectedError, OutcomeError
from verto_resilience.pipeline import CallEnded

pytestmark = pytest.mark.end_to_end


def texts(error: Exception) -> Iterator[str]:
    """Give everything that an error of ours says of itself."""
    yield str(error)
    yield repr(error)
    yield from getattr(error, "__notes__", ())
    yield str(verto_resilience.report(error))
    yield str(verto_resilience.outcome(error))


def test_no_secret_is_told(sdk: Sdk, setup: Setup, log: list[logging.LogRecord]) -> None:
    """Spans, metrics, log records and errors have none, down to DEBUG, whoever else is there."""
    told = Told()
    with Traffic(observer=told) as traffic:
        traffic.secrets()
        traffic.failures()
        traffic.cancelled()
        traffic.refused()

        sent = [arrival for arrival in traffic.verto.log if arrival.path == "/secrets"]
        assert any(f"{CANARY}-bearer" in arrival.headers["Authorization"] for arrival in sent)
        assert all(f"{CANARY}-sig" in arrival.query for arrival in sent)
        assert all(f"{CANARY}-key".encode() in arrival.body for arrival in sent)
    assert rules.check(rules.Traffic(sdk.spans, sdk.data(), log, [CANARY])) == []
    shown = [logging.Formatter().format(record) for record in log]
    assert not [text for text in shown if CANARY in text]
    refused = [error for error in traffic.raised if isinstance(error, CallRejectedError)]
    assert refused
    assert not [text for error in refused for text in texts(error) if CANARY in text]
    assert not [event for event in told.of(CallEnded) if CANARY in str(event.error)]


def test_no_credential_is_quoted_from_an_answer(sdk: Sdk) -> None:
    """Errors for statuses hold nothing that was sent as a credential, though the server says it."""
    responses: list[Any] = []
    with Traffic() as traffic:
        traffic.session.hooks["response"].append(lambda r, **_: responses.append(r))
        traffic.secrets()

    errors = [failed(response) for response in responses]
    assert len(errors) == 3
    for error in (*errors, *(pickle.loads(pickle.dumps(error)) for error in errors)):  # noqa: S301
        assert error.status in (400, 503)
        assert not [text for text in texts(error) if CANARY in text]


def failed(response: requests.Response) -> OutcomeError:
    """Give the error for an answer."""
    with pytest.raises(OutcomeError) as raised:
        verto_resilience.raise_for_outcome(response)
    return raised.value


def test_the_secrets_were_there_to_be_found(sdk: Sdk) -> None:
    """What redacts is what keeps them out: an allowed query value is shown."""
    with Traffic(allowed_query=("q",)) as traffic:
        traffic.secrets()

    shown = {str((span.attributes or {}).get("url.full")) for span in drawn_by(sdk, OURS)}
    assert any(f"q={CANARY}-q" in url for url in shown)
    assert not any(f"{CANARY}-sig" in url for url in shown)
