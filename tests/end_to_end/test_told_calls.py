import pytest
import requests

import verto_resilience
from tests.end_to_end.sessions import Mounter
from verto_resilience import OutcomeError, raise_for_outcome
from verto_resilience.pipeline import IdempotencyKeys
from verto_resilience.testing import Fault, Reply, Sandbox

pytestmark = pytest.mark.end_to_end

PAYMENT = "/payments/create"
BODY = {"paymentId": "p-1", "amount": 1}
ON_THIS_HOST = {
    "verto_hosts": ("127.0.0.1",),
    "server_error_wait_min": 0.01,
    "server_error_wait_max": 0.02,
}
AUTO = ON_THIS_HOST | {"idempotency_keys": IdempotencyKeys.AUTO}


def _raised(response: requests.Response) -> OutcomeError:
    with pytest.raises(OutcomeError) as raised:
        raise_for_outcome(response)
    return raised.value


def test_a_key_that_was_made_is_in_the_error_and_its_text(verto: Sandbox, mounted: Mounter) -> None:
    """Who reconciles a payment finds the key that the server got, which the caller never saw."""
    verto.script(PAYMENT, [503] * 3)

    error = _raised(mounted(**AUTO).post(f"{verto.url}{PAYMENT}", json=BODY))

    sent = {arrival.headers["Idempotency-Key"] for arrival in verto.log}
    assert sent == {error.idempotency_key}
    assert f"\n  Idempotency-Key: {error.idempotency_key}\n" in str(error)


def test_a_key_of_the_caller_is_in_the_outcome_of_an_exception(
    verto: Sandbox, mounted: Mounter
) -> None:
    """Where no answer came the outcome of the exception has the key."""
    verto.script(PAYMENT, [Reply.ok(fault=Fault.RESET)] * 3)

    with pytest.raises(requests.exceptions.ConnectionError) as failed:
        mounted(**ON_THIS_HOST).post(
            f"{verto.url}{PAYMENT}", json=BODY, headers={"idempotency-key": "mine"}
        )

    told = verto_resilience.outcome(failed.value)
    assert told.idempotency_key == "mine"
    assert "Idempotency-Key: mine" in str(told)


def test_the_report_of_an_error_is_that_of_its_response(verto: Sandbox, mounted: Mounter) -> None:
    """Code that catches the typed error needs no response to tell the history."""
    verto.script(PAYMENT, [503, 409])

    response = mounted(**AUTO).post(f"{verto.url}{PAYMENT}", json=BODY)

    report = verto_resilience.report(_raised(response))
    assert report is not None
    assert report is verto_resilience.report(response)
    first, second, *_ = str(report).splitlines()[1:]
    assert first.startswith("  1: 503 in ")
    assert second.startswith("  2: 409 in ")
    assert second.endswith(" (server_error_band)")


def test_no_text_of_a_call_holds_its_query_or_credentials(verto: Sandbox, mounted: Mounter) -> None:
    """Neither the report's text nor the error's has what went with the request."""
    verto.script("/users", [Reply(400, json={"code": 2, "message": "no canary-header here"})])

    error = _raised(
        mounted(**ON_THIS_HOST).get(
            f"{verto.url}/users?name=canary-query", headers={"Authorization": "canary-header"}
        )
    )

    report = verto_resilience.report(error)
    assert report is not None
    assert report.attempts[0].outcome.status == 400
    assert "canary" not in f"{error}\n{report}"
