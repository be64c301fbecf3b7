import json
import threading

import pytest

from verto_resilience.testing import Headers
from verto_resilience.testing._http import Request
from verto_resilience.testing._ledger import Answer, Ledger
from verto_resilience.testing._verto import Verto


def ask(verto: Verto, now: float, method: str, target: str, body: object = None) -> Answer:
    """Send one request at an instant."""
    path, _, query = target.partition("?")
    data = b"" if body is None else json.dumps(body).encode()
    request = Request(method, path, query, Headers(), data, now, keeps_alive=True)
    return verto.answer(request, now=now, wall=now)


@pytest.fixture
def ledger() -> Ledger:
    """Give an empty memory of three entries of each kind."""
    return Ledger(3)


@pytest.fixture
def verto(ledger: Ledger) -> Verto:
    """Give a service without a socket."""
    lock = threading.RLock()
    return Verto(lock, ledger, require_auth=False, credentials=None, token_lifetime=60.0)


@pytest.mark.parametrize(("later", "status"), [(29.9, 201), (30.0, 400)])
def test_quote_lives_thirty_seconds(
    verto: Verto, ledger: Ledger, later: float, status: int
) -> None:
    """A trade on a quote that is over is refused and books nothing."""
    quote = ask(verto, 100.0, "GET", "/orders/v2.1/fx?currencyFrom=USD&currencyTo=EUR").body
    assert quote is not None

    answer = ask(verto, 100.0 + later, "POST", "/orders/v2.1/fx", {"vfx_token": quote["vfx_token"]})

    assert answer.status == status
    assert len(ledger.trades) == int(status == 201)


@pytest.mark.parametrize("path", ["/orders/v2.1/fx", "/orders/v2.1/fx?currencyFrom=USD"])
def test_quote_needs_two_currencies(verto: Verto, path: str) -> None:
    """A quote without its pair is a bad request with a documented code."""
    answer = ask(verto, 0.0, "GET", path)

    assert (answer.status, answer.code) == (400, 1)


def test_refused_conversion_does_not_use_the_payment_id_up(verto: Verto) -> None:
    """A payment id is spent only by a request that is good otherwise."""
    bad = ask(verto, 0.0, "POST", "/fx/payments", {"paymentId": "p1", "amount": "much"})
    good = ask(verto, 0.0, "POST", "/fx/payments", {"paymentId": "p1", "amount": 1})

    assert (bad.status, good.status) == (400, 201)


def test_everything_that_is_remembered_is_bounded(verto: Verto, ledger: Ledger) -> None:
    """Of each kind only the newest entries are kept."""
    login = {"clientId": "c", "apiKey": "k", "mode": "apiKey"}

    for number in range(5):
        ask(verto, 0.0, "POST", "/users/login", login)
        ask(verto, 0.0, "GET", "/orders/v2.1/fx?currencyFrom=USD&currencyTo=EUR")
        ask(verto, 0.0, "POST", "/payments/create", {"paymentId": f"p{number}"})

    kinds = (ledger.tokens, ledger.quotes, ledger.payments, ledger.payment_ids)
    assert [len(kind) for kind in kinds] == [3, 3, 3, 3]
    assert list(ledger.payment_ids) == ["p2", "p3", "p4"]
