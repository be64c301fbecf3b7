import warnings
from typing import Any

import pytest
import urllib3
from urllib3 import Retry
from urllib3.exceptions import MaxRetryError

from tests.end_to_end.sessions import failures, report
from tests.end_to_end.urllib3.managers import Manager, attempts, circuit
from tests.end_to_end.wire import CLOSE_AT_ONCE, RESET_AT_ONCE, SHORT_BODY, Wirer, answer
from verto_resilience import Failure
from verto_resilience.pipeline import End
from verto_resilience.testing import Sandbox

pytestmark = pytest.mark.end_to_end

ASKED = Retry(5, status_forcelist=[500, 503], allowed_methods=None, backoff_factor=0)
PLAIN = {
    "default": {},
    "number": {"retries": 5},
    "false": {"retries": False},
    "zero": {"retries": 0},
    "read_false": {"retries": Retry(3, read=False)},
    "connect_false": {"retries": Retry(3, connect=False)},
    "kind": {"retries": ASKED},
}


@pytest.mark.parametrize("given", PLAIN.values(), ids=PLAIN)
@pytest.mark.filterwarnings("ignore:PoolManager retries by itself")
def test_resends_are_never_multiplied(
    wired: Wirer, managed: Manager, given: dict[str, Any]
) -> None:
    """Whatever a ``Retry`` says, a GET is sent ``max_attempts`` times."""
    wire = wired(*[RESET_AT_ONCE] * 50)

    with pytest.raises(urllib3.exceptions.HTTPError):
        managed().request("GET", wire.url, **given)

    assert len(wire.heard) == 3


@pytest.mark.filterwarnings("ignore:PoolManager retries by itself")
def test_a_write_is_not_resent_by_a_retry_that_would(wired: Wirer, managed: Manager) -> None:
    """A ``Retry`` that allows POST is no reason to execute one twice."""
    wire = wired(*[answer(status=503)] * 5)

    response = managed().request("POST", wire.url, body=b"{}", retries=ASKED)

    assert (response.status, len(wire.heard)) == (503, 1)
    assert report(response).end is End.NOT_REPEATABLE


@pytest.mark.parametrize("fault", [RESET_AT_ONCE, SHORT_BODY], ids=["reset", "short_body"])
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("given", PLAIN.values(), ids=PLAIN)
@pytest.mark.filterwarnings("ignore:PoolManager retries by itself")
def test_errors_have_the_form_that_was_asked_for(
    *, wired: Wirer, managed: Manager, given: dict[str, Any], method: str, fault: Any
) -> None:
    """``MaxRetryError`` or the error itself: what is caught is what a plain manager raises."""
    wire = wired(*[fault] * 50)
    caught = []
    for manager in (urllib3.PoolManager(), managed(consecutive_failures=None)):
        with pytest.raises(urllib3.exceptions.HTTPError) as failed:
            manager.request(method, wire.url, **given)
        reason = getattr(failed.value, "reason", None)
        caught.append((type(failed.value), type(reason), _pool(failed.value)))

    assert caught[0] == caught[1]


def _pool(error: Exception) -> str:
    return str(getattr(error, "pool", None))


def test_nothing_listens(closed_port: str, managed: Manager) -> None:
    """A refused connection is a ``MaxRetryError`` as ever, with the report of three attempts."""
    with pytest.raises(MaxRetryError) as failed:
        managed().request("GET", closed_port)

    assert isinstance(failed.value.reason, urllib3.exceptions.NewConnectionError)
    assert attempts(failed.value) == 3


def test_what_was_asked_for_is_told_of_once(verto: Sandbox, managed: Manager) -> None:
    """The first call with a ``Retry`` that resends warns, and names the line that made it."""
    manager, url = managed(), f"{verto.url}/status/200"

    with pytest.warns(UserWarning, match="PoolManager retries by itself") as warned:
        manager.request("GET", url, retries=ASKED)
    manager.request("GET", url, retries=ASKED)

    assert warned[0].filename == __file__


def test_what_a_manager_was_made_with_is_told_of_at_once(managed: Manager) -> None:
    """So does one whose inner manager resends by its own settings."""
    with pytest.warns(UserWarning, match="PoolManager retries by itself"):
        managed(urllib3.PoolManager(retries=7))


@pytest.mark.parametrize(
    "retries", [None, False, 0, Retry(0), Retry(0, redirect=5), Retry(False), Retry(None, 0, 0, 9)]
)
def test_what_resends_nothing_is_not_told_of(
    verto: Sandbox, managed: Manager, retries: Any
) -> None:
    """Redirects alone are no resends, and urllib3's default was nobody's wish."""
    if isinstance(retries, Retry) and retries.total is None:
        retries = retries.new(status=0, other=0)
    with warnings.catch_warnings(action="error"):
        managed(pools={"retries": retries}).request(
            "GET", f"{verto.url}/status/200", retries=retries
        )


def test_status_list_raises_nothing(wired: Wirer, managed: Manager) -> None:
    """With ``raise_on_status`` a plain manager raises; here the last answer is returned."""
    wire = wired(*[answer(status=503)] * 5)

    with pytest.warns(UserWarning, match="retries by itself"):
        response = managed().request("GET", wire.url, retries=ASKED)

    assert (response.status, len(wire.heard)) == (503, 3)
    assert response.retries is ASKED


def test_a_kept_connection_that_broke_without_a_byte_is_known_for_one(
    wired: Wirer, managed: Manager
) -> None:
    """It went stale: that says nothing about the server, and a write on it is not sent again."""
    wire = wired(answer(), CLOSE_AT_ONCE)
    manager = managed()
    manager.request("GET", wire.url)

    with pytest.raises(urllib3.exceptions.ProtocolError) as failed:
        manager.request("POST", wire.url, body=b"{}")

    assert failures(failed.value) == [Failure.STALE_CONNECTION]
    assert circuit(manager, wire.url).failures == 0
