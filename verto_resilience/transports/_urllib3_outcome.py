"""Answers of urllib3 in the words of requests, to tell what came of a call.

An answer of urllib3 does not know its request. It is tied to it here: a server may quote what the
request carried, and only by the request that can be known for a credential. Whether the answer
leaves open that something was done, only the method tells.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import urljoin

import requests
import urllib3
from requests.models import PreparedRequest
from urllib3.util.retry import RequestHistory

from verto_resilience.transports._report_of import attach_report, own_report_of
from verto_resilience.transports._request_secrets import Carrier

_NAME = "_verto_resilience_request"


def tie_to_request(response: urllib3.BaseHTTPResponse, method: str, sent: Carrier) -> None:
    """Let an answer know what it answers, as those of requests and httpx do."""
    vars(response)[_NAME] = method, sent


def tie_past(came: object, method: str, url: str, options: Mapping[str, Any]) -> None:
    """Let what a manager gave or raised by itself know what it is about.

    Args:
        came: An answer, which may be that of another hop, or an exception; others are left alone.
        method: Of the first hop.
        url: Of the first hop.
        options: What else ``urlopen`` was given for it.
    """
    if isinstance(came, urllib3.BaseHTTPResponse):
        # What was given may have a history of its own, of another call.
        for past in _history_of(came)[len(getattr(options.get("retries"), "history", ())) :]:
            method = past.method or method
            # An inner manager of another kind may have gone where nobody else can.
            with suppress(ValueError, TypeError):
                url = urljoin(url, past.redirect_location or "")
        sent = Carrier(url, options.get("headers") or {}, options.get("body"))
        tie_to_request(came, method, sent)
    elif isinstance(came, Exception):
        # It may be pickled, and gets no more than it takes.
        vars(came)[_NAME] = method, None


def request_of(bearer: object) -> PreparedRequest | None:
    """Give what is known of the request of an answer or an exception; ``None`` for nothing."""
    tied = getattr(bearer, _NAME, None)
    if tied is None:
        return None
    known = PreparedRequest()
    known.method, sent = tied
    if sent is not None:
        # As they are: a name may stand in there twice, with a credential each time.
        headers: Any = sent.headers
        known.url, known.headers, known.body = sent.url, headers, sent.body
    return known


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
    """Give the request of an answer; of one that did not come through us, the method at most."""
    known = request_of(raw)
    if known is None:
        known = PreparedRequest()
        for past in _history_of(raw):
            known.method = past.method
    return known


def _history_of(raw: urllib3.BaseHTTPResponse) -> tuple[RequestHistory, ...]:
    """Give what led to the request of an answer: each entry has the method of the next one."""
    return () if raw.retries is None else raw.retries.history
