"""Puts together what came of a call, from a response or an exception of any client."""

import sys
import typing
from dataclasses import replace
from http import HTTPStatus

import requests
import urllib3
from requests.models import PreparedRequest

from verto_resilience.errors import CallRejectedError
from verto_resilience.outcome import (
    ApiError,
    Catalogue,
    Failure,
    Operation,
    Outcome,
    classify_failure,
    classify_response,
    may_deny_success,
    read_api_error,
    scrub,
    scrub_known,
    told_to_wait,
)
from verto_resilience.pipeline import (
    Attempt,
    CallReport,
    CallRequest,
    Pipeline,
    Policy,
    SystemClock,
)
from verto_resilience.transports import _urllib3_outcome
from verto_resilience.transports._call_outcome import CallOutcome
from verto_resilience.transports._identifiers import bounded, identifier
from verto_resilience.transports._report_of import own_report_of
from verto_resilience.transports._request_secrets import secrets_of, without_secrets
from verto_resilience.transports._requests import ResilientAdapter
from verto_resilience.transports._requests_failures import failure_of_unseen
from verto_resilience.transports._target import front_and_path, split_origin
from verto_resilience.transports._verto_headers import CALL_ID, CORRELATION_ID, IDEMPOTENCY_KEY

if typing.TYPE_CHECKING:
    import httpx

STACK_ID = "Vfx-Api-Stack-Id"
_FIRST_ERROR = 400
_LONGEST_KEY = 255
_LONGEST_PATH = 200
_LONGEST_METHOD = 20
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


def outcome_of(
    bearer: "requests.Response | urllib3.BaseHTTPResponse | httpx.Response | Exception",
) -> CallOutcome:
    """Say what came of a call: classified, with its history and what to quote to support.

    Args:
        bearer: The response, or the exception that was raised instead. One that did not come
            through the adapter is classified from itself, by the documented catalogue: its history
            is empty. It is ambiguous unless its method is safe or it is known that the server did
            not carry it out.

    Raises:
        TypeError: It is neither.
    """
    if isinstance(bearer, urllib3.BaseHTTPResponse):
        bearer = _urllib3_outcome.response_of(bearer)
    elif _is_of_httpx(bearer, "Response"):
        from verto_resilience.transports._httpx_outcome import response_of

        bearer = response_of(typing.cast("httpx.Response", bearer))
    if isinstance(bearer, requests.Response):
        return _of_response(bearer)
    if not isinstance(bearer, BaseException):
        raise TypeError(f"a response or an exception has an outcome, not {type(bearer).__name__}")
    known = getattr(bearer, "outcome", None)
    if isinstance(known, CallOutcome):
        return known
    report = own_report_of(bearer)
    response: typing.Any = getattr(bearer, "response", None)
    if report is None and (
        isinstance(response, requests.Response) or _is_of_httpx(response, "Response")
    ):
        return outcome_of(response)
    return _of_exception(bearer, report)


def _is_of_httpx(bearer: object, kind: str) -> bool:
    """Say whether it is of this class of httpx, which is not loaded to find out."""
    httpx = sys.modules.get("httpx")
    return httpx is not None and isinstance(bearer, getattr(httpx, kind))


def _of_response(response: requests.Response) -> CallOutcome:
    report = own_report_of(response)
    catalogue, outcome = _classified(response, report)
    request = response.request
    secrets = secrets_of(request)
    entry = catalogue.status(response.status_code)
    error = outcome.api_error
    code = None if error is None or error.code is None else catalogue.code(error.code)
    told = _of_report(request, report, secrets)
    return replace(
        told,
        ambiguous=told.ambiguous if report is not None else _is_in_doubt(request, outcome),
        status=response.status_code,
        status_message=_phrase(response.status_code) if entry is None else entry.message,
        status_meaning=None if entry is None else entry.meaning,
        category=outcome.category,
        documented=outcome.documented,
        code=None if error is None else error.code,
        code_meaning=None if code is None else code.description,
        message=None if error is None else without_secrets(error, secrets).message,
        call_id=identifier(response.headers.get(CALL_ID), secrets),
        stack_id=identifier(response.headers.get(STACK_ID), secrets),
        correlation_id_received=identifier(response.headers.get(CORRELATION_ID), secrets),
        retry_after=outcome.retry_after,
    )


def _of_exception(error: Exception, report: CallReport | None) -> CallOutcome:
    was_answered = report is not None and bool(report.attempts)
    request, failure = _request_and_failure(error, in_body=was_answered)
    told = _of_report(request, report, secrets_of(request))
    if isinstance(error, CallRejectedError):
        return replace(told, retry_after=error.retry_after)
    outcome = None if report is None else report.outcome
    if outcome is None or outcome.failure is None:
        outcome = classify_failure(failure)
    return replace(
        told,
        ambiguous=told.ambiguous if report is not None else _is_in_doubt(request, outcome),
        category=outcome.category,
        failure=outcome.failure,
    )


