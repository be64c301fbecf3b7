import copy
import pickle
import threading
from collections.abc import Callable

import pytest
import requests

from verto_resilience.errors import (
    CallRejectedError,
    CircuitOpenError,
    PausedError,
    ResilienceError,
)
from verto_resilience.machines import Refusal, State, TripReason
from verto_resilience.pipeline import CallReport, End, Rejection
from verto_resilience.transports import (
    InsecureRequestError,
    RequestsCallRejectedError,
    RequestsCircuitOpenError,
    RequestsPausedError,
)
from verto_resilience.transports._report_of import attach_report, report_of
from verto_resilience.transports._requests_errors import rejection_error

KEY = "https://api.example.com:443"
REFUSAL = Refusal(State.OPEN, 3.5, TripReason.FAILURE_RATE, "503")
OPEN = Rejection(End.CIRCUIT_OPEN, KEY, 3.5, REFUSAL)
PAUSED = Rejection(End.PAUSED, KEY, 90.0)
INTERRUPTED = Rejection(End.INTERRUPTED, KEY, None)
INSECURE = InsecureRequestError("not sent", problems=("in the clear",))


def test_an_open_circuit_tells_all_it_knows() -> None:
    """Key, time, reason and last failure stand in the error and in its message."""
    error = rejection_error(OPEN)

    assert type(error) is RequestsCircuitOpenError
    assert (error.key, error.retry_after) == (KEY, 3.5)
    assert (error.reason, error.last_failure) == ("failure_rate", "503")
    assert str(error) == (
        f"not sent: the circuit of {KEY} is open (failure_rate, last failure 503); "
        "ask again in 3.5 s"
    )


def test_what_is_not_known_is_not_told() -> None:
    """A circuit that waits for its probe says neither when nor what failed."""
    refusal = Refusal(State.HALF_OPEN, None, TripReason.MANUAL, None)

    error = rejection_error(Rejection(End.CIRCUIT_OPEN, KEY, None, refusal))

    assert type(error) is RequestsCircuitOpenError
    assert (error.retry_after, error.last_failure) == (None, None)
    assert str(error) == f"not sent: the circuit of {KEY} is half_open (manual)"


def test_a_pause_tells_how_long() -> None:
    """The message of a pause says when asking again makes sense."""
    error = rejection_error(PAUSED)

    assert type(error) is RequestsPausedError
    assert (error.key, error.retry_after) == (KEY, 90.0)
    assert str(error) == (
        f"not sent: {KEY} asked not to be called, for longer than this call may last; "
        "ask again in 90 s"
    )


def test_an_interrupted_wait_is_a_refusal() -> None:
    """A call that never began because its wait was ended says so."""
    error = rejection_error(INTERRUPTED)

    assert type(error) is RequestsCallRejectedError
    assert (error.key, error.retry_after) == (KEY, None)
    assert str(error) == f"not sent: {End.INTERRUPTED.sentence}"


@pytest.mark.parametrize("rejection", [OPEN, PAUSED, INTERRUPTED], ids=lambda r: r.end.value)
def test_each_refusal_is_a_new_error(rejection: Rejection) -> None:
    """No error is raised twice, so that none gathers the tracebacks of many callers."""
    assert rejection_error(rejection) is not rejection_error(rejection)


@pytest.mark.parametrize(
    ("rejection", "kinds"),
    [
        (OPEN, (CircuitOpenError, RequestsCallRejectedError)),
        (PAUSED, (PausedError, RequestsCallRejectedError)),
        (INTERRUPTED, (CallRejectedError,)),
    ],
    ids=["circuit_open", "paused", "interrupted"],
)
def test_a_refusal_is_caught_by_clauses_that_exist(
    rejection: Rejection, kinds: tuple[type[Exception], ...]
) -> None:
    """Every refusal is an error of ours and a connection error of requests, hence an OSError."""
    error = rejection_error(rejection)

    expected = (
        *kinds,
        CallRejectedError,
        ResilienceError,
        requests.ConnectionError,
        requests.RequestException,
        OSError,
    )
    assert all(isinstance(error, kind) for kind in expected)
    assert not isinstance(error, requests.Timeout)


def test_a_refusal_of_one_kind_is_none_of_the_other() -> None:
    """An open circuit and a pause are caught apart."""
    assert not isinstance(rejection_error(OPEN), PausedError)
    assert not isinstance(rejection_error(PAUSED), CircuitOpenError)


