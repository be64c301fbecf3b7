import gzip
import json
import pickle
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

import verto_resilience
from tests.end_to_end.sessions import Mounter
from verto_resilience import (
    ApiFailureError,
    BadRequestError,
    Category,
    ConflictError,
    Failure,
    NotFoundError,
    OutcomeError,
    ServiceUnavailableError,
    TooManyRequestsError,
    raise_for_outcome,
)
from verto_resilience.pipeline import End
from verto_resilience.testing import Fault, Reply, Sandbox

pytestmark = pytest.mark.end_to_end

TRADE = "/orders/v2.1/fx"
PAYMENT = "/payments/create"
ON_THIS_HOST = {
    "verto_hosts": ("127.0.0.1",),
    "server_error_wait_min": 0.01,
    "server_error_wait_max": 0.02,
}
CANARY = "canary-5d1e"


def _raised(response: requests.Response) -> OutcomeError:
    with pytest.raises(OutcomeError) as raised:
        raise_for_outcome(response)
    return raised.value


def test_an_error_tells_everything_about_its_call(verto: Sandbox, mounted: Mounter) -> None:
    """Three attempts at a quote: status, code with meaning, message, ids, history, operation."""
    verto.script(TRADE, [Reply(503, json={"code": 2, "message": "Busy"})] * 3)
    session = mounted(**ON_THIS_HOST)

    error = _raised(
        session.get(f"{verto.url}{TRADE}?currencyFrom=USD", headers={"Vfx-Correlation-Id": "mine"})
    )

    assert type(error) is ServiceUnavailableError
    assert (error.status, error.category, error.documented) == (503, Category.SERVER_ERROR, True)
    assert (error.code, error.code_meaning, error.message) == (2, "Placeholder", "Busy")
    assert error.call_id == error.response.headers["Vfx-Api-Call-Id"]
    assert error.stack_id == error.response.headers["Vfx-Api-Stack-Id"]
    assert (error.correlation_id, error.end) == ("mine", End.ATTEMPTS_SPENT)
    assert error.correlation_id_received == error.response.headers["Vfx-Correlation-Id"]
    assert [one.outcome.status for one in error.attempts] == [503, 503, 503]
    assert error.operation is not None
    told = str(error)
    assert told.startswith(f"GET {verto.url}{TRADE}: 503 Service Unavailable\n")
    assert "USD" not in told
    assert f"Vfx-Api-Call-Id {error.call_id}" in told
    assert 'API error code 2 (Placeholder), "Busy"' in told


def test_the_meaning_of_a_code_is_that_of_the_callers_catalogue(
    verto: Sandbox, mounted: Mounter, tmp_path: Path
) -> None:
    """A code that Verto does not document is told by the file that names it, else by its status."""
    file = tmp_path / "codes.toml"
    file.write_text('[[code]]\ncode = 4711\nstatus = 409\ndescription = "Duplicate"\n')
    url = f"{verto.url}/status/409?code=4711"

    known = _raised(mounted(catalogue=str(file)).get(url))
    unknown = _raised(mounted().get(url))

    assert (known.code, known.code_meaning) == (4711, "Duplicate")
    assert (unknown.code, unknown.code_meaning) == (4711, None)
    assert type(known) is type(unknown) is ConflictError


def test_a_write_of_unknown_outcome_says_so(verto: Sandbox, mounted: Mounter) -> None:
    """A trade that was booked before the 503: one attempt, unknown, reconcile."""
    verto.script(TRADE, [Reply(503, executes=True)])

    error = _raised(mounted(**ON_THIS_HOST).post(f"{verto.url}{TRADE}", json={"amount": 5}))

    assert (len(verto.trades), verto.arrived, error.ambiguous) == (1, 1, True)
    assert "outcome unknown" in str(error).splitlines()[0]
    assert "reconcile before doing it again" in str(error)


