import pickle
import threading
from dataclasses import fields
from typing import Any, cast

import httpx
import pytest
import requests
import urllib3

import verto_resilience
from tests.transports.responses import attempt, prepared, response, with_report
from verto_resilience import (
    ApiFailureError,
    BadRequestError,
    CallOutcome,
    ClientError,
    ConflictError,
    ForbiddenError,
    GatewayTimeoutError,
    InternalServerError,
    NotFoundError,
    OutcomeError,
    ServerError,
    ServiceUnavailableError,
    TooManyRequestsError,
    UnauthorizedError,
    raise_for_outcome,
)
from verto_resilience.outcome import Catalogue, Category
from verto_resilience.transports import error_class

CLASSES: dict[int, type[OutcomeError]] = {
    400: BadRequestError,
    401: UnauthorizedError,
    402: ClientError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
    422: ClientError,
    429: TooManyRequestsError,
    500: InternalServerError,
    502: ServerError,
    503: ServiceUnavailableError,
    504: GatewayTimeoutError,
    599: ServerError,
    700: ServerError,
}


def _raised(answer: requests.Response) -> OutcomeError:
    with pytest.raises(OutcomeError) as raised:
        raise_for_outcome(answer)
    return raised.value


def _there_and_back(error: OutcomeError) -> Any:
    return pickle.loads(pickle.dumps(error))  # noqa: S301 - made here


class TestClass:
    """Which class is raised."""

    @pytest.mark.parametrize(("status", "kind"), CLASSES.items())
    def test_each_status_has_its_class(self, status: int, kind: type[OutcomeError]) -> None:
        """A documented status has a class of its own, any other that of 4xx or 5xx."""
        error = _raised(response(status))

        assert type(error) is kind
        assert isinstance(error, requests.HTTPError)
        assert not isinstance(error, verto_resilience.ResilienceError)

    def test_every_documented_error_has_a_class_of_its_own(self) -> None:
        """No row of the page shares a class with another."""
        statuses = [e.status for e in Catalogue.documented().statuses() if e.status >= 400]

        kinds = {type(_raised(response(status))) for status in statuses}

        assert len(kinds) == len(statuses)
        assert not kinds & {ClientError, ServerError}

    def test_a_success_that_is_denied_has_its_own(self) -> None:
        """2xx with ``"success": false`` is raised although the status says success."""
        error = _raised(response(200, '{"success": false, "message": "No funds"}'))

        assert type(error) is ApiFailureError
        assert error.message == "No funds"

    @pytest.mark.parametrize("status", [200, 201, 202, 204, 299, 301, 304])
    def test_success_and_redirect_raise_nothing(self, status: int) -> None:
        """The outcome is given back."""
        assert raise_for_outcome(response(status)).status == status

    @pytest.mark.parametrize(
        ("status", "category", "kind"),
        [
            (299, Category.CLIENT_ERROR, ClientError),
            (299, Category.SERVER_ERROR, ServerError),
            (418, Category.SERVER_ERROR, ClientError),
            (404, Category.SERVER_ERROR, NotFoundError),
            (503, Category.RATE_LIMITED, ServiceUnavailableError),
        ],
    )
    def test_a_catalogue_of_ones_own_changes_no_class_of_a_4xx_or_5xx(
        self, status: int, category: Category, kind: type[OutcomeError]
    ) -> None:
        """The number decides where it is an error's; elsewhere the category does."""
        assert error_class(CallOutcome(status=status, category=category)) is kind


class TestContent:
    """What an error holds."""

    def test_the_fields_of_the_outcome_are_attributes(self) -> None:
        """Code that catches it reads them without another step."""
        answer = with_report(response(409, '{"code": 2}'), attempt(1, 503), attempt(2, 409))

        error = _raised(answer)

        assert {f.name: getattr(error, f.name) for f in fields(CallOutcome)} == {
            f.name: getattr(error.outcome, f.name) for f in fields(CallOutcome)
        }
        assert str(error) == str(error.outcome)

    def test_response_and_request_are_those_of_the_call(self) -> None:
        """What catches ``requests.HTTPError`` today finds what it looks for."""
        answer = response(404)

        error = _raised(answer)

        assert error.response is answer
        assert error.request is answer.request

    def test_it_can_be_made_without_anything(self) -> None:
        """A caller's own test may raise it."""
        error = NotFoundError("gone")

        assert str(error) == "gone"
        assert (error.status, error.response, error.outcome) == (None, None, CallOutcome())


