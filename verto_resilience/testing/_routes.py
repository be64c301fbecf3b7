"""The paths of the sandbox as one table, and what each does.

Fields follow Verto's documentation where it has any (login, the ``paymentId`` that may not come
twice, the life of a quote); the rest is the sandbox's choice, see ``docs/sandbox.md``.
"""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from verto_resilience.testing._http import iso_instant
from verto_resilience.testing._ledger import QUOTE_LIFETIME, Answer, Ledger
from verto_resilience.testing._paths import PathTemplate
from verto_resilience.testing._reply import BODILESS, RetryAfterForm, is_number, is_status, phrase

DOCUMENTED_CODE = 1
"""An API error code that Verto documents for a 400 (docs.verto.co/docs/errors)."""

_MOST = 1e15
_LONGEST = 9
_WALLETS = tuple(
    {"id": f"wallet-{currency.lower()}", "currency": currency, "balance": 1_000_000}
    for currency in ("USD", "EUR", "GBP")
)
_BENEFICIARIES = ({"id": "beneficiary-1", "reference": "BEN-1", "currency": "USD"},)


@dataclass(frozen=True, slots=True)
class Ask:
    """A request as a route sees it; ``now`` is monotonic, ``wall`` counts from 1970."""

    path: Mapping[str, str]
    query: Mapping[str, str]
    body: Mapping[str, object]
    now: float
    wall: float
    token_lifetime: float = 3600.0
    credentials: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """One row: a method (``*`` for any), a path template, and what answers there.

    Attributes:
        writes: Whether it changes anything, so that an ``Idempotency-Key`` matters.
        open: Whether it needs no bearer token.
        takes_any_body: Whether the body may be something other than a JSON object.
    """

    method: str
    path: str
    does: Callable[[Ledger, Ask], Answer]
    writes: bool = False
    open: bool = False
    takes_any_body: bool = False
    template: PathTemplate = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Read the template once."""
        object.__setattr__(self, "template", PathTemplate(self.path))


def refuse(status: int, message: str | None = None, code: int | str | None = None) -> Answer:
    """Make an error answer; without a message it is the documented one."""
    return Answer(status, {"message": message or phrase(status)}, code)


def _log_in(ledger: Ledger, ask: Ask) -> Answer:
    given = tuple(str(ask.body.get(name) or "") for name in ("clientId", "apiKey"))
    if not all(given) or not ask.body.get("mode"):
        return refuse(400, "clientId, apiKey and mode are required", DOCUMENTED_CODE)
    if ask.credentials is not None and given != ask.credentials:
        return refuse(401)
    token = ledger.mint_token(ask.now + ask.token_lifetime)
    return Answer(200, {"success": True, "token": token, "companyId": "company-1"})


def _quote_by_query(ledger: Ledger, ask: Ask) -> Answer:
    return _quote(ledger, ask, ask.query, "vfx_token")


def _quote_by_body(ledger: Ledger, ask: Ask) -> Answer:
    return _quote(ledger, ask, ask.body, "vfxToken")


def _quote(ledger: Ledger, ask: Ask, given: Mapping[str, object], token_name: str) -> Answer:
    pair = [str(given.get(name) or "").upper() for name in ("currencyFrom", "currencyTo")]
    if not all(pair):
        return refuse(400, "currencyFrom and currencyTo are required", DOCUMENTED_CODE)
    quote = ledger.quote(pair[0], pair[1], ask.now)
    return Answer(
        200,
        {
            "success": True,
            token_name: quote.token,
            "rate": quote.rate,
            "currencyFrom": quote.currency_from,
            "currencyTo": quote.currency_to,
            "expiry": iso_instant(int(ask.wall + QUOTE_LIFETIME)),
        },
    )


def _book_trade(ledger: Ledger, ask: Ask) -> Answer:
    trade, refusal = _trade(ledger, ask)
    if refusal is not None:
        return refusal
    return Answer(201, {"success": True, "order": dict(ledger.book_trade(trade))}, executed=True)


def _convert(ledger: Ledger, ask: Ask) -> Answer:
    trade, refusal = _trade(ledger, ask)
    if refusal is not None:
        return refusal
    payment_id, refusal = _claim(ledger, ask)
    if refusal is not None:
        return refusal
    booked = ledger.book_trade({**trade, "paymentId": payment_id})
    return Answer(201, dict(booked), executed=True)


def _trade(ledger: Ledger, ask: Ask) -> tuple[dict[str, object], Answer | None]:
    quote = ledger.quotes.get(str(ask.body.get("vfx_token") or ask.body.get("vfxToken")))
    if quote is not None and ask.now >= quote.expires:
        return {}, refuse(400, "The quote has expired", DOCUMENTED_CODE)
    rate = quote.rate if quote else 1.0
    amount = _amount(ask.body.get("amount", 0))
    if amount is None:
        return {}, refuse(400, "amount must be a number", DOCUMENTED_CODE)
    return {
        "currencyFrom": quote.currency_from if quote else ask.body.get("currencyFrom"),
        "currencyTo": quote.currency_to if quote else ask.body.get("currencyTo"),
        "amountFrom": ask.body.get("amount", 0),
        "amountTo": round(amount * rate, 2),
        "rate": rate,
        "transactionState": "requested",
        "clientReference": ask.body.get("clientReference"),
    }, None


def _amount(given: object) -> float | None:
    try:
        amount = float(given) if isinstance(given, str) or is_number(given) else math.nan
    except (ValueError, OverflowError):
        return None
    return amount if abs(amount) < _MOST else None


def _find_trade(ledger: Ledger, ask: Ask) -> Answer:
    wanted = ask.path["id"]
    for trade in ledger.trades.values():
        if wanted in (trade["id"], trade["reference"], trade.get("paymentId")):
            return Answer(200, {"success": True, "order": dict(trade)})
    return refuse(404, "No such trade")


def _take_payment(ledger: Ledger, ask: Ask) -> Answer:
    payment_id, refusal = _claim(ledger, ask)
    if refusal is not None:
        return refusal
    payment = ledger.take_payment({**ask.body, "paymentId": payment_id})
    return Answer(201, {"success": True, "payment": dict(payment)}, executed=True)


def _claim(ledger: Ledger, ask: Ask) -> tuple[str, Answer | None]:
    payment_id = str(ask.body.get("paymentId") or "")
    if not payment_id:
        return "", refuse(400, "paymentId is required", DOCUMENTED_CODE)
    if not ledger.claim_payment_id(payment_id):
        return "", refuse(400, "paymentId has been used before", DOCUMENTED_CODE)
    return payment_id, None


def _list_payments(ledger: Ledger, ask: Ask) -> Answer:
    wanted = ask.query.get("searchQuery", "")
    names = ("id", "reference", "paymentId", "clientReference")
    found = [
        dict(payment)
        for payment in ledger.payments.values()
        if not wanted or wanted in [payment.get(name) for name in names]
    ]
    return Answer(200, {"success": True, "payments": found})


def _find_payment(ledger: Ledger, ask: Ask) -> Answer:
    wanted = ask.path["id"]
    for payment in ledger.payments.values():
        if wanted in (payment["id"], payment["reference"], payment["paymentId"]):
            return Answer(200, {"success": True, "payment": dict(payment)})
    return refuse(404, "No such payment")


def _list_wallets(_ledger: Ledger, _ask: Ask) -> Answer:
    return Answer(200, {"success": True, "wallets": list(_WALLETS)})


def _list_company_wallets(_ledger: Ledger, _ask: Ask) -> Answer:
    return Answer(200, {"data": list(_WALLETS)})


def _list_beneficiaries(_ledger: Ledger, _ask: Ask) -> Answer:
    return Answer(200, {"success": True, "beneficiaries": list(_BENEFICIARIES)})


def _answer_status(_ledger: Ledger, ask: Ask) -> Answer:
    text = ask.path["code"]
    status = int(text) if text.isascii() and text.isdigit() and len(text) == len("200") else 0
    if not is_status(status):
        return refuse(400, "The status is no whole number from 200 to 999", DOCUMENTED_CODE)
    told = ask.query.get("retry_after", "")
    form = ask.query.get("form", RetryAfterForm.SECONDS)
    is_told = told.isascii() and told.isdigit() and len(told) <= _LONGEST
    if form not in tuple(RetryAfterForm) or (told and not is_told):
        return refuse(400, "retry_after is in seconds, form is seconds or date", DOCUMENTED_CODE)
    code: int | str | None = ask.query.get("code", DOCUMENTED_CODE if status == 400 else None)  # noqa: PLR2004
    if isinstance(code, str) and code.isascii() and code.isdigit():
        code = int(code)
    body = None if status in BODILESS else {"message": phrase(status)}
    return Answer(status, body, code, retry_after=int(told) if told else None, form=form)


ROUTES = (
    Route("POST", "/users/login", _log_in, open=True),
    Route("GET", "/orders/v2.1/fx", _quote_by_query),
    Route("POST", "/orders/v2.1/fx", _book_trade, writes=True),
    Route("GET", "/orders/v2.1/fx/{id}", _find_trade),
    Route("POST", "/profile/v2.2/request", _take_payment, writes=True),
    Route("GET", "/profile/v2.1/request", _list_payments),
    Route("GET", "/profile/v2.1/wallets", _list_wallets),
    Route("GET", "/profile/v2.1/beneficiaries", _list_beneficiaries),
    Route("POST", "/fx/rate", _quote_by_body),
    Route("POST", "/fx/payments", _convert, writes=True),
    Route("GET", "/fx/{id}", _find_trade),
    Route("POST", "/payments/create", _take_payment, writes=True),
    Route("POST", "/payments/lists", _list_payments),
    Route("GET", "/payments/{id}", _find_payment),
    Route("*", "/status/{code}", _answer_status, open=True, takes_any_body=True),
    Route("GET", "/{companyId}/wallets", _list_company_wallets),
)
"""Every path that answers by itself; the first row that fits counts."""


def find_route(method: str, path: str) -> tuple[Route, dict[str, str]] | None:
    """Find the row for a request; HEAD is looked up as GET."""
    wanted = "GET" if method == "HEAD" else method
    for route in ROUTES:
        if route.method in ("*", wanted) and (found := route.template.match(path)) is not None:
            return route, found
    return None


def read_object(body: bytes) -> Mapping[str, object] | None:
    """Read a JSON object; nothing at all counts as an empty one, anything else is ``None``."""
    if not body:
        return {}
    try:
        read = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return read if isinstance(read, dict) else None
