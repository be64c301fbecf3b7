"""A session that adds a token to each request: requests-oauthlib, mounted.

Needs the package requests-oauthlib. By itself it renews a token by the clock; what happens when the
server refuses one earlier is told to mount(). The server is a sandbox on this machine.
"""

import os

from oauthlib.oauth2 import BackendApplicationClient  # type: ignore[import-untyped]
from requests_oauthlib import OAuth2Session  # type: ignore[import-untyped]

import verto_resilience
from verto_resilience.testing import Reply, Sandbox

WALLETS = "/profile/v2.1/wallets"


def granted(token: str) -> Reply:
    """Answer a token request."""
    return Reply(200, json={"access_token": token, "token_type": "Bearer", "expires_in": 3600})


def main() -> None:
    """Call with a token that the server takes, and then no longer."""
    os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"  # the sandbox speaks plain HTTP
    with Sandbox() as server, OAuth2Session(client=BackendApplicationClient("id")) as session:
        server.script("/oauth/token", [granted("one"), granted("two")])
        server.script(WALLETS, [200, 401], method="GET")

        def fetch(_refused: verto_resilience.RefusedCredentials | None = None) -> str:
            token = session.fetch_token(f"{server.url}/oauth/token", client_secret="s")  # noqa: S106
            return f"Bearer {token['access_token']}"

        # A refused token is renewed for Verto's hosts alone; here the sandbox is one.
        policy = verto_resilience.Policy(verto_hosts=("127.0.0.1",))
        verto_resilience.mount(session, policy=policy, refresh=fetch)

        fetch()
        for _ in range(2):
            print(session.get(f"{server.url}{WALLETS}").status_code)
        for arrival in server.log:
            print(arrival.method, arrival.path, arrival.status)


if __name__ == "__main__":
    main()