@pytest.mark.parametrize("rejection", [OPEN, PAUSED, INTERRUPTED], ids=lambda r: r.end.value)
@pytest.mark.parametrize(
    "again",
    [
        pytest.param(lambda error: pickle.loads(pickle.dumps(error)), id="pickled"),  # noqa: S301
        pytest.param(copy.copy, id="copied"),
        pytest.param(copy.deepcopy, id="copied deeply"),
    ],
)
def test_a_refusal_travels(
    rejection: Rejection, again: Callable[[CallRejectedError], CallRejectedError]
) -> None:
    """Type, message, facts, request and notes survive the way to another process."""
    error = rejection_error(rejection)
    error.request = requests.Request("GET", "https://api.example.com/rates").prepare()
    error.add_note("seen by a worker")

    twin = again(error)

    assert type(twin) is type(error)
    assert str(twin) == str(error)
    assert twin.__notes__ == ["seen by a worker"]
    assert (twin.key, twin.retry_after) == (error.key, error.retry_after)
    assert getattr(twin, "reason", None) == getattr(error, "reason", None)
    assert getattr(twin, "last_failure", None) == getattr(error, "last_failure", None)
    assert isinstance(twin, requests.RequestException)
    assert twin.request is not None
    assert twin.request.url == "https://api.example.com/rates"


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("refused", [*map(rejection_error, (OPEN, PAUSED, INTERRUPTED)), INSECURE])
def test_credentials_body_and_hooks_stay_behind(
    refused: requests.RequestException, protocol: int
) -> None:
    """A pickle holds no token, and a hook that cannot be pickled is no hindrance."""
    lock = threading.Lock()
    refused.request = requests.Request(
        "POST",
        "https://api.example.com/x",
        headers={
            "Authorization": "Bearer header-canary",
            "Proxy-Authorization": "Basic proxy-canary",
            "X-Api-Key": "own-canary",
            "Idempotency-Key": "key-1",
        },
        cookies={"session": "cookie-canary"},
        params={"token": "param-canary"},
        json={"amount": 1, "note": "body-canary"},
        hooks={"response": lambda answer, *_a, **_k: lock and answer},
    ).prepare()

    pickled = pickle.dumps(refused, protocol)
    twin = pickle.loads(pickled)  # noqa: S301 - its own

    assert b"-canary" not in pickled
    assert twin.request.headers["Idempotency-Key"] == "key-1"
    assert (twin.request.method, twin.request.body) == ("POST", None)
    assert "header-canary" in refused.request.headers["Authorization"]


def test_an_error_that_was_raised_for_a_send_travels_too() -> None:
    """With what the adapter ties to it: the report, and the request that was refused."""
    error = rejection_error(OPEN)
    error.request = requests.Request("GET", "https://api.example.com/rates").prepare()
    report = CallReport((), End.CIRCUIT_OPEN, None, ambiguous=False, possibly_executed=False)
    attach_report(error, report)

    twin = pickle.loads(pickle.dumps(error))  # noqa: S301 - its own

    assert report_of(twin) == report


@pytest.mark.parametrize("user", ["user-canary:password-canary", "key-canary:", "key-canary"])
def test_the_user_of_a_url_stays_behind(user: str) -> None:
    """Whatever header was sent: some services take a key for a user."""
    error = rejection_error(OPEN)
    error.request = requests.Request(
        "GET", f"https://{user}@api.example.com/rates?page=2", auth=lambda request: request
    ).prepare()
    error.response = requests.Response()
    error.response.url = error.request.url or ""

    pickled = pickle.dumps(error)

    assert b"-canary" not in pickled
    twin = pickle.loads(pickled)  # noqa: S301 - its own
    assert twin.request.url == twin.response.url == "https://api.example.com/rates?page=2"


def test_a_url_that_cannot_be_read_is_no_hindrance() -> None:
    """Authentication may put anything there."""
    error = rejection_error(OPEN)
    error.request = requests.Request("GET", "https://api.example.com/").prepare()
    error.request.url = "https://[::1/"

    twin = pickle.loads(pickle.dumps(error))  # noqa: S301 - its own

    assert twin.request.url == "https://[::1/"


@pytest.mark.parametrize(
    "kind", [RequestsCallRejectedError, RequestsCircuitOpenError, RequestsPausedError]
)
def test_an_error_needs_no_argument(kind: type[RequestsCallRejectedError]) -> None:
    """Each can be made in a test without knowing anything."""
    error = kind()

    assert (error.key, error.retry_after) == ("", None)
    assert (error.request, error.response) == (None, None)
