"""A client that calls through urllib3's own pool manager: before and after one line.

The sandbox throttles at first, without saying for how long: urllib3 hands the 429 to its caller.
And it books a trade and loses the answer: urllib3 says that the connection broke. With a
``VertoPoolManager`` around the same pool manager the 429 is waited for, the trade is sent once, and
the program is told that its outcome is unknown. What came is read off the sandbox's own log.
"""

from typing import Any

import urllib3

import verto_resilience
from verto_resilience.testing import Fault, Reply, Sandbox

FX = "/orders/v2.1/fx"
OK = 200


class Trader:
    """Gets quotes and books trades; as many clients are written."""

    def __init__(self, base_url: str, http: urllib3.PoolManager) -> None:
        """Use this pool manager for every call."""
        self.base_url = base_url
        self.http = http

    def get_quote(self) -> Any:
        """Get a rate."""
        pair = {"currencyFrom": "USD", "currencyTo": "EUR"}
        response = self.http.request("GET", self.base_url + FX, fields=pair)
        return response.json()["vfx_token"] if response.status == OK else None

    def book(self, quote: Any, amount: float) -> Any:
        """Book a trade at that rate."""
        order = {"vfx_token": quote, "side": "sell", "amount": amount}
        return self.http.request("POST", self.base_url + FX, json=order).json()


def main() -> None:
    """Let both meet the same trouble."""
    for name in ("before", "after"):
        with Sandbox() as verto:
            trader = Trader(verto.url, urllib3.PoolManager())
            if name == "after":
                trader.http = verto_resilience.VertoPoolManager(inner=trader.http)  # the one line
            verto.script(FX, [429], method="GET")
            verto.script(FX, [Reply.ok(fault=Fault.RESET)], method="POST")

            trade(name, trader)

            sent = ", ".join(f"{arrival.method} {arrival.status}" for arrival in verto.log)
            print(f"{name}: sent: {sent}")
            print(f"{name}: trades booked: {len(verto.trades)}")
            trader.http.clear()


def trade(name: str, trader: Trader) -> None:
    """Get a quote, ask again if there is none, and book a trade: as the program always did."""
    quote = trader.get_quote()
    print(f"{name}: quote at the first call: {quote is not None}")
    try:
        trader.book(quote or trader.get_quote(), 100.0)
    except urllib3.exceptions.HTTPError as error:
        report = verto_resilience.report(error)
        unknown = "not told" if report is None else report.ambiguous
        print(f"{name}: {type(error).__name__}; outcome unknown: {unknown}")


if __name__ == "__main__":
    main()
