import contextlib
import gc
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
import warnings
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.outcome.messages import MESSAGES
from verto_resilience.errors import ConfigurationError
from verto_resilience.testing import Arrival, Fault, Reply, RetryAfterForm, Sandbox, serve
from verto_resilience.testing._ledger import Ledger
from verto_resilience.testing._routes import ROUTES

pytestmark = pytest.mark.end_to_end

ROOT = Path(__file__).parents[2]
CERTIFICATE = ROOT / "tests" / "testing" / "loopback.pem"
KEY = ROOT / "tests" / "testing" / "loopback.key"
FX = "/orders/v2.1/fx"
PAYMENT = "/profile/v2.2/request"


@pytest.fixture
def verto() -> Iterator[Sandbox]:
    """Give a running sandbox."""
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def session() -> Iterator[requests.Session]:
    """Give a plain session that no proxy variable touches."""
    with requests.Session() as plain:
        plain.trust_env = False
        yield plain


def raw(sandbox: Sandbox, data: bytes) -> bytes:
    """Send bytes on a new connection and read until the server closes it."""
    with socket.create_connection(("127.0.0.1", sandbox.port), timeout=5) as connection:
        connection.sendall(data)
        received = b""
        while part := connection.recv(65536):
            received += part
        return received


@pytest.mark.parametrize(("status", "message"), MESSAGES.items())
def test_documented_status_has_its_documented_message(
    verto: Sandbox, session: requests.Session, status: int, message: str
) -> None:
    """Each of the 13 statuses comes with its message, as reason and as JSON; a 204 has no body."""
    response = session.get(f"{verto.url}/status/{status}", allow_redirects=False)

    assert (response.status_code, response.reason) == (status, message)
    if status == 204:
        assert response.content == b""
        assert "Content-Length" not in response.headers
    else:
        assert response.headers["Content-Type"] == "application/json; charset=utf-8"
        assert response.json()["message"] == message


@pytest.mark.parametrize("status", [304, 418, 502, 599, 777])
def test_any_other_status_can_be_had(
    verto: Sandbox, session: requests.Session, status: int
) -> None:
    """A status that Verto does not document is answered too, and the connection stays whole."""
    response = session.get(f"{verto.url}/status/{status}", allow_redirects=False)
    after = session.get(f"{verto.url}/status/200")

    assert (response.status_code, after.status_code) == (status, 200)
    assert {arrival.connection for arrival in verto.log} == {1}


@pytest.mark.parametrize("code", ["20", "199", "1000", "x", "%C2%B2%C2%B2%C2%B2"])
def test_status_that_cannot_be_is_a_bad_request(
    verto: Sandbox, session: requests.Session, code: str
) -> None:
    """What is no status is told so with a 400."""
    assert session.get(f"{verto.url}/status/{code}").status_code == 400


def test_error_code_stands_under_the_chosen_key(session: requests.Session) -> None:
    """A 400 carries a documented API error code; key and code can be chosen."""
    with Sandbox(code_key="errorCode") as verto:
        bad = session.get(f"{verto.url}/status/400").json()
        chosen = session.get(f"{verto.url}/status/503?code=42").json()
        none = session.get(f"{verto.url}/status/503").json()

    assert bad == {"message": "Bad Request", "errorCode": 1}
    assert chosen == {"message": "Service Unavailable", "errorCode": 42}
    assert none == {"message": "Service Unavailable"}


def test_every_answer_carries_the_ids_and_the_log_has_both_sides(
    verto: Sandbox, session: requests.Session
) -> None:
    """Verto's ids are UUIDs, new for each call; the client's own stands apart in the log."""
    sent = "11111111-2222-3333-4444-555555555555"
    responses = [
        session.get(f"{verto.url}{path}", headers={"vfx-correlation-id": sent})
        for path in ("/status/200", "/status/503", "/nowhere")
    ]

    names = ("Vfx-Api-Call-Id", "Vfx-Correlation-Id", "Vfx-Api-Stack-Id")
    ids = [[str(uuid.UUID(response.headers[name])) for name in names] for response in responses]
    assert len({call for call, _, _ in ids}) == 3
    assert len({correlation for _, correlation, _ in ids}) == 3
    assert len({stack for _, _, stack in ids}) == 1
    assert [[arrival.call_id, arrival.correlation_id] for arrival in verto.log] == [
        row[:2] for row in ids
    ]
    assert {arrival.headers["Vfx-Correlation-Id"] for arrival in verto.log} == {sent}
    assert sent not in {correlation for _, correlation, _ in ids}


