from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

import verto_resilience
from tests.end_to_end.sessions import adapter_of, quick
from verto_resilience import ConfigurationError, RefusedCredentials, VertoAuth
from verto_resilience.testing import Reply, Sandbox

pytestmark = pytest.mark.end_to_end

CERTIFICATE = Path(__file__).parents[1] / "testing" / "loopback.pem"
KEY = CERTIFICATE.with_suffix(".key")
LOGIN = "/users/login"
WALLETS = "/profile/v2.1/wallets"
TOKEN = "Bearer sandbox-"


class Place:
    """A server that asks for a token, and what it was sent."""

    def __init__(self, sandbox: Sandbox, *, name: str = "127.0.0.1") -> None:
        """Know it by this name, which leads to this machine."""
        self.sandbox = sandbox
        self.url = sandbox.url.replace("127.0.0.1", name)

    @property
    def tokens(self) -> list[str | None]:
        """The ``Authorization`` of each request but logins."""
        return [
            arrival.headers.get("Authorization")
            for arrival in self.sandbox.log
            if arrival.path != LOGIN
        ]


@pytest.fixture
def ours() -> Iterator[Place]:
    """Give the place where the login is."""
    with Sandbox(require_auth=True) as sandbox:
        yield Place(sandbox)


@pytest.fixture
def other() -> Iterator[Place]:
    """Give another host: another name, and a server of its own."""
    with Sandbox(require_auth=True) as sandbox:
        yield Place(sandbox, name="localhost")


@pytest.fixture
def neighbour() -> Iterator[Place]:
    """Give another server on the same host."""
    with Sandbox(require_auth=True) as sandbox:
        yield Place(sandbox)


def _signed_in(session: requests.Session, place: Place, **settings: Any) -> VertoAuth:
    auth = VertoAuth("client-id", "api-key", login_url=place.url + LOGIN)
    session.auth = auth
    policy = quick(
        **({"verto_hosts": ("127.0.0.1",), "consecutive_failures": None} | settings),
        server_error_wait_min=0.01,
        server_error_wait_max=0.02,
    )
    verto_resilience.mount(session, policy=policy, refresh=auth)
    return auth


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_to_another_host_takes_no_token_along(
    ours: Place, other: Place, plain: requests.Session, status: int
) -> None:
    """Neither the one that was sent, nor another one after the 401 that comes from there."""
    _signed_in(plain, ours)
    ours.sandbox.script("/away", [Reply(status, headers={"Location": other.url + WALLETS})])

    response = plain.get(ours.url + "/away")

    assert (response.status_code, response.url) == (401, other.url + WALLETS)
    assert ours.tokens[0] is not None
    assert other.tokens == [None]
    assert len(other.sandbox.log) == 1


def test_a_redirect_from_a_call_that_was_renewed_takes_none_along(
    ours: Place, other: Place, plain: requests.Session
) -> None:
    """The new token is as little for another host as the old one was."""
    _signed_in(plain, ours)
    plain.get(ours.url + WALLETS)
    ours.sandbox.expire_tokens()
    ours.sandbox.script("/away", [401, Reply(302, headers={"Location": other.url + WALLETS})])

    response = plain.get(ours.url + "/away")

    assert response.status_code == 401
    assert len(set(ours.tokens)) == 2
    assert other.tokens == [None]


def test_another_server_of_the_same_host_is_another_server(
    ours: Place, neighbour: Place, plain: requests.Session
) -> None:
    """A port is somebody else's, unless the policy names the host."""
    _signed_in(plain, ours, verto_hosts=())
    plain.get(ours.url + WALLETS)

    assert plain.get(neighbour.url + WALLETS).status_code == 401
    assert neighbour.tokens == [None]


def test_hosts_that_the_policy_names_get_it(
    ours: Place, neighbour: Place, plain: requests.Session
) -> None:
    """A login may be at one service, and the calls at others."""
    _signed_in(plain, ours)

    plain.get(neighbour.url + WALLETS)

    # This one does not know the token, and is given a new one once.
    assert len(neighbour.tokens) == 2
    assert all(str(token).startswith(TOKEN) for token in neighbour.tokens)


def test_hosts_of_another_name_get_none_of_it(
    ours: Place, other: Place, plain: requests.Session
) -> None:
    """Two domains of a policy are two: a token of the one is not sent to the other."""
    auth = _signed_in(plain, ours, verto_hosts=("127.0.0.1", "localhost"))
    plain.get(ours.url + WALLETS)

    assert plain.get(other.url + WALLETS).status_code == 401
    assert other.tokens == [None]
    assert auth.renew(RefusedCredentials(other.url, "Bearer old")) is None


