"""A client with a retry loop of its own: before and after one line.

The loop logs in anew and sends again on every status that looks passing, POST included, half a
second later, whatever ``Retry-After`` says. The sandbox throttles a read, then books a trade and
loses the answer. Before, the loop books the trade a second time. With
``verto_resilience.mount(session)`` the adapter waits as long as it was told and resends the trade
under the same ``Idempotency-Key``, so that the loop has nothing left to repeat. What was booked is
read off the sandbox's log.

The loop remains, and it stands above the adapter: where a key is no help (an operation that nothing
deduplicates) a write that it sends again is a new call, and only taking the loop out helps.
"""

import os
import time
import uuid
from typing import Any

import requests

import verto_resilience
from verto_resilience.testing import Reply, Sandbox

RETRIED = {401, 408, 429, 500, 502, 503, 504}
# As a deployment would set them. The sandbox stands in for one of Verto's hosts, and the waits are
# short, so that this takes seconds.
SETTINGS = {
    "VERTO_RESILIENCE_IDEMPOTENCY_KEYS": "auto",
    "VERTO_RESILIENCE_VERTO_HOSTS": "127.0.0.1",
    "VERTO_RESILIENCE_SERVER_ERROR_WAIT_MIN": "0.1",
    "VERTO_RESILIENCE_SERVER_ERROR_WAIT_MAX": "0.2",
}


class Trader:
    """Logs in, gets quotes and books trades; as many clients are written."""

    def __init__(self, base_url: str) -> None:
        """Log in with the first call."""
        self.base_url = base_url
        self.session = requests.Session()
        self.session.trust_env = False

    def get_quote(self) -> Any:
        """Get a rate."""
        return self._call("/fx/rate", {"currencyFrom": "USD", "currencyTo": "EUR"})

    def book(self, quote: Any, amount: float) -> Any:
        """Book a trade at that rate."""
        return self._call("/fx/payments", {"vfxToken": quote["vfxToken"], "amount": amount})

    def _call(self, path: str, body: dict[str, Any]) -> Any:
        delay = 0.5
        for _ in range(4):
            self._log_in()
            # Each try is numbered anew, so that none is refused as known already.
            numbered = body | {"paymentId": str(uuid.uuid4())}
            response = self.session.post(self.base_url + path, json=numbered)
            if response.status_code not in RETRIED:
                break
            time.sleep(delay)
            delay *= 2
        response.raise_for_status()
        return response.json()

    def _log_in(self) -> None:
        login = {"clientId": "my-client-id", "apiKey": "my-api-key", "mode": "apiKey"}
        token = self.session.post(self.base_url + "/users/login", json=login).json()["token"]
        self.session.headers["Authorization"] = f"Bearer {token}"


def main() -> None:
    """Let both meet the same trouble."""
    os.environ.update(SETTINGS)
    for name in ("before", "after"):
        with Sandbox(require_auth=True) as verto:
            trader = Trader(verto.url)
            if name == "after":
                verto_resilience.mount(trader.session)  # the one line
            verto.script("/fx/rate", [Reply(429, retry_after=2)])
            verto.script("/fx/payments", [Reply(504, executes=True)])

            trader.book(trader.get_quote(), 100.0)

            show(name, verto)
            trader.session.close()


def show(name: str, verto: Sandbox) -> None:
    """Tell what the sandbox saw."""
    for arrival in verto.log:
        booked = "  and the trade is booked" if arrival.executed else ""
        print(f"{name}: {arrival.method} {arrival.path} {arrival.status}{booked}")
    first, second = verto.arrivals("/fx/rate")
    early = 2.0 - (second.arrived - (first.answered or first.arrived))
    print(f"{name}: came back {f'{early:.1f} s too early' if early > 0 else 'when it was told to'}")
    print(f"{name}: logins: {len(verto.arrivals('/users/login'))}")
    print(f"{name}: trades booked: {len(verto.trades)}")


if __name__ == "__main__":
    main()
