import inspect
from typing import Any, assert_type

import httpx
import pytest
import requests
import urllib3
from hypothesis import given
from hypothesis import strategies as st

import verto_resilience
from tests.transports.responses import URL, attempt, prepared, response, with_report
from verto_resilience import CallOutcome
from verto_resilience.outcome import Category, Failure, OperationKind, read_status_page
from verto_resilience.pipeline import End
from verto_resilience.transports import RequestsCircuitOpenError, outcome_of

IDS = {
    "Vfx_Api_Call_Id": "call-1",
    "Vfx_Api_Stack_Id": "stack-1",
    "Vfx_Correlation_Id": "received-1",
}


class TestName:
    """``verto_resilience.outcome`` is the function; the subpackage keeps its name for imports."""

    def test_the_attribute_is_the_function_and_is_typed(self) -> None:
        """Called on a response it gives a ``CallOutcome``, for the type checker too."""
        found = verto_resilience.outcome(response(404))

        assert_type(found, CallOutcome)
        assert_type(verto_resilience.raise_for_outcome(response(200)), CallOutcome)
        assert found.status == 404

    def test_importing_from_the_subpackage_works(self) -> None:
        """``from verto_resilience.outcome import ...`` finds the vocabulary as ever."""
        from verto_resilience.outcome import Outcome

        assert Outcome is verto_resilience.Outcome
        assert inspect.isfunction(read_status_page)

    def test_the_plain_report_is_there_as_well(self) -> None:
        """``report`` goes on giving the ``CallReport``, and nothing without the adapter."""
        through = with_report(response(404), attempt(1, 404))

        report = verto_resilience.report(through)

        assert report is not None
        assert [one.outcome.status for one in report.attempts] == [404]
        assert verto_resilience.report(response(404)) is None


