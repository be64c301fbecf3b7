"""Responses of requests as they come without the adapter, and as they come through it."""

from typing import Any

import requests
from requests.models import PreparedRequest

from verto_resilience.outcome import ApiError, Catalogue, Failure, Outcome, classify_failure
from verto_resilience.outcome import classify_response as classify
from verto_resilience.pipeline import Attempt, CallReport, End, WaitSource
from verto_resilience.transports._report_of import attach_report

URL = "https://api.example.com/orders/v2.1/fx?currencyFrom=USD&secret=query-canary"


def prepared(method: str = "POST", url: str = URL, **options: Any) -> PreparedRequest:
    """Prepare a request, as a session does."""
    return requests.Request(method, url, **options).prepare()


def response(
    status: int,
    body: bytes | str = b"",
    *,
    request: PreparedRequest | None = None,
    content_type: str = "application/json",
    **headers: str,
) -> requests.Response:
    """Make a response whose body was read; a name's underscores stand for hyphens."""
    made = requests.Response()
    made.status_code = status
    made.headers["Content-Type"] = content_type
    made.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    made._content = body if isinstance(body, bytes) else body.encode()
    made._content_consumed = True  # type: ignore[attr-defined]
    made.request = prepared() if request is None else request
    made.url = made.request.url or ""
    return made


def attempt(number: int, what: int | Failure, *, waited: float = 0.0, message: str = "") -> Attempt:
    """Make one send and what came of it."""
    outcome: Outcome
    if isinstance(what, Failure):
        outcome = classify_failure(what)
    else:
        error = ApiError(message=message) if message else None
        outcome = classify(Catalogue.documented(), what, api_error=error)
    source = WaitSource.BACKOFF if waited else WaitSource.NONE
    return Attempt(number, outcome, 0.1, waited, source)


def with_report(
    bearer: Any,
    *attempts: Attempt,
    end: End = End.ANSWERED,
    ambiguous: bool = False,
    possibly_executed: bool = False,
    idempotency_key: str | None = None,
) -> Any:
    """Attach the report of a call, as the adapter does."""
    report = CallReport(
        attempts, end, None, ambiguous, possibly_executed, "sent-id", idempotency_key
    )
    attach_report(bearer, report)
    return bearer