@pytest.mark.parametrize("skew", [0.0, -3600.0])
@pytest.mark.parametrize("form", list(RetryAfterForm))
def test_retry_after_in_both_forms(
    session: requests.Session, form: RetryAfterForm, skew: float
) -> None:
    """Seconds are told as a number, or as the response's own date plus that many."""
    with Sandbox(clock_skew=skew) as verto:
        verto.script("/a", [Reply(429, retry_after=7, retry_after_form=form)])
        response = session.get(f"{verto.url}/a")
        log = verto.log

    told, date = response.headers["Retry-After"], response.headers["Date"]
    if form is RetryAfterForm.SECONDS:
        assert told == "7"
    else:
        ahead = parsedate_to_datetime(told) - parsedate_to_datetime(date)
        assert ahead.total_seconds() == 7
    off = parsedate_to_datetime(date).timestamp() - time.time() - skew
    assert abs(off) < 60
    assert log[0].retry_after == 7


def test_retry_after_can_be_asked_for_in_the_path(
    verto: Sandbox, session: requests.Session
) -> None:
    """The status path tells ``Retry-After`` on request, and refuses nonsense."""
    good = session.get(f"{verto.url}/status/503?retry_after=3")
    bad = session.get(f"{verto.url}/status/503?retry_after=soon")

    assert good.headers["Retry-After"] == "3"
    assert bad.status_code == 400


def test_script_answers_in_order_and_then_the_path_again(
    verto: Sandbox, session: requests.Session
) -> None:
    """A script is per path; once it is over the path answers as before."""
    verto.script(FX, [Reply(503), Reply(429, retry_after=2), Reply.ok()], method="GET")
    url = f"{verto.url}{FX}?currencyFrom=USD&currencyTo=EUR"

    other = session.get(f"{verto.url}/profile/v2.1/wallets").status_code
    posted = session.post(f"{verto.url}{FX}", json={"amount": 1}).status_code
    statuses = [session.get(url).status_code for _ in range(4)]

    assert (other, posted) == (200, 201)
    assert statuses == [503, 429, 200, 200]


def test_script_of_many_clients_gives_each_reply_once(verto: Sandbox) -> None:
    """Under concurrent requests no reply is given twice and none is lost."""
    verto.script("/status/200", [503] * 20)

    def ask(_number: int) -> int:
        with requests.Session() as own:
            own.trust_env = False
            return own.get(f"{verto.url}/status/200").status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(ask, range(40)))

    assert sorted(statuses) == [200] * 20 + [503] * 20
    assert [arrival.number for arrival in verto.log] == list(range(1, 41))


def test_reply_sends_its_own_body_and_headers(verto: Sandbox, session: requests.Session) -> None:
    """A reply may look like a gateway's: HTML, and none of Verto's headers."""
    page = Reply(503, body=b"<h1>no</h1>", headers={"content-type": "text/html"}, vfx_headers=False)
    verto.script("/a", [page, Reply(409, json={"message": "taken"}, code=2), Reply(400, code=2)])

    html, own, plain = (session.get(f"{verto.url}/a") for _ in range(3))

    assert (html.text, html.headers["Content-Type"]) == ("<h1>no</h1>", "text/html")
    assert not [name for name in html.headers if name.lower().startswith("vfx")]
    assert own.json() == {"message": "taken"}
    assert plain.json() == {"message": "Bad Request", "code": 2}


def test_reply_that_closes_ends_the_connection(verto: Sandbox, session: requests.Session) -> None:
    """A reply with ``Connection: close`` is whole, and the next request comes on another."""
    verto.script("/status/200", [Reply(200, headers={"Connection": "close"})])

    for _ in range(2):
        session.get(f"{verto.url}/status/200")

    assert [arrival.connection for arrival in verto.log] == [1, 2]


def test_delay_holds_the_answer_back(verto: Sandbox, session: requests.Session) -> None:
    """The answer comes no sooner than its delay, and the log says so."""
    verto.script("/status/200", [Reply.ok(delay=0.2)])

    session.get(f"{verto.url}/status/200")

    (arrival,) = verto.log
    assert arrival.answered is not None
    assert arrival.answered - arrival.arrived >= 0.2