def test_a_conflict_after_an_unknown_attempt_may_be_its_success(
    verto: Sandbox, mounted: Mounter
) -> None:
    """The payment was taken, the line broke, and the resend is refused as a duplicate."""
    verto.script(PAYMENT, [Reply.ok(fault=Fault.RESET), Reply(409)])

    error = _raised(
        mounted(**ON_THIS_HOST).post(
            f"{verto.url}{PAYMENT}", json={"paymentId": "p"}, headers={"Idempotency-Key": "k"}
        )
    )

    assert type(error) is ConflictError
    assert (error.ambiguous, error.possibly_executed) == (True, True)
    assert [one.outcome.cause for one in error.attempts] == ["reset", "409"]
    assert "An earlier attempt of this call may have been executed" in str(error)


def test_a_429_tells_how_long_to_wait(verto: Sandbox, mounted: Mounter) -> None:
    """A wait that does not fit comes back at once, with its length."""
    verto.script(TRADE, [Reply(429, retry_after=600)])

    error = _raised(mounted().get(f"{verto.url}{TRADE}"))

    assert type(error) is TooManyRequestsError
    assert (error.retry_after, error.end) == (600.0, End.DEADLINE)
    assert "Asked to wait 600 s." in str(error)


def test_a_success_that_is_denied_is_raised(verto: Sandbox, mounted: Mounter) -> None:
    """200 with ``"success": false`` is a failure of the API, and the connection is well."""
    verto.script(TRADE, [Reply(200, json={"success": False, "message": "No funds"})])

    error = _raised(mounted().get(f"{verto.url}{TRADE}"))

    assert type(error) is ApiFailureError
    assert (error.status, error.message, len(error.attempts)) == (200, "No funds", 1)


def test_a_success_gives_its_outcome(verto: Sandbox, mounted: Mounter) -> None:
    """Nothing is raised, and what to quote is there all the same."""
    response = mounted().get(f"{verto.url}/status/202")

    found = raise_for_outcome(response)

    assert found == verto_resilience.outcome(response)
    assert (found.status, found.category) == (202, Category.SUCCESS)
    assert found.call_id == response.headers["Vfx-Api-Call-Id"]


def test_a_failure_and_a_refusal_have_outcomes(verto: Sandbox, mounted: Mounter) -> None:
    """What was raised tells the same story as a response."""
    verto.script(None, [Reply(200, fault=Fault.RESET)], repeat=True)
    session = mounted(max_attempts=1, consecutive_failures=1, break_duration=30.0)

    with pytest.raises(requests.ConnectionError) as failed:
        session.get(f"{verto.url}/a?secret={CANARY}")
    with pytest.raises(requests.ConnectionError) as refused:
        session.get(f"{verto.url}/a?secret={CANARY}")

    first, second = (verto_resilience.outcome(e.value) for e in (failed, refused))
    assert (first.status, first.failure, len(first.attempts)) == (None, Failure.RESET, 1)
    assert first.asked == second.asked == f"GET {verto.url}/a"
    assert (second.category, second.attempts, second.end) == (None, (), End.CIRCUIT_OPEN)
    assert second.retry_after is not None
    assert "not sent: the circuit of the origin is open" in str(second)


def test_an_error_that_is_quoted_by_a_hostile_server_holds_no_credential(
    verto: Sandbox, mounted: Mounter
) -> None:
    """A server that quotes all it was sent: no credential in text, repr, outcome or pickle."""
    key = f"key-{CANARY}"
    quoted = f"apiKey {key}, header Bearer {CANARY}, {CANARY} and {key[:-2]}"
    verto.script("/users/login", [Reply(400, json={"code": 1, "message": quoted})])

    error = _raised(
        mounted(**ON_THIS_HOST).post(
            f"{verto.url}/users/login?token={CANARY}-in-query",
            json={"clientId": f"client-{CANARY}", "apiKey": key},
            headers={"Authorization": f"Bearer {CANARY}"},
        )
    )

    error.response._content = b""  # requests' own, with the server's words as they came
    for told in (str(error), repr(error), repr(error.outcome), repr(pickle.dumps(error))):
        assert CANARY not in told
    assert error.message is not None
    assert "[removed]" in error.message


