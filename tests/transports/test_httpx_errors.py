import pickle

import httpx
import pytest

from verto_resilience.errors import (
    CallRejectedError,
    CircuitOpenError,
    ConfigurationError,
    PausedError,
)
from verto_resilience.machines import Refusal, State, TripReason
from verto_resilience.pipeline import End, Rejection
from verto_resilience.transports import HttpxInsecureRequestError
from verto_resilience.transports._httpx_errors import carried_by, rejection_error
from verto_resilience.transports._request_secrets import secrets_of

KEY = "https://api.example.com:443"
OPEN = Rejection(
    End.CIRCUIT_OPEN, KEY, 3.0, Refusal(State.OPEN, 3.0, TripReason.CONSECUTIVE_FAILURES, "503")
)
PAUSED = Rejection(End.PAUSED, KEY, 9.0)
INTERRUPTED = Rejection(End.INTERRUPTED, KEY, None)
REQUEST = httpx.Request(
    "POST",
    "https://user:password@api.example.com/a?token=canary-of-the-query&page=2",
    headers={"Authorization": "Bearer canary-of-the-header", "Accept": "text/plain"},
    json={"secret": "canary-of-the-body"},
)


@pytest.mark.parametrize(
    ("rejection", "kind"),
    [(OPEN, CircuitOpenError), (PAUSED, PausedError), (INTERRUPTED, CallRejectedError)],
)
def test_a_refusal_is_of_ours_and_of_httpx(rejection: Rejection, kind: type[Exception]) -> None:
    """Clauses for either catch it."""
    error = rejection_error(rejection)

    assert isinstance(error, kind)
    assert isinstance(error, httpx.ConnectError)
    assert error.key == KEY
    assert type(error).__module__ == "verto_resilience.transports"


def test_a_request_in_the_clear_is_refused_in_both_words() -> None:
    """It is a configuration error, and a transport error that asks nobody for a request."""
    error = HttpxInsecureRequestError("no", problems=("it",))

    assert isinstance(error, ConfigurationError)
    assert isinstance(error, httpx.TransportError)
    assert error.problems == ("it",)


@pytest.mark.parametrize(
    "error",
    [
        *map(rejection_error, (OPEN, PAUSED, INTERRUPTED)),
        HttpxInsecureRequestError("no", problems=("it",)),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_pickle_holds_the_facts_and_no_credential(error: httpx.TransportError) -> None:
    """What leaves the process has message, notes and request, without secrets and body."""
    error.request = REQUEST
    error.add_note("a note")

    pickled = pickle.dumps(error)
    back = pickle.loads(pickled)  # noqa: S301 - our own

    facts = {name: value for name, value in vars(error).items() if name != "_request"}
    assert b"canary" not in pickled
    assert b"password" not in pickled
    assert type(back) is type(error)
    assert facts == {name: value for name, value in vars(back).items() if name != "_request"}
    assert (str(back), back.__notes__) == (str(error), ["a note"])
    assert (back.request.method, back.request.headers["Accept"]) == ("POST", "text/plain")
    assert back.request.url.params["page"] == "2"
    assert back.request.url.userinfo == b""


def test_an_error_without_a_request_pickles() -> None:
    """Nothing need be known of what was asked."""
    error = rejection_error(PAUSED)

    assert str(pickle.loads(pickle.dumps(error))) == str(error)  # noqa: S301 - our own


@pytest.mark.parametrize("files", [None, {"password": b"of a file"}])
def test_credentials_of_a_form_are_known_with_files_and_without(
    files: dict[str, bytes] | None,
) -> None:
    """A form in parts is sent piece by piece; its fields are in memory all the same."""
    request = httpx.Request(
        "POST", "https://api.example.com/", data={"a": "b", "password": "canary"}, files=files
    )

    assert "canary" in secrets_of(carried_by(request))
    assert "b" not in secrets_of(carried_by(request))