@pytest.mark.parametrize("form", list(RetryAfterForm))
def test_who_keeps_to_retry_after_is_answered(
    verto: Sandbox, session: requests.Session, form: RetryAfterForm
) -> None:
    """A throttled path answers 429 until the time it told is over, and then normally."""
    verto.throttle(1.0, path="/status/200", form=form)

    early = [session.get(f"{verto.url}/status/200").status_code for _ in range(3)]
    time.sleep(1.0)
    late = session.get(f"{verto.url}/status/200").status_code

    assert early == [429, 429, 429]
    assert late == 200
    assert [arrival.retry_after for arrival in verto.log] == [1, 1, 1, None]


def test_outage_ends_by_time(verto: Sandbox, session: requests.Session) -> None:
    """An outage fails every path with what it was told, and is over when its time is."""
    verto.outage(0.3, Reply(500, fault=Fault.CLOSE), from_now=True)

    with pytest.raises(requests.ConnectionError):
        session.get(f"{verto.url}/status/200")
    time.sleep(0.3)

    assert session.get(f"{verto.url}/status/200").status_code == 200


def test_healthy_ends_every_script(session: requests.Session) -> None:
    """A sandbox that is down for ever recovers when it is told to."""
    with Sandbox(script="down") as verto:
        down = session.get(f"{verto.url}/status/200").status_code
        verto.healthy()
        up = session.get(f"{verto.url}/status/200").status_code

    assert (down, up) == (503, 200)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.RESET, ConnectionResetError),
        (Fault.CLOSE, http.client.RemoteDisconnected),
        (Fault.CLOSE_AFTER_HEADERS, http.client.IncompleteRead),
        (Fault.TRUNCATED, http.client.IncompleteRead),
        (Fault.STALLED, TimeoutError),
        (Fault.GARBAGE, http.client.BadStatusLine),
    ],
)
def test_fault_breaks_the_answer_its_own_way(
    verto: Sandbox, fault: Fault, error: type[Exception]
) -> None:
    """A client meets exactly the failure that was ordered, and the next request is answered."""
    verto.script("/status/200", [Reply(200, json={"a": "b" * 100}, fault=fault)])
    connection = http.client.HTTPConnection("127.0.0.1", verto.port, timeout=0.3)

    def ask() -> int:
        with contextlib.closing(connection):
            connection.request("GET", "/status/200")
            response = connection.getresponse()
            response.read()
            return response.status

    with pytest.raises(error) as caught:
        ask()
    after = ask()

    assert type(caught.value) is error
    if fault is Fault.TRUNCATED:
        assert isinstance(caught.value, http.client.IncompleteRead)
        assert len(caught.value.partial) > 0
    assert after == 200
    assert verto.log[0].fault is fault
    assert verto.log[0].answered is not None