def test_a_renewal_for_one_domain_is_none_for_another(
    ours: Place, other: Place, plain: requests.Session
) -> None:
    """Where the caller signs by hand and both refuse, only the login's domain gets a new one."""
    _signed_in(plain, ours, verto_hosts=("127.0.0.1", "localhost"))
    by_hand = {"Authorization": "Bearer by-hand"}
    plain.auth = None

    assert plain.get(ours.url + WALLETS, headers=by_hand).status_code == 200
    assert plain.get(other.url + WALLETS, headers=by_hand).status_code == 401
    assert other.tokens == ["Bearer by-hand"]


def test_a_reload_says_anew_who_gets_it(
    ours: Place, neighbour: Place, plain: requests.Session
) -> None:
    """What the policy no longer names is not signed for from then on."""
    _signed_in(plain, ours)
    plain.get(neighbour.url + WALLETS)
    neighbour.sandbox.clear()

    adapter_of(plain, ours.url).reconfigure(quick(verto_hosts=("vertofx.com",)))
    plain.get(neighbour.url + WALLETS)

    assert neighbour.tokens == [None]


def test_a_token_of_https_is_not_sent_in_the_clear(other: Place, plain: requests.Session) -> None:
    """Not to the same host over http, by a plain session either."""
    with Sandbox(tls=(str(CERTIFICATE), str(KEY)), require_auth=True) as sandbox:
        secure = Place(sandbox)
        plain.verify = str(CERTIFICATE)
        plain.auth = VertoAuth("client-id", "api-key", login_url=secure.url + LOGIN, session=plain)
        assert plain.get(secure.url + WALLETS).status_code == 200
        in_the_clear = secure.url.replace("https://", "http://")

        with pytest.raises(requests.exceptions.ConnectionError):
            plain.get(in_the_clear + WALLETS, timeout=5.0)

        request = requests.Request("GET", in_the_clear + WALLETS, auth=plain.auth).prepare()
        assert "Authorization" not in request.headers
        assert plain.get(other.url + WALLETS).status_code == 401
        assert other.tokens == [None]


@pytest.mark.parametrize(
    ("url", "signed"),
    [
        ("http://api-wallet.vertofx.com/x", False),
        ("http://gateway.vertofx.com/x", True),
        ("http://gateway.vertofx.com:8080/x", True),
        ("https://gateway.vertofx.com/x", True),
        ("http://sub.gateway.vertofx.com/x", False),
    ],
)
def test_insecure_hosts_are_those_of_the_policy(
    plain: requests.Session, url: str, signed: bool
) -> None:
    """In the clear a token goes where the policy lets Verto be called so, by the exact name."""
    verto_resilience.mount(plain, policy=quick(insecure_hosts=("gateway.vertofx.com",)))
    auth = VertoAuth("client-id", "api-key", session=plain)

    assert auth._signs(url) is signed


def test_strange_sessions_sign_as_well(plain: requests.Session) -> None:
    """One that has no adapter for the login goes by the defaults."""
    plain.adapters.clear()
    auth = VertoAuth("client-id", "api-key", session=plain)

    assert auth._signs("https://api-wallet.vertofx.com/x")
    assert not auth._signs("https://api.example.com/x")


@pytest.mark.parametrize("hosts", ["", "127.0.0.1"])
def test_the_kill_switch_leaves_signing_as_it_was(
    ours: Place,
    neighbour: Place,
    plain: requests.Session,
    monkeypatch: pytest.MonkeyPatch,
    hosts: str,
) -> None:
    """What is switched off is what this library adds: who gets the token is said as before."""
    monkeypatch.setenv("VERTO_RESILIENCE_DISABLED", "true")
    monkeypatch.setenv("VERTO_RESILIENCE_VERTO_HOSTS", hosts)
    plain.auth = VertoAuth("client-id", "api-key", login_url=ours.url + LOGIN)
    verto_resilience.mount(plain, refresh=plain.auth)

    plain.get(neighbour.url + WALLETS)

    assert (neighbour.tokens == [None]) is not bool(hosts)
    assert plain.get(ours.url + WALLETS).status_code == 200


def test_the_kill_switch_is_stopped_by_nothing(
    plain: requests.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bad variable, and instrumentation that is to be taken over, are no matter then."""
    monkeypatch.setenv("VERTO_RESILIENCE_DISABLED", "true")
    monkeypatch.setenv("VERTO_RESILIENCE_VERTO_HOSTS", "api.example.com")
    monkeypatch.setenv("VERTO_RESILIENCE_BESIDE", "takeover")
    verto_resilience.mount(plain)
    policy = adapter_of(plain, "https://x").policy
    assert (policy.verto_hosts, policy.disabled) == (("api.example.com",), True)
    assert policy.beside == verto_resilience.Policy().beside

    monkeypatch.setenv("VERTO_RESILIENCE_MAX_ATTEMPTS", "0")
    assert adapter_of(plain, "https://x").reload().disabled
    monkeypatch.delenv("VERTO_RESILIENCE_DISABLED")
    with pytest.raises(ConfigurationError):
        adapter_of(plain, "https://x").reload()