class TestBodies:
    """Error bodies as servers send them."""

    BODY = json.dumps({"code": 2, "message": "Busy"}).encode()

    def test_a_compressed_body_is_read(self, verto: Sandbox, mounted: Mounter) -> None:
        """Compression is undone before the code is looked for."""
        verto.script(
            TRADE,
            [
                Reply(
                    400,
                    body=gzip.compress(self.BODY),
                    headers={"Content-Encoding": "gzip", "Content-Type": "application/json"},
                )
            ],
        )

        error = _raised(mounted().get(f"{verto.url}{TRADE}"))

        assert type(error) is BadRequestError
        assert (error.code, error.message) == (2, "Busy")

    @pytest.mark.parametrize("over", [0, 1])
    def test_the_limit_counts_the_decompressed_size(
        self, verto: Sandbox, mounted: Mounter, over: int
    ) -> None:
        """A body that is small on the wire and large in memory is not searched."""
        limit = 50_000
        body = self.BODY + b" " * (limit - len(self.BODY) + over)
        packed = gzip.compress(body)
        assert len(packed) < 500
        verto.script(
            TRADE,
            [
                Reply(
                    400,
                    body=packed,
                    headers={"Content-Encoding": "gzip", "Content-Type": "application/json"},
                )
            ],
        )

        error = _raised(mounted(error_body_limit=limit).get(f"{verto.url}{TRADE}"))

        assert error.code == (None if over else 2)

    def test_the_key_of_the_code_is_a_setting(self, mounted: Mounter) -> None:
        """Verto documents no key, so the caller says it."""
        with Sandbox(code_key="reason") as verto:
            url = f"{verto.url}/status/400?code=2"

            found = verto_resilience.outcome(mounted(code_keys=("reason",)).get(url))
            missed = verto_resilience.outcome(mounted().get(url))

        assert (found.code, missed.code) == (2, None)

    @pytest.mark.parametrize(
        ("body", "content_type"),
        [
            (b"<html>busy</html>", "text/html"),
            (b"", "application/json"),
            (BODY[:-3], "application/json"),
            (b'{"a":' * 20_000, "application/json"),
            (b"\xff\xfe" + BODY, "application/json"),
            (b'{"code": ' + b"9" * 60_000 + b"}", "application/json"),
            (b'["code", 1]', "application/json"),
        ],
        ids=["html", "empty", "truncated", "nested", "not_utf8", "huge", "array"],
    )
    def test_a_strange_body_has_no_code(
        self, verto: Sandbox, mounted: Mounter, body: bytes, content_type: str
    ) -> None:
        """No code, no exception, and no time lost."""
        verto.script(TRADE, [Reply(404, body=body, headers={"Content-Type": content_type})])
        began = time.monotonic()

        error = _raised(mounted().get(f"{verto.url}{TRADE}"))

        assert type(error) is NotFoundError
        assert (error.code, error.message) == (None, None)
        assert time.monotonic() - began < 1.0

    def test_of_a_key_that_comes_twice_the_last_counts(
        self, verto: Sandbox, mounted: Mounter
    ) -> None:
        """As in ``response.json()``."""
        body = b'{"code": 1, "code": 2}'
        verto.script(TRADE, [Reply(400, body=body, headers={"Content-Type": "application/json"})])

        assert _raised(mounted().get(f"{verto.url}{TRADE}")).code == 2

    def test_a_streamed_body_is_read_once_the_caller_has_it(
        self, verto: Sandbox, mounted: Mounter
    ) -> None:
        """With ``stream=True`` the code is known as soon as the body is in memory, not before."""
        with mounted().get(f"{verto.url}/status/400?code=2", stream=True) as response:
            before = verto_resilience.outcome(response)
            response.content  # noqa: B018
            after = verto_resilience.outcome(response)

        assert (before.code, after.code) == (None, 2)
        assert before.attempts[0].outcome.status == 400


def test_importing_the_subpackage_by_statement_keeps_the_function() -> None:
    """``import verto_resilience.outcome`` in a fresh process loads it and leaves the name alone."""
    code = (
        "import verto_resilience.outcome, verto_resilience\n"
        "from verto_resilience.outcome import Outcome\n"
        "import requests; r = requests.Response(); r.status_code = 404\n"
        "assert verto_resilience.outcome(r).status == 404\n"
        "assert Outcome is verto_resilience.Outcome\n"
    )

    done = subprocess.run([sys.executable, "-c", code], check=False, timeout=30)

    assert done.returncode == 0
