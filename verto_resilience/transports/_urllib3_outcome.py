"""Answers of urllib3 in the words of requests, to tell what came of a call.

An answer of urllib3 does not know its request. It is tied to it here: a server may quote what the
request carried, and only by the request that can be known for a credential.
"""

from typing import Any

import requests
import urllib3
from requests.models import PreparedRequest

from verto_resilience.transports._report_of import attach_report, own_report_of
from verto_resilience.transports._request_secrets import Carrier

_NAME = "_verto_resilience_request"


def tie_to_request(response: urllib3.BaseHTTPResponse, method: str, sent: Carrier) -> None:
    """Let an answer know what it answers, as those of requests and httpx do."""
    vars(response)[_NAME] = method, sent


def response_of(raw: urllib3.BaseHTTPResponse) -> requests.Response:
    """Give what is known of an answer; nothing is read from its connection."""
    known = requests.Response()
    known.status_code = raw.status
    known.headers.update(raw.headers)
    # Not raw.data, which would read from the connection.
    known._content = vars(raw).get("_body")  # noqa: SLF001
    known.request = _request_of(raw)
    report = own_report_of(raw)
    if report is not None:
        attach_report(known, report)
    return known


def _request_of(raw: urllib3.BaseHTTPResponse) -> PreparedRequest:
    """Give the request of an answer; an empty one when it did not come through us."""
    known = PreparedRequest()
    if _NAME in vars(raw):
        method, sent = vars(raw)[_NAME]
        # As they are: a name may stand in there twice, with a credential each time.
        headers: Any = sent.headers
        known.method, known.url, known.headers, known.body = method, sent.url, headers, sent.body
    return known