def test_answer_without_headers_is_status_line_and_body(verto: Sandbox) -> None:
    """An answer without one header field ends with its connection."""
    verto.script("/a", [Reply(503, body=b"busy", fault=Fault.NO_HEADERS)])

    answer = raw(verto, b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n")

    assert answer == b"HTTP/1.1 503 Service Unavailable\r\n\r\nbusy"


@pytest.mark.parametrize("executes", [False, True])
def test_lost_answer_leaves_the_outcome_open(
    verto: Sandbox, session: requests.Session, executes: bool
) -> None:
    """The client sees the same reset whether or not the trade was booked; the log knows."""
    verto.script(FX, [Reply(500, fault=Fault.RESET, executes=executes)])

    with pytest.raises(requests.ConnectionError):
        session.post(f"{verto.url}{FX}", json={"amount": 5})

    assert len(verto.trades) == int(executes)
    assert [(arrival.status, arrival.executed) for arrival in verto.log] == [(None, executes)]


def test_write_takes_effect_before_its_delay(verto: Sandbox, session: requests.Session) -> None:
    """A client that runs out of patience does not undo the trade."""
    verto.script(FX, [Reply.ok(delay=30.0)])

    with pytest.raises(requests.ReadTimeout):
        session.post(f"{verto.url}{FX}", json={"amount": 5}, timeout=0.2)

    assert len(verto.trades) == 1
    assert [(arrival.answered, arrival.executed) for arrival in verto.log] == [(None, True)]


def test_trade_sent_twice_is_booked_twice(verto: Sandbox, session: requests.Session) -> None:
    """Without a key there is no protection against a second trade; both can be found again."""
    url = f"{verto.url}{FX}"
    quote = session.get(f"{url}?currencyFrom=usd&currencyTo=EUR").json()
    body = {"vfx_token": quote["vfx_token"], "amount": 10, "clientReference": "r1"}

    booked = [session.post(url, json=body).json()["order"] for _ in range(2)]
    found = session.get(f"{url}/{booked[0]['id']}").json()["order"]

    assert [trade["id"] for trade in verto.trades] == [order["id"] for order in booked]
    assert booked[0]["amountTo"] == round(10 * quote["rate"], 2)
    assert found == booked[0]
    assert session.get(f"{url}/unknown").status_code == 404


def test_idempotency_key_gives_the_stored_answer_again(
    verto: Sandbox, session: requests.Session
) -> None:
    """A key executes once, also when the first answer was lost; with another body it conflicts."""
    verto.script(FX, [Reply.ok(fault=Fault.RESET)])
    url, key = f"{verto.url}{FX}", {"Idempotency-Key": "erp-1"}
    with pytest.raises(requests.ConnectionError):
        session.post(url, json={"amount": 5}, headers=key)

    again = session.post(url, json={"amount": 5}, headers=key)
    other = session.post(url, json={"amount": 6}, headers=key)

    (trade,) = verto.trades
    assert (again.status_code, again.json()["order"]["id"]) == (201, trade["id"])
    assert other.status_code == 409
    assert [arrival.executed for arrival in verto.log] == [True, False, False]
    assert [arrival.replayed for arrival in verto.log] == [False, True, False]


class Turnstile:
    """Sees whether two threads are in the same place at once."""

    def __init__(self) -> None:
        self.most = self._inside = 0

    def pass_through(self) -> None:
        """Stay for a moment, long enough to meet whoever is let in as well."""
        self._inside += 1
        self.most = max(self.most, self._inside)
        time.sleep(0.05)
        self._inside -= 1


def post_together(verto: Sandbox, path: str) -> set[bytes]:
    """Send one write four times at once under one key, and give the status lines' beginnings."""
    head = f"POST {path} HTTP/1.1\r\nConnection: close\r\nIdempotency-Key: k\r\n\r\n".encode()
    with ThreadPoolExecutor(4) as pool:
        return {answer[:12] for answer in pool.map(raw, [verto] * 4, [head] * 4)}


def test_key_executes_once_among_many_threads() -> None:
    """Requests that arrive together with one key are looked at one after the other."""
    turnstile = Turnstile()

    class SlowLedger(Ledger):
        __slots__ = ()

        def book_trade(self, record: Mapping[str, object]) -> Mapping[str, object]:
            turnstile.pass_through()
            return super().book_trade(record)

    with Sandbox() as verto:
        verto._ledger.__class__ = SlowLedger
        answers = post_together(verto, FX)

    assert answers == {b"HTTP/1.1 201"}
    assert len(verto.trades) == 1
    assert turnstile.most == 1


def test_script_is_asked_by_one_thread_at_a_time(verto: Sandbox) -> None:
    """No two requests ask a script at once, so that no reply is given twice."""
    turnstile = Turnstile()

    class SlowScript:
        def take(self, now: float) -> Reply:
            turnstile.pass_through()
            return Reply(503)

    verto._put("/a", None, SlowScript())

    assert post_together(verto, "/a") == {b"HTTP/1.1 503"}
    assert turnstile.most == 1


@pytest.mark.parametrize("path", [PAYMENT, "/payments/create", "/fx/payments"])
def test_payment_id_may_not_come_twice(
    verto: Sandbox, session: requests.Session, path: str
) -> None:
    """A known ``paymentId`` is rejected, not replayed; without one nothing is taken."""
    sent = [{"paymentId": "p1"}, {"paymentId": "p1"}, {}]

    statuses = [session.post(f"{verto.url}{path}", json=body).status_code for body in sent]

    assert statuses == [201, 400, 400]
    assert len(verto.payments) + len(verto.trades) == 1


def test_payments_can_be_listed_and_found(verto: Sandbox, session: requests.Session) -> None:
    """What was taken can be read back by every path that reads payments."""
    for number in ("p1", "p2"):
        session.post(f"{verto.url}{PAYMENT}", json={"paymentId": number, "amount": 1})

    listed = session.get(f"{verto.url}/profile/v2.1/request").json()["payments"]
    picked = session.get(f"{verto.url}/profile/v2.1/request?searchQuery=p2").json()["payments"]
    posted = session.post(f"{verto.url}/payments/lists", json={}).json()["payments"]
    one = session.get(f"{verto.url}/payments/p1").json()["payment"]

    assert [payment["paymentId"] for payment in listed] == ["p1", "p2"]
    assert [payment["paymentId"] for payment in picked] == ["p2"]
    assert posted == listed
    assert one == listed[0]
    assert session.get(f"{verto.url}/payments/p3").status_code == 404


def test_reading_paths_answer(verto: Sandbox, session: requests.Session) -> None:
    """Wallets, beneficiaries and a quote over POST are there."""
    company = session.get(f"{verto.url}/company-1/wallets").json()
    wallets = session.get(f"{verto.url}/profile/v2.1/wallets").json()
    people = session.get(f"{verto.url}/profile/v2.1/beneficiaries").json()
    pair = {"currencyFrom": "USD", "currencyTo": "NGN"}
    quote = session.post(f"{verto.url}/fx/rate", json=pair).json()

    assert company["data"] == wallets["wallets"]
    assert people["beneficiaries"]
    assert quote["rate"] == 1500.0
    trade = {"vfxToken": quote["vfxToken"], "paymentId": "p1", "amount": "2"}
    booked = session.post(f"{verto.url}/fx/payments", json=trade).json()
    assert (booked["amountTo"], booked["paymentId"]) == (3000.0, "p1")
    assert session.get(f"{verto.url}/fx/{booked['reference']}").json()["order"] == booked


@pytest.mark.parametrize(
    "body", [b"{", b"[1]", b"null", b'{"amount": "much"}', b'{"amount": 1e999}', b"[" * 100_000]
)
def test_body_that_is_no_good_is_a_bad_request(
    verto: Sandbox, session: requests.Session, body: bytes
) -> None:
    """Malformed JSON, another shape or a strange amount is answered 400 and books nothing."""
    response = session.post(f"{verto.url}{FX}", data=body)

    assert response.status_code == 400
    assert verto.trades == ()


def test_bearer_token_is_asked_for_when_wanted(session: requests.Session) -> None:
    """Missing, wrong and expired tokens are 401; a fresh one is let in."""
    login = {"clientId": "c", "apiKey": "k", "mode": "apiKey"}
    with Sandbox(require_auth=True) as verto:
        url = f"{verto.url}/profile/v2.1/wallets"
        missing = session.get(url).status_code
        wrong = session.get(url, headers={"Authorization": "Bearer x"}).status_code
        answer = session.post(f"{verto.url}/users/login", json=login).json()
        bearer = {"Authorization": f"Bearer {answer['token']}"}
        good = session.get(url, headers=bearer).status_code
        verto.expire_tokens()
        expired = session.get(url, headers=bearer).status_code

    assert answer["companyId"]
    assert (missing, wrong, good, expired) == (401, 401, 200, 401)


def test_token_expires_by_time(session: requests.Session) -> None:
    """A token that has lived its life is refused."""
    login = {"clientId": "c", "apiKey": "k", "mode": "apiKey"}
    with Sandbox(require_auth=True, token_lifetime=0.0) as verto:
        token = session.post(f"{verto.url}/users/login", json=login).json()["token"]
        bearer = {"Authorization": f"Bearer {token}"}
        status = session.get(f"{verto.url}{FX}", headers=bearer).status_code

    assert status == 401


def test_login_minds_its_fields_and_the_credentials(session: requests.Session) -> None:
    """A login without its fields is a 400, one with other credentials a 401."""
    with Sandbox(credentials=("c", "k")) as verto:
        url = f"{verto.url}/users/login"
        bodies: list[dict[str, str]] = [
            {},
            {"clientId": "c", "apiKey": "x", "mode": "apiKey"},
            {"clientId": "c", "apiKey": "k", "mode": "apiKey"},
        ]
        statuses = [session.post(url, json=body).status_code for body in bodies]

    assert statuses == [400, 401, 200]


def test_log_holds_what_came_as_it_came(verto: Sandbox, session: requests.Session) -> None:
    """An arrival has the request whole, and the instants lie around the answer in order."""
    before = time.monotonic()
    session.post(f"{verto.url}/payments/create?a=1&b=%20", json={"paymentId": "p1"})
    after = time.monotonic()

    (arrival,) = verto.log
    assert (arrival.number, arrival.connection) == (1, 1)
    assert (arrival.method, arrival.path, arrival.query) == (
        "POST",
        "/payments/create",
        "a=1&b=%20",
    )
    assert arrival.params == {"a": "1", "b": " "}
    assert arrival.json() == {"paymentId": "p1"}
    assert arrival.headers["content-type"] == "application/json"
    assert (arrival.status, arrival.executed) == (201, True)
    assert arrival.answered is not None
    assert before <= arrival.arrived <= arrival.answered <= after


def test_log_is_a_snapshot_and_can_be_cleared(verto: Sandbox, session: requests.Session) -> None:
    """A log once read does not change; clearing begins again at 1 and forgets trades."""
    session.post(f"{verto.url}{FX}", json={"amount": 1})
    before = verto.log
    verto.clear()
    session.get(f"{verto.url}/status/503")

    assert [arrival.path for arrival in before] == [FX]
    assert [(arrival.number, arrival.path) for arrival in verto.log] == [(1, "/status/503")]
    assert verto.trades == ()


def test_arrivals_are_picked_by_path_and_method(verto: Sandbox, session: requests.Session) -> None:
    """Templates and methods pick from the log."""
    session.get(f"{verto.url}/payments/1")
    session.get(f"{verto.url}/payments/2")
    session.post(f"{verto.url}/payments/lists", json={})

    assert [arrival.number for arrival in verto.arrivals("/payments/{id}")] == [1, 2, 3]
    assert [arrival.number for arrival in verto.arrivals("/payments/2")] == [2]
    assert [arrival.number for arrival in verto.arrivals(method="post")] == [3]


def test_log_is_bounded_and_still_counts(session: requests.Session) -> None:
    """Of more requests than are kept the oldest leave, and the count goes on."""
    with Sandbox(keeps=3) as verto:
        for _ in range(5):
            session.post(f"{verto.url}{FX}", json={"amount": 1})

        assert [arrival.number for arrival in verto.log] == [3, 4, 5]
        assert verto.arrived == 5
        assert len(verto.trades) == 3


def test_waiting_tells_arrived_from_answered(verto: Sandbox, session: requests.Session) -> None:
    """A request under way has arrived, but is not answered yet."""
    verto.script("/status/200", [Reply(200, delay=30.0)])
    with pytest.raises(requests.ReadTimeout):
        session.get(f"{verto.url}/status/200", timeout=0.1)

    assert verto.wait_for(1)
    assert not verto.wait_for(1, 0.05, answered=True)
    assert not verto.wait_for(2, 0.05)


def test_listener_is_told_of_each_answer(session: requests.Session) -> None:
    """The callback gets the arrival as the log has it."""
    told: list[Arrival] = []
    with Sandbox(on_answer=told.append) as verto:
        session.get(f"{verto.url}/status/503")
        session.get(f"{verto.url}/status/200")
        log = verto.log

    assert tuple(told) == log


def test_keep_alive_and_pipelining_share_one_connection(verto: Sandbox) -> None:
    """Requests sent in one go are answered in their order on their connection."""
    request = b"GET /status/%d HTTP/1.1\r\nHost: x\r\n%s\r\n"

    answer = raw(verto, request % (503, b"") + request % (202, b"Connection: close\r\n"))

    assert re.findall(rb"HTTP/1.1 (\d+)", answer) == [b"503", b"202"]
    assert [arrival.connection for arrival in verto.log] == [1, 1]


def test_http_1_0_is_answered_and_closed(verto: Sandbox) -> None:
    """An old client gets its answer and the end of the connection."""
    answer = raw(verto, b"GET /status/200 HTTP/1.0\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")


def test_chunked_body_is_put_together(verto: Sandbox, session: requests.Session) -> None:
    """A body of unknown length arrives whole, and the connection goes on."""
    response = session.post(f"{verto.url}{FX}", data=iter([b'{"amount"', b": 5}"]))
    session.get(f"{verto.url}/status/200")

    assert response.json()["order"]["amountFrom"] == 5
    assert verto.log[0].body == b'{"amount": 5}'
    assert {arrival.connection for arrival in verto.log} == {1}


def test_expectation_is_met(verto: Sandbox) -> None:
    """A client that waits for ``100 Continue`` gets it before it sends its body."""
    with socket.create_connection(("127.0.0.1", verto.port), timeout=5) as connection:
        head = b"POST /status/200 HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
        connection.sendall(head)
        interim = connection.recv(100)
        connection.sendall(b"{}")
        final = connection.recv(1000)

    assert interim == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert final.startswith(b"HTTP/1.1 200 OK")


def test_head_is_answered_without_a_body(verto: Sandbox, session: requests.Session) -> None:
    """HEAD tells the length of what GET would send, and sends nothing after the headers."""
    answer = raw(verto, b"HEAD /status/503 HTTP/1.1\r\nConnection: close\r\n\r\n")
    length = len(session.get(f"{verto.url}/status/503").content)

    assert b"\r\nContent-Length: %d\r\n" % length in answer
    assert answer.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"GET http://[ HTTP/1.1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n", 413),
        (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 11_000, 431),
    ],
)
def test_malformed_request_is_refused_and_the_server_lives(
    verto: Sandbox, session: requests.Session, data: bytes, status: int
) -> None:
    """Bytes that are no request get a clear answer; the next client is served."""
    answer = b""
    # A server that closes on unread bytes resets, and the answer may be lost with them.
    with contextlib.suppress(ConnectionError):
        answer = raw(verto, data)

    assert not answer or answer.startswith(b"HTTP/1.1 %d " % status)
    assert status == 431 or answer
    assert session.get(f"{verto.url}/status/200").status_code == 200


