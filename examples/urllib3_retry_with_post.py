"""A client that resends with urllib3's Retry, POST included: before and after one line.

The sandbox books a trade and loses the answer: the client sees a 504. Its Retry sends the POST
again, and the trade is booked twice. The same client with ``verto_resilience.mount(session)`` sends
it once, and is told that the outcome is unknown. What was booked is read off the sandbox's log.
"""

from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

import verto_resilience
from verto_resilience.testing import Reply, Sandbox

FX = "/orders/v2.1/fx"


class Trader:
    """Gets quotes and books trades; as many clients are written."""

    def __init__(self, base_url: str) -> None:
        """Resend whatever fails."""
        self.base_url = base_url
        self.session = requests.Session()
        self.session.trust_env = False
        retry = Retry(
            total=2,
            status_forcelist=[429, 500, 502, 503, 504],
            allowed_methods=["GET", "POST"],
            backoff_factor=0.1,
        )
        self.session.mount("http://", HTTPAdapter(max_retries=retry))
        self.session.mount("https://", HTTPAdapter(max_retries=retry))

    def get_quote(self) -> Any:
        """Get a rate."""
        pair = {"currencyFrom": "USD", "currencyTo": "EUR"}
        response = self.session.get(self.base_url + FX, params=pair)
        response.raise_for_status()
        return response.json()

    def book(self, quote: Any, amount: float) -> Any:
        """Book a trade at that rate."""
        order = {"vfx_token": quote["vfx_token"], "side": "sell", "amount": amount}
        response = self.session.post(self.base_url + FX, json=order)
        response.raise_for_status()
        return response.json()


def main() -> None:
    """Let both meet the same trouble."""
    for name in ("before", "after"):
        with Sandbox() as verto:
            trader = Trader(verto.url)
            if name == "after":
                verto_resilience.mount(trader.session)  # the one line
            verto.script(FX, [503], method="GET")
            verto.script(FX, [Reply(504, executes=True)], method="POST")

            trade(trader)

            for arrival in verto.log:
                booked = "  and the trade is booked" if arrival.executed else ""
                print(f"{name}: {arrival.method} {arrival.status}{booked}")
            print(f"{name}: trades booked: {len(verto.trades)}")
            trader.session.close()


def trade(trader: Trader) -> None:
    """Get a quote and book a trade, as the program always did."""
    try:
        trader.book(trader.get_quote(), 100.0)
    except requests.RequestException as error:
        print(verto_resilience.outcome(error))


if __name__ == "__main__":
    main()
