import time
from collections.abc import Callable

import pytest
import urllib3.exceptions
from urllib3.response import HTTPResponse
from urllib3.util import Retry as TheirRetry

from verto_resilience.simulation._plain import Retry
from verto_resilience.simulation._server import Answer

STATUSES = (429, 500, 502, 503, 504)
MODELS = [
    (Retry(), TheirRetry(0, read=False)),
    (Retry(3), TheirRetry(3)),
    (
        Retry(3, 0.5, frozenset(STATUSES)),
        TheirRetry(3, backoff_factor=0.5, status_forcelist=STATUSES),
    ),
    (Retry(8, 20.0, frozenset(STATUSES)), TheirRetry(8, backoff_factor=20.0)),
]
# Statuses and errors as urllib3 knows them.
ERRORS: dict[Answer, Callable[[], Exception]] = {
    Answer.REFUSED: lambda: urllib3.exceptions.NewConnectionError(None, "refused"),  # type: ignore[arg-type]
    Answer.RESET: lambda: urllib3.exceptions.ProtocolError("reset"),
    Answer.TIMED_OUT: lambda: urllib3.exceptions.ReadTimeoutError(None, "/", "timed out"),  # type: ignore[arg-type]
}
RESPONSES = {Answer.ERROR: 503, Answer.THROTTLED: 429}


def _waits_of_urllib3(
    retry: TheirRetry,
    answer: Answer,
    retry_after: float | None,
    monkeypatch: pytest.MonkeyPatch,
) -> list[float]:
    """Give what urllib3's own class sleeps before each resend, as its pool asks it."""
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    waits: list[float] = []
    while True:
        response = None
        if answer in RESPONSES:
            told = {} if retry_after is None else {"Retry-After": f"{retry_after:.0f}"}
            headers = told if answer is Answer.THROTTLED else {}
            response = HTTPResponse(status=RESPONSES[answer], headers=headers)
            if not retry.is_retry("GET", response.status, bool(headers)):
                return waits
        try:
            error = None if response else ERRORS[answer]()
            retry = retry.increment("GET", "/", response=response, error=error)
        except urllib3.exceptions.HTTPError:
            return waits
        slept.clear()
        retry.sleep(response)
        waits.append(sum(slept))


@pytest.mark.parametrize("retry_after", [None, 7.0])
@pytest.mark.parametrize("answer", [*ERRORS, *RESPONSES])
@pytest.mark.parametrize(("ours", "theirs"), MODELS, ids=["none", "3", "copied", "long"])
def test_it_resends_when_urllib3_does(
    ours: Retry,
    theirs: TheirRetry,
    answer: Answer,
    retry_after: float | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As often, and after the same waits, as the class of urllib3 that it stands for."""
    if ours.total > 3:
        theirs = theirs.new(status_forcelist=STATUSES)
    waits: list[float] = []
    while (wait := ours.wait(answer, len(waits) + 1, retry_after)) is not None:
        waits.append(wait)

    assert waits == _waits_of_urllib3(theirs, answer, retry_after, monkeypatch)