class TestClient:
    """Whose error it is besides."""

    @pytest.mark.parametrize(
        ("answer", "base"),
        [
            (httpx.Response(404), httpx.HTTPStatusError),
            (urllib3.HTTPResponse(status=404), urllib3.exceptions.HTTPError),
        ],
    )
    def test_an_answer_without_a_request_has_an_error_as_well(
        self, answer: Any, base: type[Exception]
    ) -> None:
        """One that was made by hand is told of, and pickled, as one that came."""
        error = _raised(answer)
        copy = _there_and_back(error)

        assert isinstance(error, NotFoundError)
        assert isinstance(error, base)
        assert isinstance(copy, base)
        assert error.response is answer

    def test_an_answer_of_httpx_goes_along_without_its_secrets(self) -> None:
        """Status, body and headers do, and what was sent or quoted as a credential does not."""
        request = httpx.Request(
            "GET", "https://api.example.com/a?token=t-canary", headers={"X-Api-Key": "k-canary"}
        )
        answer = httpx.Response(
            409,
            headers={"X-Echo": "k-canary", "Set-Cookie": "sid=c-canary", "Retry-After": "7"},
            json={"code": 2, "key": "k-canary"},
            request=request,
        )

        error = _raised(cast("Any", answer))
        copy = _there_and_back(error)

        assert b"-canary" not in pickle.dumps(error)
        assert (copy.response.status_code, copy.response.json()["code"]) == (409, 2)
        assert copy.response.headers["Retry-After"] == "7"
        assert copy.request.method == "GET"


class TestPickle:
    """What goes to another process."""

    def test_it_keeps_outcome_response_and_notes(self) -> None:
        """Everything that a person or code reads is there."""
        request = prepared(url="https://api.example.com/fx?id=5")
        answer = response(409, '{"code": 2}', request=request)
        error = _raised(with_report(answer, attempt(1, 409)))
        error.add_note("while paying")

        copy = _there_and_back(error)

        assert type(copy) is ConflictError
        assert (str(copy), copy.outcome, copy.__notes__) == (
            str(error),
            error.outcome,
            ["while paying"],
        )
        assert (copy.response.status_code, copy.response.json()) == (409, {"code": 2})
        assert (copy.request.method, copy.request.url) == (request.method, request.url)

    def test_credentials_body_and_hooks_stay_behind(self) -> None:
        """No token goes along, and a hook that cannot be pickled is no hindrance."""
        lock = threading.Lock()
        request = prepared(
            headers={"Authorization": "Bearer header-canary", "Idempotency-Key": "key-1"},
            params={"token": "param-canary"},
            json={"apiKey": "body-canary"},
            hooks={"response": lambda answer, *_a, **_k: lock and answer},
        )
        answer = response(401, request=request)
        answer.history = [response(302, request=request)]

        pickled = pickle.dumps(_raised(answer))

        assert b"-canary" not in pickled
        assert _there_and_back(_raised(answer)).request.headers["Idempotency-Key"] == "key-1"

    def test_what_the_server_sets_or_quotes_stays_behind(self) -> None:
        """No cookie of an answer goes along, and no credential that it says back."""
        request = prepared(
            url="https://api.example.com/a?token=query-canary",
            headers={"Authorization": "Bearer header-canary"},
            json={"apiKey": "b\u00f6dy-canary"},
        )
        answer = response(
            400,
            '{"code": 1, "key": "b\u00f6dy-canary", "token": "Bearer header-canary"}',
            request=request,
            Set_Cookie="sid=cookie-canary",
            X_Echo="header-canary, it was",
            Retry_After="7",
        )
        answer.cookies.set("sid", "jar-canary")
        answer.reason = "Bad query-canary"
        earlier = prepared(url="https://api.example.com/b", headers={"X-Api-Key": "early-canary"})
        target = "https://me:user-canary@example.com/?token=query-canary"
        answer.history = [response(302, request=earlier, Location=target)]
        answer.headers["X-Earlier"] = "early-canary"
        answer.history[0].cookies.set("sid", "jar-canary")

        error = _raised(answer)
        copy = _there_and_back(error)

        assert b"-canary" not in pickle.dumps(error)
        assert copy.response.json() == {"code": 1, "key": "[removed]", "token": "[removed]"}
        assert copy.response.headers["X-Echo"] == "[removed], it was"
        assert copy.response.headers["retry-after"] == "7"
        assert list(copy.response.cookies) == []
        assert error.response.cookies["sid"] == "jar-canary"
        assert error.response.headers["Set-Cookie"] == "sid=cookie-canary"

    def test_an_unread_body_is_not_read(self) -> None:
        """A response with ``stream=True`` is pickled without a read that could hang."""
        answer = response(503)
        vars(answer).update(_content=False, _content_consumed=False)

        copy = _there_and_back(_raised(answer))

        assert not copy.response.content
        assert vars(answer)["_content"] is False

    def test_without_a_response_it_pickles_too(self) -> None:
        """One that was made by hand goes as well."""
        copy = _there_and_back(ServerError("made up"))

        assert (str(copy), copy.response, copy.request) == ("made up", None, None)