def _is_in_doubt(request: PreparedRequest | None, outcome: Outcome) -> bool:
    """Say so where no report does: by the method alone, and one that is not known may write."""
    method = None if request is None else request.method
    return outcome.may_have_executed and (not method or CallRequest(method, "", "").writes)


def _request_and_failure(
    error: Exception, *, in_body: bool
) -> tuple[PreparedRequest | None, Failure]:
    if _is_of_httpx(error, "HTTPError") or _is_of_httpx(error, "InvalidURL"):
        from verto_resilience.transports._httpx_outcome import failure_of_error, request_of

        return request_of(error), failure_of_error(error, in_body=in_body)
    request = getattr(error, "request", None)
    if not isinstance(request, PreparedRequest):
        request = _urllib3_outcome.request_of(error)
    return request, failure_of_unseen(error)


def _of_report(
    request: PreparedRequest | None, report: CallReport | None, secrets: frozenset[str]
) -> CallOutcome:
    headers = None if request is None else request.headers
    sent = None if headers is None else headers.get(CORRELATION_ID)
    key = None if headers is None else headers.get(IDEMPOTENCY_KEY)
    if report is None:
        return CallOutcome(
            asked=_asked(request, None, secrets),
            correlation_id=identifier(sent, secrets),
            idempotency_key=identifier(key, secrets, _LONGEST_KEY),
        )
    return CallOutcome(
        asked=_asked(request, report.operation, secrets),
        correlation_id=identifier(report.correlation_id or sent, secrets),
        idempotency_key=identifier(report.idempotency_key or key, secrets, _LONGEST_KEY),
        attempts=tuple(_without_secrets(attempt, secrets) for attempt in report.attempts),
        end=report.end,
        ambiguous=report.ambiguous,
        possibly_executed=report.possibly_executed,
        operation=report.operation,
    )


def _classified(
    response: requests.Response, report: CallReport | None
) -> tuple[Catalogue, Outcome]:
    """Give what the adapter made of it; what it did not see is read now, if it is in memory."""
    adapter = getattr(response, "connection", None)
    mounted = adapter.pipeline if isinstance(adapter, ResilientAdapter) else None
    catalogue = Catalogue.documented() if mounted is None else mounted.catalogue
    known = None if report is None else report.outcome
    if known is not None and known.api_error is not None:
        return catalogue, known
    error = _api_error(response, _policy_of(response, mounted))
    if known is not None and error is None:
        return catalogue, known
    told = None if known is None else known.retry_after
    if known is None and response.status_code >= _FIRST_ERROR:
        told = told_to_wait(response.headers, SystemClock().wall())
    outcome = classify_response(catalogue, response.status_code, retry_after=told, api_error=error)
    return catalogue, outcome


def _policy_of(response: requests.Response, mounted: Pipeline | None) -> Policy:
    if mounted is None:
        return Policy()
    front, _, _ = front_and_path(response.request.url or "")
    return mounted.policies.of(split_origin(front)[0])


def _api_error(response: requests.Response, policy: Policy) -> ApiError | None:
    # Not response.content: of a response with stream=True that would read from the connection.
    body = vars(response).get("_content")
    if not isinstance(body, bytes) or response.is_redirect:
        return None
    if response.status_code < _FIRST_ERROR and not may_deny_success(body):
        return None
    return read_api_error(
        body,
        response.headers.get("Content-Type"),
        code_keys=policy.code_keys,
        limit=policy.error_body_limit,
    )


def _asked(
    request: PreparedRequest | None, operation: Operation | None, secrets: frozenset[str]
) -> str:
    if request is None or not request.url:
        return "" if operation is None else f"{operation.method} {operation.template}"
    front, path, _ = front_and_path(request.url)
    origin, _ = split_origin(front)
    origin = origin.removesuffix(_DEFAULT_PORTS.get(origin.partition(":")[0], ""))
    if operation is None:
        known = scrub_known(bounded(path, _LONGEST_PATH), secrets)
        path = "/".join(scrub(part) for part in known.split("/"))[:_LONGEST_PATH]
    else:
        path = operation.template
    return f"{bounded(request.method or '', _LONGEST_METHOD)} {origin}{path}"


def _without_secrets(attempt: Attempt, secrets: frozenset[str]) -> Attempt:
    error = attempt.outcome.api_error
    if error is None or error.message is None:
        return attempt
    error = without_secrets(error, secrets)
    return attempt._replace(outcome=replace(attempt.outcome, api_error=error))


def _phrase(status: int) -> str | None:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return None
