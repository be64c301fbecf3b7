import pickle
import ssl
from typing import Any

import pytest
import urllib3

from tests.end_to_end.faults import KEY, LOOPBACK
from tests.end_to_end.sessions import report
from tests.end_to_end.urllib3.managers import Manager, attempts
from verto_resilience import ConfigurationError, OperationKind, RefusedCredentials, knowing
from verto_resilience.outcome import Operation, Repeatable
from verto_resilience.testing import Sandbox

pytestmark = pytest.mark.end_to_end

HERE: dict[str, Any] = {"verto_hosts": ("127.0.0.1", "verto.example.invalid")}


def test_headers_of_its_own_go_to_verto_alone(verto: Sandbox, managed: Manager) -> None:
    """A correlation id is added for Verto hosts, is the same for resends, and is reported."""
    verto.script(None, [503])
    url = f"{verto.url}/status/200"

    response = managed(**HERE, server_error_wait_min=0.01, server_error_wait_max=0.02).request(
        "GET", url
    )
    managed().request("GET", url)

    ids = [arrival.headers.get("Vfx-Correlation-Id") for arrival in verto.log]
    assert ids[0] is not None
    assert ids == [ids[0], ids[0], None]
    assert report(response).correlation_id == ids[0]


def test_the_callers_own_correlation_id_is_kept(verto: Sandbox, managed: Manager) -> None:
    """Whatever the letters of its name."""
    headers = {"vfx-correlation-ID": "mine"}

    response = managed(**HERE).request("GET", f"{verto.url}/status/200", headers=headers)

    assert verto.log[0].headers["Vfx-Correlation-Id"] == "mine"
    assert report(response).correlation_id == "mine"


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\x00", "\N{SNOWMAN}"])
def test_a_correlation_id_that_breaks_the_headers_is_refused(
    verto: Sandbox, managed: Manager, value: str
) -> None:
    """Nothing is sent, and the value is not quoted."""
    headers = {"Vfx-Correlation-Id": value}

    with pytest.raises(urllib3.exceptions.InvalidHeader) as refused:
        managed(**HERE).request("GET", f"{verto.url}/status/200", headers=headers)

    assert "Evil" not in str(refused.value)
    assert verto.arrived == 0


def test_new_credentials_are_asked_for_once(verto: Sandbox, managed: Manager) -> None:
    """After a 401 the hook gives a new value, the call goes on, and others are given it too."""
    asked: list[RefusedCredentials] = []

    def renew(refused: RefusedCredentials) -> str:
        asked.append(refused)
        return "Bearer new"

    verto.script(None, [401, 200])
    manager = managed(**HERE, refresh=renew)
    headers = {"authorization": "Bearer old"}

    response = manager.request("GET", f"{verto.url}/status/200", headers=headers)

    assert (response.status, attempts(response)) == (200, 2)
    assert [one.authorization for one in asked] == ["Bearer old"]
    sent = [arrival.headers["Authorization"] for arrival in verto.log]
    assert sent == ["Bearer old", "Bearer new"]
    assert headers == {"authorization": "Bearer old"}


def test_new_credentials_that_are_refused_are_forgotten(verto: Sandbox, managed: Manager) -> None:
    """The 401 goes back to its caller, and the next call asks the hook again."""
    verto.script(None, [401, 401, 401, 200])
    values = iter(["Bearer second", "Bearer third"])
    manager = managed(**HERE, refresh=lambda _: next(values))
    headers = {"Authorization": "Bearer first"}

    statuses = [
        manager.request("GET", f"{verto.url}/status/200", headers=headers).status for _ in range(2)
    ]

    sent = [arrival.headers["Authorization"] for arrival in verto.log]
    assert statuses == [401, 200]
    assert sent == ["Bearer first", "Bearer second", "Bearer first", "Bearer third"]


def test_a_stream_may_be_renewed_as_well(verto: Sandbox, managed: Manager) -> None:
    """The 401 is let go where its body is the caller's to read, even from a pool of one."""
    verto.script(None, [401, 200])
    manager = managed(**HERE, refresh=lambda _: "Bearer new", pools={"block": True, "maxsize": 1})

    response = manager.request("GET", f"{verto.url}/status/200", preload_content=False)

    assert (response.status, attempts(response)) == (200, 2)
    response.close()


def test_a_block_may_say_what_a_request_is(verto: Sandbox, managed: Manager) -> None:
    """A search over ``POST`` is repeatable for whoever knows it."""
    verto.script(None, [503])
    search = Operation("POST", "/status/200", kind=OperationKind.READ, repeatable=Repeatable.ALWAYS)
    manager = managed(**HERE, server_error_wait_min=0.01, server_error_wait_max=0.02)

    with knowing(search):
        response = manager.request("POST", f"{verto.url}/status/200", body=b"{}")

    assert (response.status, attempts(response)) == (200, 2)


def test_verto_is_not_called_in_the_clear(managed: Manager) -> None:
    """Nothing is sent over http://, and the error is urllib3's, too; it pickles."""
    with pytest.raises(ConfigurationError, match="Use https://") as refused:
        managed(**HERE).request("GET", "http://verto.example.invalid/")

    back = pickle.loads(pickle.dumps(refused.value))  # noqa: S301 - our own
    assert isinstance(refused.value, urllib3.exceptions.HTTPError)
    assert (type(back), str(back)) == (type(refused.value), str(refused.value))
    assert back.problems == refused.value.problems


def _unchecked() -> Any:
    context = urllib3.util.ssl_.create_urllib3_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


@pytest.mark.parametrize(
    "pools", [{"cert_reqs": "CERT_NONE"}, {"ssl_context": _unchecked()}], ids=["reqs", "context"]
)
def test_verto_is_not_called_without_checking_its_certificate(
    managed: Manager, pools: dict[str, Any]
) -> None:
    """However the check was switched off."""
    with pytest.raises(ConfigurationError, match="without checking its certificate"):
        managed(**HERE, pools=pools).request("GET", "https://verto.example.invalid/")


def test_a_certificate_that_is_not_valid_is_never_resent(managed: Manager) -> None:
    """It would not be valid the next time either."""
    with Sandbox(tls=(LOOPBACK, KEY)) as secured:
        with pytest.raises(urllib3.exceptions.MaxRetryError) as failed:
            managed().request("GET", f"{secured.url}/status/200")

        assert isinstance(failed.value.reason, urllib3.exceptions.SSLError)
        assert attempts(failed.value) == 1
        assert report(failed.value).attempts[0].outcome.failure == "certificate"