def test_unknown_path_is_not_found(verto: Sandbox, session: requests.Session) -> None:
    """A path or method that the table does not have is a 404."""
    assert session.get(f"{verto.url}/nowhere").status_code == 404
    assert session.delete(f"{verto.url}{FX}").status_code == 404


def test_https_is_served_with_the_given_certificate(session: requests.Session) -> None:
    """A client that trusts the certificate is answered, one that does not is not."""
    with Sandbox(tls=(str(CERTIFICATE), str(KEY))) as verto:
        good = session.get(f"{verto.url}/status/200", verify=str(CERTIFICATE)).status_code
        with pytest.raises(requests.exceptions.SSLError):
            session.get(f"{verto.url}/status/200", verify=True)
        verto.script("/a", [Reply(200, fault=Fault.STALLED)])
        with pytest.raises(requests.RequestException):
            session.get(f"{verto.url}/a", verify=str(CERTIFICATE), timeout=0.2)

    assert verto.url.startswith("https://")
    assert good == 200
    assert not sandbox_threads()


def sandbox_threads() -> list[str]:
    """Name the threads of sandboxes that still run."""
    return [
        thread.name for thread in threading.enumerate() if thread.name.startswith("verto-sandbox")
    ]


def descriptors() -> int:
    """Count what this process has open; a client's dropped response may wait for the collector."""
    gc.collect()
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208  counting needs no paths