class TestResponse:
    """Of a response."""

    def test_without_the_adapter_it_is_classified_from_itself(self) -> None:
        """Status, body and headers say what they can; there is no history."""
        found = outcome_of(
            response(400, '{"code": 1, "message": "No such wallet"}', Retry_After="7", **IDS)  # type: ignore[arg-type]
        )

        assert found == CallOutcome(
            asked="POST https://api.example.com/orders/v2.1/fx",
            status=400,
            status_message="Bad Request",
            status_meaning="Malformed syntax or invalid parameters: correct the request, "
            "do not resend it.",
            category=Category.CLIENT_ERROR,
            documented=True,
            code=1,
            code_meaning="Placeholder",
            message="No such wallet",
            call_id="call-1",
            stack_id="stack-1",
            correlation_id_received="received-1",
        )

    @pytest.mark.parametrize(
        ("status", "body", "category", "documented"),
        [
            (200, "", Category.SUCCESS, True),
            (200, '{"success": false}', Category.API_FAILURE, True),
            (206, "", Category.SUCCESS, False),
            (302, "", Category.REDIRECT, False),
            (418, "", Category.CLIENT_ERROR, False),
            (429, "", Category.RATE_LIMITED, True),
            (502, "", Category.SERVER_ERROR, False),
        ],
    )
    def test_category_and_whether_it_is_documented(
        self, status: int, body: str, category: Category, documented: bool
    ) -> None:
        """Any status is classified; only those of the page are documented."""
        found = outcome_of(response(status, body))

        assert (found.category, found.documented) == (category, documented)

    @pytest.mark.parametrize(
        ("status", "method", "is_in_doubt"),
        [(503, "POST", True), (503, "get", False), (503, None, True), (409, "POST", False)],
    )
    def test_without_the_adapter_a_write_that_met_a_5xx_is_ambiguous(
        self, status: int, method: str | None, is_in_doubt: bool
    ) -> None:
        """It may have been carried out; what is not known to be safe counts as a write."""
        request = prepared()
        request.method = method

        assert outcome_of(response(status, request=request)).ambiguous is is_in_doubt

    def test_retry_after_is_read(self) -> None:
        """What the server asked to wait is told in seconds."""
        assert outcome_of(response(503, Retry_After="7")).retry_after == 7.0

    def test_an_unread_body_is_left_alone(self) -> None:
        """A response with ``stream=True`` is classified without reading from its connection."""
        unread = response(400)
        vars(unread).update(_content=False, _content_consumed=False)

        found = outcome_of(unread)

        assert (found.status, found.code) == (400, None)
        assert vars(unread)["_content"] is False

    def test_the_report_gives_the_history(self) -> None:
        """Through the adapter, attempts, end and doubts are those of the call."""
        through = with_report(
            response(409), attempt(1, 503), attempt(2, 409), ambiguous=True, possibly_executed=True
        )

        found = outcome_of(through)

        assert [one.outcome.status for one in found.attempts] == [503, 409]
        assert (found.end, found.ambiguous, found.possibly_executed) == (End.ANSWERED, True, True)
        assert found.correlation_id == "sent-id"

    def test_the_callers_own_correlation_id_is_told(self) -> None:
        """What the caller sent is in, whoever made it."""
        request = prepared(headers={"Vfx-Correlation-Id": "mine"})

        assert outcome_of(response(400, request=request)).correlation_id == "mine"

    def test_the_idempotency_key_is_told(self) -> None:
        """The caller's own is in, and one that was sent for the caller goes before it."""
        request = prepared(headers={"Idempotency-Key": "mine"})

        alone = outcome_of(response(503, request=request))
        through = outcome_of(
            with_report(response(503, request=request), attempt(1, 503), idempotency_key="sent")
        )

        assert (alone.idempotency_key, through.idempotency_key) == ("mine", "sent")
        assert outcome_of(response(503)).idempotency_key is None

    @pytest.mark.parametrize(
        ("key", "told"),
        [
            ("k" * 1000, "k" * 255),
            (" a\x07b\x1b[1m\nc ", "ab[1mc"),
            (b"caf\xe9", "caf\xe9"),
            ("Bearer-canary", "[removed]"),
            ("Bea\x16rer-can\x00ary", "[removed]"),
            (" ", None),
        ],
        ids=["long", "controls", "bytes", "the token", "the token in parts", "empty"],
    )
    def test_a_key_is_told_in_bounds(self, key: str, told: str | None) -> None:
        """At most 255 printable characters, and no credential of the request."""
        request = prepared(headers={"Authorization": "Bearer-canary"})
        request.headers["Idempotency-Key"] = key

        assert outcome_of(response(503, request=request)).idempotency_key == told

    @pytest.mark.parametrize(
        ("url", "asked"),
        [
            ("https://api.example.com:443/a/b?c=d#e", "GET https://api.example.com/a/b"),
            ("http://user:canary@api.example.com:8080/a", "GET http://api.example.com:8080/a"),
            ("https://[::1]:8443/a", "GET https://[::1]:8443/a"),
            (f"https://api.example.com/{'a1' * 20}/x", "GET https://api.example.com/[removed]"),
        ],
    )
    def test_what_was_asked_is_told_without_query_and_credentials(
        self, url: str, asked: str
    ) -> None:
        """Method, origin and path; no query, no user, no default port, nothing like a token."""
        assert outcome_of(response(400, request=prepared("GET", url))).asked.startswith(asked)

    @given(st.binary(max_size=300), st.sampled_from([200, 302, 400, 404, 500, 777]))
    def test_any_body_gives_an_outcome(self, body: bytes, status: int) -> None:
        """No body brings an exception, and the message stays on one line."""
        found = outcome_of(response(status, body))

        assert found.status == status
        assert len((found.message or "").splitlines()) <= 1
        assert str(found)


