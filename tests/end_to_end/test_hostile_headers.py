import gc
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from tests.end_to_end.sessions import Mounter, circuit, report
from tests.end_to_end.wire import GARBAGE, Say, Then, Wirer, answer
from verto_resilience import Category, PausedError, State
from verto_resilience.pipeline import End, WaitSource
from verto_resilience.testing import Fault, Reply, Sandbox

pytestmark = pytest.mark.end_to_end

SOON = 0.6
"""Seconds for three attempts that need not wait, on a busy machine."""
MEANINGLESS = {
    "negative": "-5",
    "fraction": "0.5",
    "word": "soon",
    "nan": "NaN",
    "infinity": "inf",
    "unit": "1m0s",
    "exponent": "1e3",
    "hexadecimal": "0x10",
    "sign": "+5",
    "underscore": "1_0",
    "empty": "",
    "blank": "   ",
    "not_ascii": "ÿþ",
    "other_digits": "²³",
    "comma": ",",
    "date_that_is_none": "Mon, 99 Foo 2026 99:99:99 GMT",
    "very_long_word": "x" * 60_000,
}
"""Values that say nothing: the answer is treated as if it had none."""
TOO_LONG = {
    "huge": "99999999999999999999",
    "very_many_digits": "9" * 5_000,
    "a_day": "86400",
    "many_at_once": "0, 1, 3600, soon",
    "distant_date": "Fri, 31 Dec 9999 23:59:59 GMT",
}
"""Values that ask for longer than a call may last."""


@pytest.mark.parametrize("value", MEANINGLESS.values(), ids=MEANINGLESS)
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_that_means_nothing_is_ignored(
    mounted: Mounter, wired: Wirer, status: int, value: str
) -> None:
    """It is neither slept on nor raised: the call goes on by the backoff, and succeeds."""
    limited = answer(status=status, head=f"Retry-After: {value}\r\n")
    wire = wired(limited, limited)
    began = time.monotonic()

    response = mounted().get(wire.url)

    assert time.monotonic() - began < SOON
    assert response.status_code == 200
    assert [attempt.outcome.retry_after for attempt in report(response).attempts] == [None] * 3
    assert len(wire.heard) == 3


@pytest.mark.parametrize("value", TOO_LONG.values(), ids=TOO_LONG)
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_beyond_the_deadline_returns_at_once(
    mounted: Mounter, wired: Wirer, status: int, value: str
) -> None:
    """However long it asks for, the answer goes back to the caller at once."""
    wire = wired(answer(status=status, head=f"Retry-After: {value}\r\n"))
    began = time.monotonic()

    response = mounted().get(wire.url)

    assert time.monotonic() - began < SOON
    assert (response.status_code, report(response).end) == (status, End.DEADLINE)
    assert len(wire.heard) == 1


def test_pause_of_any_length_is_bounded(mounted: Mounter, wired: Wirer) -> None:
    """A hostile Retry-After keeps an origin shut for ``max_pause`` at the most."""
    wire = wired(answer(status=429, head="Retry-After: 99999999999\r\n"))
    session = mounted(max_pause=0.3, max_attempts=1)
    session.get(wire.url)
    began = time.monotonic()

    response = session.get(wire.url)

    assert response.status_code == 200
    assert 0.2 < time.monotonic() - began < 0.3 + SOON


def test_many_retry_after_lines_are_one(mounted: Mounter, wired: Wirer) -> None:
    """Of several header lines the longest time that can be read counts, by the server's log."""
    lines = "Retry-After: soon\r\nRetry-After: 1\r\nRetry-After: 0\r\nRetry-After: -9\r\n"
    wire = wired(answer(status=429, head=lines))

    response = mounted().get(wire.url)

    first, second = wire.heard
    assert response.status_code == 200
    assert 1.0 <= second.arrived - first.arrived < 1.0 + SOON


PAST = ["0", "Thu, 01 Jan 1970 00:00:00 GMT", "Thu Jan  1 00:00:00 1970"]


@pytest.mark.parametrize("past", PAST)
def test_time_that_has_passed_does_not_shorten_the_band(
    mounted: Mounter, wired: Wirer, past: str
) -> None:
    """After a 5xx of a Verto host ``0`` and a date in the past leave its band, by the log."""
    failed = answer(status=503, head=f"Retry-After: {past}\r\n")
    wire = wired(failed, failed)
    session = mounted(
        verto_hosts=("127.0.0.1",), server_error_wait_min=0.3, server_error_wait_max=0.4
    )

    response = session.get(wire.url)

    first, second, third = wire.heard
    assert response.status_code == 200
    assert min(second.arrived - first.arrived, third.arrived - second.arrived) >= 0.3
    sources = [attempt.wait_source for attempt in report(response).attempts]
    assert sources == [WaitSource.NONE, *[WaitSource.SERVER_ERROR_BAND] * 2]


