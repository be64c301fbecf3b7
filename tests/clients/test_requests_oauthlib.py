"""requests-oauthlib: a session that adds a token to each request, and fetches it by itself."""

from collections.abc import Iterator

import pytest
import requests
from oauthlib.oauth2 import BackendApplicationClient  # type: ignore[import-untyped]
from requests_oauthlib import OAuth2Session  # type: ignore[import-untyped]

import verto_resilience
from tests.end_to_end.sessions import quick
from verto_resilience import Operation, OperationKind, RefusedCredentials, Repeatable
from verto_resilience.testing import Reply, Sandbox

pytestmark = pytest.mark.end_to_end

TOKEN = "/oauth/token"
WALLETS = "/profile/v2.1/wallets"


@pytest.fixture
def oauth(monkeypatch: pytest.MonkeyPatch) -> Iterator[requests.Session]:
    """Give a session that logs in as a client; loopback is in the clear."""
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    with OAuth2Session(client=BackendApplicationClient(client_id="client-id")) as session:
        yield session


def granted(token: str) -> Reply:
    """Answer a token request."""
    return Reply(200, json={"access_token": token, "token_type": "Bearer", "expires_in": 3600})


def sent(verto: Sandbox) -> list[tuple[str, int | None, str | None]]:
    """Give path, status and credentials of what reached the server."""
    return [(a.path, a.status, a.headers.get("Authorization")) for a in verto.log]


def test_calls_and_token_requests_go_through_the_adapter(
    verto: Sandbox, oauth: requests.Session
) -> None:
    """Both are calls of the session: a 429 is waited for, and a read is resent."""
    verto.script(TOKEN, [Reply(429, retry_after=0), granted("one")])
    verto.script(WALLETS, [503])
    verto_resilience.mount(oauth, policy=quick())

    oauth.fetch_token(f"{verto.url}{TOKEN}", client_secret="secret")  # type: ignore[attr-defined]
    response = oauth.get(f"{verto.url}{WALLETS}")

    assert response.status_code == 200
    assert [(path, status) for path, status, _ in sent(verto)] == [
        (TOKEN, 429),
        (TOKEN, 200),
        (WALLETS, 503),
        (WALLETS, 200),
    ]
    assert verto.log[-1].headers["Authorization"] == "Bearer one"


def test_a_token_request_is_a_write_until_somebody_says_otherwise(
    verto: Sandbox, oauth: requests.Session
) -> None:
    """A POST of which nothing is known is not resent after a 503; one known to be safe is."""
    band = {"server_error_wait_min": 0.0, "server_error_wait_max": 0.01}
    verto_resilience.mount(oauth, policy=quick(verto_hosts=("127.0.0.1",), **band))
    safe = Operation(
        "POST",
        TOKEN,
        kind=OperationKind.WRITE,
        repeatable=Repeatable.ALWAYS,
        reason="a token more changes nothing",
    )

    verto.script(TOKEN, [503, granted("one")])
    with pytest.raises(Exception, match="missing_token"):
        oauth.fetch_token(f"{verto.url}{TOKEN}", client_secret="s")  # type: ignore[attr-defined]
    verto.script(TOKEN, [503, granted("two")])
    with verto_resilience.knowing(safe):
        token = oauth.fetch_token(  # type: ignore[attr-defined]
            f"{verto.url}{TOKEN}", client_secret="s"
        )

    assert token["access_token"] == "two"
    assert [status for _, status, _ in sent(verto)] == [503, 503, 200]


def test_a_refused_token_is_fetched_anew_and_the_call_is_sent_once_more(
    verto: Sandbox, oauth: requests.Session
) -> None:
    """The library itself renews by the clock alone; after a 401 the hook of the adapter does."""
    verto.script(TOKEN, [granted("one"), granted("two")])
    verto.script(WALLETS, [200, 401], method="GET")

    def fetch(refused: RefusedCredentials) -> str:
        assert refused.authorization == "Bearer one"
        token = oauth.fetch_token(  # type: ignore[attr-defined]
            f"{verto.url}{TOKEN}", client_secret="secret"
        )
        return f"Bearer {token['access_token']}"

    verto_resilience.mount(oauth, policy=quick(verto_hosts=("127.0.0.1",)), refresh=fetch)
    oauth.fetch_token(f"{verto.url}{TOKEN}", client_secret="secret")  # type: ignore[attr-defined]

    statuses = [oauth.get(f"{verto.url}{WALLETS}").status_code for _ in range(3)]

    assert statuses == [200, 200, 200]
    assert [entry for entry in sent(verto) if entry[0] == WALLETS] == [
        (WALLETS, 200, "Bearer one"),
        (WALLETS, 401, "Bearer one"),
        (WALLETS, 200, "Bearer two"),
        (WALLETS, 200, "Bearer two"),
    ]
    assert len(verto.arrivals(TOKEN)) == 2