def hold_idle(verto: Sandbox, _session: requests.Session) -> socket.socket:
    """Leave a connection open that says nothing."""
    return socket.create_connection(("127.0.0.1", verto.port), timeout=5)


def hold_stalled(verto: Sandbox, session: requests.Session) -> None:
    """Leave an answer half sent."""
    verto.script("/a", [Reply(200, fault=Fault.STALLED)])
    session.get(f"{verto.url}/a", stream=True)


def hold_delayed(verto: Sandbox, session: requests.Session) -> None:
    """Leave an answer waiting."""
    verto.script("/a", [Reply(200, delay=60.0)])
    with contextlib.suppress(requests.RequestException):
        session.get(f"{verto.url}/a", timeout=0.1)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts descriptors by /proc")
@pytest.mark.parametrize("hold", [hold_idle, hold_stalled, hold_delayed])
def test_close_leaves_no_thread_and_no_socket(hold: Callable[..., Any]) -> None:
    """Whatever clients are doing, closing ends every thread, closes every socket, and is prompt."""
    before = descriptors()
    with requests.Session() as own:
        own.trust_env = False
        with Sandbox() as verto:
            held = hold(verto, own)
            for _ in range(5):
                own.get(f"{verto.url}/status/200")
            closing = time.monotonic()
        took = time.monotonic() - closing
    if held is not None:
        held.close()

    assert sandbox_threads() == []
    assert descriptors() == before
    assert took < 4.0