class TestException:
    """Of what was raised in place of a response."""

    def test_a_failure_that_came_through_the_adapter(self) -> None:
        """The last attempt's failure and the history are told."""
        error = with_report(
            requests.ReadTimeout(request=prepared()),
            attempt(1, Failure.READ_TIMEOUT),
            end=End.NOT_REPEATABLE,
            ambiguous=True,
        )

        found = outcome_of(error)

        assert (found.status, found.category) == (None, Category.TRANSPORT)
        assert (found.failure, found.end) == (Failure.READ_TIMEOUT, End.NOT_REPEATABLE)
        assert found.ambiguous
        assert found.asked == "POST https://api.example.com/orders/v2.1/fx"

    def test_a_refusal_was_not_sent(self) -> None:
        """No category, no attempts, and the time to wait."""
        error = with_report(RequestsCircuitOpenError("no", retry_after=3.0), end=End.CIRCUIT_OPEN)

        found = outcome_of(error)

        assert (found.category, found.attempts, found.retry_after) == (None, (), 3.0)
        assert found.end is End.CIRCUIT_OPEN

    def test_a_plain_error_is_classified_from_itself(self) -> None:
        """Without the adapter there is a failure and no history."""
        found = outcome_of(requests.ConnectTimeout())

        assert (found.failure, found.attempts, found.end) == (Failure.CONNECT_TIMEOUT, (), None)

    @pytest.mark.parametrize(
        ("error", "is_in_doubt"),
        [
            (requests.ReadTimeout(request=prepared()), True),
            (requests.ConnectionError("reset", request=prepared()), True),
            (requests.ReadTimeout(request=prepared("GET")), False),
            (requests.exceptions.ChunkedEncodingError(), True),
            (requests.exceptions.JSONDecodeError("no JSON", "<html>", 0), True),
            (requests.ConnectTimeout(request=prepared()), False),
            (requests.exceptions.InvalidURL("no host"), False),
            (requests.exceptions.InvalidHeader("a line break"), False),
            (requests.exceptions.InvalidHeader(urllib3.exceptions.InvalidHeader("two")), True),
            (RequestsCircuitOpenError("no", retry_after=3.0), False),
            (urllib3.exceptions.ProtocolError("gone"), True),
            (urllib3.exceptions.LocationParseError("no host"), False),
            (httpx.ReadError("gone", request=httpx.Request("POST", URL)), True),
            (httpx.ReadError("gone", request=httpx.Request("GET", URL)), False),
            (httpx.ReadError("of nobody"), True),
            (httpx.LocalProtocolError("too much"), True),
            (httpx.ConnectError("no"), False),
            (httpx.PoolTimeout("full"), False),
            (httpx.InvalidURL("no port"), False),
            (OSError("gone"), True),
        ],
        ids=repr,
    )
    def test_a_plain_error_is_ambiguous_unless_it_is_known_not_to_be(
        self, error: Exception, is_in_doubt: bool
    ) -> None:
        """A safe method, and what was surely not sent, is in no doubt; all else is."""
        assert outcome_of(error).ambiguous is is_in_doubt

    @pytest.mark.parametrize("came_through", [False, True])
    def test_an_error_with_a_response_is_about_that(self, came_through: bool) -> None:
        """What ``raise_for_status`` raises tells the outcome of its response."""
        answer = response(503)
        if came_through:
            answer = with_report(answer, attempt(1, 503))
        answer.reason = "Service Unavailable"
        with pytest.raises(requests.HTTPError) as raised:
            answer.raise_for_status()

        assert outcome_of(raised.value) == outcome_of(answer)

    def test_an_error_of_ours_has_its_outcome(self) -> None:
        """What ``raise_for_outcome`` raised is not worked out anew."""
        with pytest.raises(verto_resilience.OutcomeError) as raised:
            verto_resilience.raise_for_outcome(response(503))

        assert outcome_of(raised.value) is raised.value.outcome

    def test_without_a_request_the_operation_says_what_was_asked(self) -> None:
        """A body that breaks off has no request tied to it; the report knows the operation."""
        operation = verto_resilience.Operation(
            "GET",
            "/fx/{reference}",
            kind=OperationKind.READ,
            repeatable="always",  # type: ignore[arg-type]
        )
        error: Any = requests.exceptions.ChunkedEncodingError()
        report = verto_resilience.CallReport((), End.ATTEMPTS_SPENT, operation, False, False)
        error._verto_resilience_report = report

        assert outcome_of(error).asked == "GET /fx/{reference}"


def test_no_credential_of_the_request_is_in_the_outcome() -> None:
    """What the request carried as a credential is in no field, although it is quoted."""
    secrets = ["header-canary", "user-canary", "query-canary", "body-canary", "cookie-canary"]
    request = prepared(
        url=URL,
        headers={"Authorization": "Bearer header-canary", "Cookie": "sid=cookie-canary; a=b"},
        json={"login": {"apiKey": "body-canary"}},
    )
    request.url = (request.url or "").replace("https://", "https://me:user-canary@")
    quoted = " ".join(secrets)
    answer = response(
        401, f'{{"message": "What is {quoted}?"}}', request=request, Vfx_Api_Call_Id=quoted
    )
    with_report(answer, attempt(1, 401, message=f"What is {quoted}?"))

    found = outcome_of(answer)

    assert found.message is not None
    assert found.message.startswith("What is [removed]")
    assert not [secret for secret in secrets if secret in repr(found) or secret in str(found)]