@pytest.mark.parametrize("past", PAST)
def test_time_that_has_passed_opens_no_gate(mounted: Mounter, wired: Wirer, past: str) -> None:
    """A 429 that says now pauses by the backoff, and longer for each, as one without a time."""
    limited = answer(status=429, head=f"Retry-After: {past}\r\n")
    wire = wired(limited, limited)

    response = mounted().get(wire.url)

    attempts = report(response).attempts
    assert response.status_code == 200
    assert [attempt.outcome.retry_after for attempt in attempts] == [None] * 3
    sources = [attempt.wait_source for attempt in attempts]
    assert sources == [WaitSource.NONE, WaitSource.BACKOFF, WaitSource.BACKOFF]
    assert min(attempt.waited for attempt in attempts[1:]) > 0.0


def test_server_that_says_now_is_not_hammered(mounted: Mounter, wired: Wirer) -> None:
    """Threads that loop against ``429`` and ``Retry-After: 0`` all wait for the same gate."""
    wire = wired(*[answer(status=429, head="Retry-After: 0\r\n")] * 500)
    brief = {"call_timeout": 0.5, "read_timeout": 0.5, "connect_timeout": 0.5}
    session = mounted(backoff_base=60, backoff_limit=60, **brief)
    refused = []

    def loop(_: int) -> None:
        for _ in range(20):
            try:
                session.get(wire.url)
            except PausedError:
                refused.append(1)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(loop, range(8)))

    # Those that were on the wire before the gate closed; chance may have drawn a short pause.
    assert len(wire.heard) < 80
    assert len(refused) > 80


ERROR_BODIES: dict[str, tuple[str, bytes]] = {
    "html": ("text/html", b"<html><body>Bad gateway</body></html>"),
    "html_called_json": ("application/json", b"<html>"),
    "not_text": ("application/json", b"\xff\xfe\x00\x01"),
    "deep": ("application/json", b"[" * 50_000),
    "deep_object": ("application/json", b'{"code":' * 20_000),
    "big_number": ("application/json", b'{"code": ' + b"9" * 10_000 + b"}"),
    "strange_code": ("application/json", b'{"code": {"code": [1]}, "message": 7}'),
    "nan": ("application/json", b'{"code": NaN}'),
    "list": ("application/json", b"[1, 2]"),
    "null": ("application/json", b"null"),
    "empty": ("application/json", b""),
    "no_type": ("", b"{"),
    "strange_charset": ("application/json; charset=nothing", b'{"message": "x"}'),
}


@pytest.mark.parametrize(("kind", "body"), ERROR_BODIES.values(), ids=ERROR_BODIES)
@pytest.mark.parametrize("status", [400, 503, 200])
def test_body_that_is_not_what_it_should_be_is_returned(
    mounted: Mounter, wired: Wirer, status: int, kind: str, body: bytes
) -> None:
    """HTML, broken or monstrous JSON: the caller gets the answer as it came, never an error."""
    said = answer(body, status=status, head=f"Content-Type: {kind}\r\n")
    wire = wired(said)

    response = mounted(max_attempts=1).get(wire.url)

    assert (response.status_code, response.content) == (status, body)


@pytest.mark.parametrize("status", [200, 404, 503])
def test_answer_without_a_single_header_is_an_answer(
    verto: Sandbox, mounted: Mounter, status: int
) -> None:
    """A status line and a body up to the end of the connection are enough."""
    verto.script("/x", [Reply(status, body=b"bare", fault=Fault.NO_HEADERS)])

    response = mounted(max_attempts=1).get(f"{verto.url}/x")

    assert (response.status_code, response.content) == (status, b"bare")
    assert response.headers == {}


