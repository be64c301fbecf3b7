"""Answers and exceptions of httpx in the words of requests, to tell what came of a call."""

import httpx
import requests
from requests.models import PreparedRequest

from verto_resilience.outcome import Failure
from verto_resilience.transports._httpx_errors import body_to_search
from verto_resilience.transports._httpx_failures import failure_of
from verto_resilience.transports._httpx_wire import WireLimit
from verto_resilience.transports._report_of import attach_report, own_report_of


def response_of(response: httpx.Response) -> requests.Response:
    """Give what is known of an answer; nothing is read from its connection."""
    known = requests.Response()
    known.status_code = response.status_code
    known.headers.update(response.headers)
    known._content = vars(response).get("_content")  # noqa: SLF001
    known.request = request_of(response) or PreparedRequest()
    report = own_report_of(response)
    if report is not None:
        attach_report(known, report)
    return known


def request_of(bearer: httpx.Response | Exception) -> PreparedRequest | None:
    """Give the request of an answer or an exception; ``None`` when it has none."""
    # Their property raises where there is none.
    request = vars(bearer).get("_request")
    if not isinstance(request, httpx.Request):
        return None
    known = PreparedRequest()
    known.method = request.method
    known.url = str(request.url)
    known.headers = requests.structures.CaseInsensitiveDict(request.headers)
    known.body = body_to_search(request)
    return known


def failure_of_error(error: Exception, *, in_body: bool) -> Failure:
    """Classify an exception that no attempt of ours ended with.

    There the exception alone tells, so one that says nothing of the wire leaves it open.

    Args:
        error: The exception.
        in_body: Whether it is known that the headers of an answer had come.
    """
    failure = failure_of(error, WireLimit(float, 0.0), in_body=in_body)
    if failure is Failure.CALLER and not isinstance(error, _NEVER_SENT):
        return Failure.UNKNOWN
    return failure


_NEVER_SENT = (httpx.InvalidURL, httpx.PoolTimeout, httpx.UnsupportedProtocol)
