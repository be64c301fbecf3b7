"""A client of the Verto API as applications have it: a session, a token, a method for each call.

Nothing in it knows of resends, pauses or circuits. Verto serves these paths from a host for each
service; here one base URL stands for all of them.
"""

from typing import Any

import requests


class VertoClient:
    """Logs in, gets rates, books trades and lists payments."""

    def __init__(self, session: requests.Session, base_url: str) -> None:
        """Use this session for every call."""
        self.session = session
        self.base_url = base_url

    def log_in(self, client_id: str, api_key: str) -> None:
        """Get a token; later calls carry it."""
        login = {"clientId": client_id, "apiKey": api_key, "mode": "apiKey"}
        token = self._post("/users/login", login)["token"]
        self.session.headers["Authorization"] = f"Bearer {token}"

    def get_rate(self, sell: str, buy: str) -> Any:
        """Get a quote for selling one currency for another; it lives for 30 seconds."""
        pair = {"currencyFrom": sell, "currencyTo": buy, "paymentMode": "immediate"}
        return self._post("/fx/rate", pair)

    def book_trade(
        self, quote: Any, amount: float, payment_id: str, idempotency_key: str | None = None
    ) -> Any:
        """Book a trade at the quoted rate."""
        trade = {"vfxToken": quote["vfxToken"], "amount": amount, "paymentId": payment_id}
        headers = {} if idempotency_key is None else {"Idempotency-Key": idempotency_key}
        return self._post("/fx/payments", trade, headers)

    def find_trade(self, reference: str) -> Any:
        """Look up a trade by its reference or its payment id."""
        response = self.session.get(f"{self.base_url}/fx/{reference}")
        response.raise_for_status()
        return response.json()

    def list_payments(self) -> Any:
        """List payments; a read, although it is a POST."""
        return self._post("/payments/lists", {})

    def _post(self, path: str, body: Any, headers: dict[str, str] | None = None) -> Any:
        response = self.session.post(f"{self.base_url}{path}", json=body, headers=headers)
        response.raise_for_status()
        return response.json()


def main() -> None:
    """Use it as before, with one line more."""
    import verto_resilience
    from verto_resilience.testing import Sandbox

    with Sandbox(require_auth=True) as verto, requests.Session() as session:
        verto_resilience.mount(session)
        client = VertoClient(session, verto.url)

        client.log_in("my-client-id", "my-api-key")
        quote = client.get_rate("USD", "EUR")
        print("rate", quote["rate"])
        trade = client.book_trade(quote, 100.0, "payment-1", idempotency_key="payment-1")
        print("trade", trade["transactionState"])
        print("payments", len(client.list_payments()["payments"]))


if __name__ == "__main__":
    main()