STRANGE: dict[str, Say] = {
    "nothing": Say(b"", Then.CLOSE),
    "blank_lines": Say(b"\r\n\r\n\r\n", Then.CLOSE),
    "no_http": GARBAGE,
    "half_a_status_line": Say(b"HTTP/1.1 2", Then.CLOSE),
    "status_of_letters": Say(b"HTTP/1.1 abc OK\r\n\r\n", Then.CLOSE),
    "status_too_small": Say(b"HTTP/1.1 99 OK\r\n\r\n", Then.CLOSE),
    "status_too_large": Say(b"HTTP/1.1 1000 OK\r\n\r\n", Then.CLOSE),
    "other_protocol": Say(b"SSH-2.0-OpenSSH_9.0\r\n", Then.CLOSE),
    "http_2": Say(b"HTTP/2 200 OK\r\n\r\n", Then.CLOSE),
    "line_too_long": Say(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n", Then.CLOSE),
    "too_many_headers": Say(b"HTTP/1.1 200 OK\r\n" + b"X: x\r\n" * 1_000 + b"\r\n", Then.CLOSE),
    "negative_length": Say(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nx", Then.CLOSE),
    "length_of_letters": Say(b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\nx", Then.CLOSE),
    "two_lengths": Say(b"HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\nxy", Then.CLOSE),
    "huge_length": Say(
        b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 30 + b"\r\n\r\nx", Then.CLOSE
    ),
    "endless_digits": Say(
        b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5_000 + b"\r\n\r\nx", Then.CLOSE
    ),
    "odd_coding": Say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: odd\r\n\r\nx", Then.CLOSE),
    "chunk_of_letters": Say(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", Then.CLOSE
    ),
    "negative_chunk": Say(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nx\r\n0\r\n\r\n", Then.CLOSE
    ),
    "headers_that_are_none": Say(b"HTTP/1.1 200 OK\r\nnonsense\r\n: x\r\n\r\nx", Then.CLOSE),
    "bytes_in_headers": Say(b"HTTP/1.1 200 \xff\r\nX-\xff: \xfe\x00\r\n\r\nx", Then.CLOSE),
    "no_gzip": Say(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nx", Then.CLOSE),
    "odd_cookie": Say(b"HTTP/1.1 200 OK\r\nSet-Cookie: =;;;\xff\r\n\r\nx", Then.CLOSE),
    "odd_date": Say(b"HTTP/1.1 429 No\r\nDate: never\r\nRetry-After: never\r\n\r\nx", Then.CLOSE),
    "redirect_to_nothing": Say(b"HTTP/1.1 302 Go\r\nLocation:\r\n\r\nx", Then.CLOSE),
    "redirect_to_no_port": Say(
        b"HTTP/1.1 302 Go\r\nLocation: http://127.0.0.1:x/\r\n\r\n", Then.CLOSE
    ),
    "switching": Say(b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\nx", Then.CLOSE),
    "early_hints": Say(b"HTTP/1.1 103 Early\r\nLink: x\r\n\r\n", Then.CLOSE),
}


@pytest.mark.parametrize("said", STRANGE.values(), ids=STRANGE)
def test_strange_answer_is_an_answer_or_an_exception_of_requests(
    mounted: Mounter, wired: Wirer, said: Say
) -> None:
    """Whatever comes, it ends soon, as a response or a requests exception, and the pool works."""
    wire = wired(said)
    session = mounted(max_attempts=1)
    began = time.monotonic()

    # urllib3 leaves the socket of some of these answers to the collector.
    with warnings.catch_warnings(action="ignore", category=ResourceWarning):
        outcome = _what_came_of(session, wire.url)

    assert outcome
    assert time.monotonic() - began < 2.0
    assert session.get(f"{wire.url}/after").content == b"fine"


def _what_came_of(session: requests.Session, url: str) -> str:
    try:
        response = session.get(url, timeout=1)
    except requests.exceptions.RequestException as error:
        name = type(error).__name__
        del error
        gc.collect()
        return name
    return str(response.status_code)


FLOODS: dict[str, Say] = {
    "continue_forever": Say(over=b"HTTP/1.1 100 Continue\r\n\r\n", every=0.01),
    "continue_forever_at_full_speed": Say(over=b"HTTP/1.1 100 Continue\r\n\r\n" * 500),
    "headers_forever": Say(b"HTTP/1.1 200 OK\r\n", over=b"X: x\r\n", every=0.04),
    "headers_forever_at_full_speed": Say(b"HTTP/1.1 200 OK\r\n", over=b"X: x\r\n" * 500),
    "one_header_forever": Say(b"HTTP/1.1 200 OK\r\nX: ", over=b"x", every=0.04),
    "one_header_forever_at_full_speed": Say(b"HTTP/1.1 200 OK\r\nX: ", over=b"x" * 5_000),
    "status_line_forever": Say(b"HTTP/1.1 200 ", over=b"x", every=0.04),
}


@pytest.mark.parametrize("said", FLOODS.values(), ids=FLOODS)
def test_answer_that_never_ends_is_given_up(mounted: Mounter, wired: Wirer, said: Say) -> None:
    """A server that goes on for ever holds a call to its deadline only, and the pool works."""
    wire = wired(said)
    session = mounted(call_timeout=1.0, read_timeout=1.0, connect_timeout=1.0, max_attempts=1)
    began = time.monotonic()

    with pytest.raises(requests.exceptions.RequestException) as failed:
        session.get(wire.url)

    assert time.monotonic() - began < 2.0
    assert report(failed.value).attempts[0].outcome.category is Category.TRANSPORT
    assert circuit(session, wire.url).failures == 1
    assert session.get(f"{wire.url}/after").content == b"fine"


def test_hostile_server_opens_its_circuit(mounted: Mounter, wired: Wirer) -> None:
    """Five strange answers in a row count as five failures: the origin is left alone."""
    kinds: list[Any] = ["no_http", "line_too_long", "too_many_headers", "chunk_of_letters"]
    wire = wired(*[STRANGE[kind] for kind in kinds], STRANGE["status_of_letters"])
    session = mounted(max_attempts=1)

    for _ in range(5):
        with pytest.raises(requests.exceptions.RequestException):
            session.get(wire.url)

    assert circuit(session, wire.url).state is State.OPEN
