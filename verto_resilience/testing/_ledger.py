"""What one sandbox remembers between requests: tokens, quotes, trades, payments, stored answers.

Not safe on its own: every function expects the sandbox's lock to be held. Everything is bounded;
the oldest entries leave first.
"""

import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeVar

QUOTE_LIFETIME = 30.0
"""Seconds that a quote token lives (docs.verto.co/docs/fx-conversion)."""

_K = TypeVar("_K")
_V = TypeVar("_V")

_PER_DOLLAR = MappingProxyType(
    {
        "USD": 1.0,
        "EUR": 0.9,
        "GBP": 0.8,
        "NGN": 1500.0,
        "KES": 130.0,
        "ZAR": 18.0,
        "GHS": 15.0,
        "AED": 3.67,
    }
)


@dataclass(frozen=True, slots=True)
class Quote:
    """A rate that was given out; ``expires`` is a monotonic instant."""

    token: str
    currency_from: str
    currency_to: str
    rate: float
    expires: float


@dataclass(frozen=True, slots=True)
class Answer:
    """What a path answers by itself.

    Attributes:
        status: The status code.
        body: A JSON object; ``None`` for no body.
        code: API error code for the body; ``None`` for none.
        executed: Whether the request changed anything.
        replayed: Whether this is the stored answer to an earlier request.
        retry_after: Seconds to tell; ``None`` for none.
        form: How to tell them.
    """

    status: int
    body: Mapping[str, object] | None = None
    code: int | str | None = None
    executed: bool = False
    replayed: bool = False
    retry_after: int | None = None
    form: str = "seconds"


class Ledger:
    """The memory of one sandbox."""

    __slots__ = ("_limit", "payment_ids", "payments", "quotes", "stored", "tokens", "trades")

    def __init__(self, limit: int) -> None:
        """Begin empty.

        Args:
            limit: How many entries of each kind are kept.
        """
        self._limit = limit
        self.clear()

    def clear(self) -> None:
        """Forget everything, tokens included."""
        self.tokens: dict[str, float] = {}
        self.quotes: dict[str, Quote] = {}
        self.trades: dict[str, Mapping[str, object]] = {}
        self.payments: dict[str, Mapping[str, object]] = {}
        self.payment_ids: dict[str, None] = {}
        self.stored: dict[tuple[str, str, str], tuple[bytes, Answer]] = {}

    def mint_token(self, expires: float) -> str:
        """Make a bearer token that lives until then."""
        token = f"sandbox-{secrets.token_hex(16)}"
        self._keep(self.tokens, token, expires)
        return token

    def quote(self, currency_from: str, currency_to: str, now: float) -> Quote:
        """Fix a rate; a currency that the sandbox does not know counts as one dollar."""
        rate = _PER_DOLLAR.get(currency_to, 1.0) / _PER_DOLLAR.get(currency_from, 1.0)
        quote = Quote(
            token=f"vfx-{secrets.token_hex(16)}",
            currency_from=currency_from,
            currency_to=currency_to,
            rate=round(rate, 8),
            expires=now + QUOTE_LIFETIME,
        )
        self._keep(self.quotes, quote.token, quote)
        return quote

    def book_trade(self, record: Mapping[str, object]) -> Mapping[str, object]:
        """Remember a trade under a new id and reference."""
        booked = {
            "id": str(uuid.uuid4()),
            "reference": f"EN-{secrets.token_hex(4).upper()}",
            **record,
        }
        return self._keep(self.trades, str(booked["id"]), MappingProxyType(booked))

    def take_payment(self, record: Mapping[str, object]) -> Mapping[str, object]:
        """Remember a payment under a new id and reference."""
        taken = {
            "id": str(uuid.uuid4()),
            "reference": f"PR-{secrets.token_hex(4).upper()}",
            **record,
            "state": "requested",
        }
        return self._keep(self.payments, str(taken["id"]), MappingProxyType(taken))

    def claim_payment_id(self, payment_id: str) -> bool:
        """Use a payment id up; ``False`` when it was used before."""
        if payment_id in self.payment_ids:
            return False
        self._keep(self.payment_ids, payment_id, None)
        return True

    def store(self, key: tuple[str, str, str], body: bytes, answer: Answer) -> None:
        """Keep the answer to a write that carried an ``Idempotency-Key``."""
        self._keep(self.stored, key, (body, answer))

    def _keep(self, entries: dict[_K, _V], key: _K, value: _V) -> _V:
        entries[key] = value
        if len(entries) > self._limit:
            del entries[next(iter(entries))]
        return value