def test_closed_sandbox_refuses_and_starts_again_on_its_port(session: requests.Session) -> None:
    """Between close and start the connection is refused; the address stays the same."""
    verto = Sandbox()
    with verto:
        url = verto.url
        first = session.get(f"{url}/status/200").status_code
    with pytest.raises(requests.ConnectionError):
        session.get(f"{url}/status/200")
    with verto:
        second = session.get(f"{verto.url}/status/200").status_code

    assert (first, second, verto.url) == (200, 200, url)
    assert len(verto.log) == 2


def test_starting_and_closing_twice_does_no_harm() -> None:
    """Start and close can be called again."""
    verto = Sandbox().start()
    port = verto.start().port

    verto.close()
    verto.close()

    assert verto.port == port
    assert sandbox_threads() == []


def test_port_that_is_taken_is_named(verto: Sandbox) -> None:
    """A taken port is one clear error with the way out."""
    with pytest.raises(ConfigurationError, match=rf"port {verto.port} on 127.0.0.1 is taken"):
        Sandbox(port=verto.port).start()


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"port": -1}, "port"),
        ({"keeps": 0}, "keeps"),
        ({"token_lifetime": -1.0}, "token_lifetime"),
        ({"code_key": ""}, "code_key"),
        ({"script": "flaky"}, "choose one of"),
    ],
)
def test_setting_that_cannot_be_is_refused(settings: dict[str, Any], named: str) -> None:
    """A bad setting is refused when the sandbox is made, and named."""
    with pytest.raises(ConfigurationError, match=named):
        Sandbox(**settings)


def test_address_is_not_known_before_the_start() -> None:
    """Asking for the address too early says what to do."""
    with pytest.raises(RuntimeError, match="not started"):
        _ = Sandbox().url


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_fork_leaves_server_and_log_usable(verto: Sandbox, session: requests.Session) -> None:
    """A child can read the log; its copies of the sockets keep nothing open."""
    session.get(f"{verto.url}/status/200")
    go, gone = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        code = 1
        with contextlib.suppress(BaseException):
            verto.close()
            os.close(gone)
            os.read(go, 1)
            code = 0 if len(verto.log) == 1 else 2
        os._exit(code)
    os.close(go)

    during = session.get(f"{verto.url}/status/200").status_code
    verto.close()
    with pytest.raises(requests.ConnectionError):
        session.get(f"{verto.url}/status/200", timeout=2)
    os.close(gone)

    assert during == 200
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_command_prints_a_line_for_each_request_until_told_to_end(
    session: requests.Session,
) -> None:
    """The command serves a script, shows no secret, and ends with 0 on SIGTERM."""
    command = [sys.executable, "-m", "verto_resilience.testing", "--script", "throttled"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        try:
            first = process.stdout.readline()
            url = first.split()[2]
            session.get(f"{url}{FX}?vfx_token=secret", headers={"Authorization": "Bearer secret"})
            line = process.stdout.readline()
        finally:
            process.send_signal(signal.SIGTERM)
        rest = process.stdout.read()

    assert line == f"#1 GET {FX} -> 429 (retry-after 2 s)\n"
    assert rest == "1 requests, 0 executed, 0 trades booked\n"
    assert process.returncode == 0
    assert "secret" not in first + line + rest


def test_serving_ends_when_told_by_an_event(capsys: pytest.CaptureFixture[str]) -> None:
    """In a thread the foreground server is ended by an event instead of a signal."""
    stop = threading.Event()
    stop.set()

    assert serve(stop=stop) == 0
    assert "sandbox at http://127.0.0.1:" in capsys.readouterr().out


def test_page_about_the_sandbox_is_true() -> None:
    """The table of the page has every path, and the page every documented status."""
    page = (ROOT / "docs" / "sandbox.md").read_text()

    missing = [route.path for route in ROUTES if f"`{route.method} {route.path}`" not in page]

    assert missing == []
    assert json.dumps(sorted(MESSAGES))[1:-1] in page
