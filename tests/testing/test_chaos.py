from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from requests.adapters import BaseAdapter

import verto_resilience
from tests.end_to_end.wire import Say, Wire
from verto_resilience.errors import ConfigurationError
from verto_resilience.outcome import Failure
from verto_resilience.pipeline import Policy
from verto_resilience.testing import ChaosAdapter, ChaosFault, FakeClock, Sandbox

pytestmark = pytest.mark.end_to_end

FX = "/orders/v2.1/fx"
RATES = {
    "resets": 0.1,
    "timeouts": 0.1,
    "throttled": 0.1,
    "server_errors": 0.1,
    "slow": 0.1,
    "truncated": 0.1,
}


@pytest.fixture
def verto() -> Iterator[Sandbox]:
    """Give a running sandbox."""
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def session() -> Iterator[requests.Session]:
    """Give a plain session that no proxy variable touches."""
    with requests.Session() as session:
        session.trust_env = False
        yield session


def put(session: requests.Session, **settings: Any) -> ChaosAdapter:
    """Let a session's calls go wrong."""
    chaos = ChaosAdapter(**settings)
    session.mount("http://", chaos)
    return chaos


def tried(session: requests.Session, url: str, times: int = 1) -> list[int | str]:
    """Call; gives statuses and the names of errors."""
    ends: list[int | str] = []
    for _ in range(times):
        try:
            ends.append(session.get(url, timeout=5).status_code)
        except requests.RequestException as error:
            ends.append(type(error).__name__)
    return ends


def faults(chaos: ChaosAdapter) -> list[ChaosFault | None]:
    """Give what it injected, send by send."""
    return [entry.fault for entry in sorted(chaos.log, key=lambda entry: entry.number)]


def test_the_same_seed_is_the_same_sequence(verto: Sandbox) -> None:
    """Two runs meet the same faults at the same sends; another seed meets others."""
    sequences = []
    for seed in (7, 7, 8):
        with requests.Session() as session:
            session.trust_env = False
            chaos = put(session, seed=seed, sleep=FakeClock().sleep, **RATES)
            ends = tried(session, f"{verto.url}/status/200", 60)
        sequences.append((faults(chaos), ends))

    assert sequences[0] == sequences[1]
    assert sequences[0] != sequences[2]


def test_threads_share_one_sequence(verto: Sandbox, session: requests.Session) -> None:
    """Whoever comes when, the n-th send meets what the n-th send meets."""
    alone = put(session, seed=7, sleep=FakeClock().sleep, **RATES)
    tried(session, f"{verto.url}/status/200", 60)
    together = put(session, seed=7, sleep=FakeClock().sleep, **RATES)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: tried(session, f"{verto.url}/status/200", 15), range(4)))

    assert faults(together) == faults(alone)


def test_rates_are_kept(verto: Sandbox, session: requests.Session) -> None:
    """Of many sends each fault has about its share, and without rates nothing is injected."""
    chaos = put(session, seed=1, sleep=FakeClock().sleep, resets=0.2, server_errors=0.3)
    plain = ChaosAdapter(seed=1)

    tried(session, f"{verto.url}/status/200", 300)
    session.mount("http://", plain)
    tried(session, f"{verto.url}/status/200", 20)

    counted = Counter(faults(chaos))
    assert 40 <= counted[ChaosFault.RESET] <= 80
    assert 65 <= counted[ChaosFault.SERVER_ERROR] <= 115
    assert counted.keys() == {ChaosFault.RESET, ChaosFault.SERVER_ERROR, None}
    assert set(faults(plain)) == {None}


@pytest.mark.parametrize(
    ("rate", "end", "failure"),
    [
        ("resets", "ConnectionError", Failure.RESET),
        ("timeouts", "ReadTimeout", Failure.READ_TIMEOUT),
        ("truncated", "ChunkedEncodingError", Failure.BODY),
    ],
)
def test_a_failure_is_what_requests_raises_for_it(
    verto: Sandbox, session: requests.Session, rate: str, end: str, failure: Failure
) -> None:
    """Code around a session meets the real exceptions, and so does the adapter mounted above."""
    put(session, seed=1, **{rate: 1.0})
    plain = tried(session, f"{verto.url}/status/200")
    verto_resilience.mount(session, policy=Policy(max_attempts=1))

    with pytest.raises(requests.RequestException) as caught:
        session.get(f"{verto.url}/status/200")

    report = verto_resilience.report(caught.value)
    assert plain == [end]
    assert report is not None
    assert [attempt.outcome.failure for attempt in report.attempts] == [failure]


def test_a_429_tells_when_to_come_back(verto: Sandbox, session: requests.Session) -> None:
    """It is a whole response, with ``Retry-After`` as it was asked for, and nothing was sent."""
    chaos = put(session, seed=1, throttled=1.0, retry_after=3)

    response = session.get(f"{verto.url}{FX}?currencyFrom=USD")
    session.mount("http://", ChaosAdapter(seed=1, throttled=1.0, retry_after=None))
    silent = session.get(f"{verto.url}{FX}")

    assert (response.status_code, response.reason) == (429, "Too Many Requests")
    assert response.headers["retry-after"] == "3"
    assert response.json() == {"message": "Too Many Requests"}
    assert response.request.url == response.url
    assert "Retry-After" not in silent.headers
    assert verto.arrived == 0
    assert [(entry.path, entry.reached) for entry in chaos.log] == [(FX, False)]


def test_server_errors_are_the_documented_ones(verto: Sandbox, session: requests.Session) -> None:
    """All of them come by, with their messages."""
    put(session, seed=1, server_errors=1.0)

    seen = set(tried(session, f"{verto.url}/status/200", 40))

    assert seen == {500, 503, 504}


@pytest.mark.parametrize(("reaching", "booked"), [(0.0, 0), (1.0, 3)])
@pytest.mark.parametrize("rate", ["resets", "timeouts", "server_errors"])
def test_what_fails_may_have_been_executed(
    verto: Sandbox, session: requests.Session, rate: str, reaching: float, booked: int
) -> None:
    """As in life: the trade is booked or not, and the client sees the same."""
    chaos = put(session, seed=1, reaching=reaching, **{rate: 1.0})

    for _ in range(3):
        try:
            answered = session.post(f"{verto.url}{FX}", json={"amount": 1}).status_code
        except requests.RequestException:
            answered = 500
        assert answered >= 500

    assert len(verto.trades) == booked
    assert [entry.reached for entry in chaos.log] == [bool(booked)] * 3


def test_slow_answers_are_whole(verto: Sandbox, session: requests.Session) -> None:
    """They come after the time that was asked for."""
    clock = FakeClock()
    put(session, seed=1, slow=1.0, slowness=2.5, sleep=clock.sleep)

    assert tried(session, f"{verto.url}/status/200", 2) == [200, 200]
    assert clock.sleeps == [2.5, 2.5]


def test_an_answer_without_a_body_stays_whole(verto: Sandbox, session: requests.Session) -> None:
    """There is nothing to cut, and the log says that nothing was injected."""
    chaos = put(session, seed=1, truncated=1.0)

    assert tried(session, f"{verto.url}/status/204") == [204]
    assert session.head(f"{verto.url}/status/200").status_code == 200
    assert faults(chaos) == [None, None]


def test_a_chunked_body_is_cut_too(session: requests.Session) -> None:
    """Whichever way the server tells how long it is, the client sees that it is short."""
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    chaos = put(session, seed=1, truncated=1.0)

    with Wire(Say(chunked), Say(chunked)) as wire:
        ends = tried(session, f"{wire.url}/", 2)

    assert ends == ["ChunkedEncodingError"] * 2
    assert faults(chaos) == [ChaosFault.TRUNCATED] * 2
    assert {heard.connection for heard in wire.heard} == {1}


def test_mounted_above_it_calls_go_through(verto: Sandbox, session: requests.Session) -> None:
    """What it is for: a read that meets faults is resent until it is answered."""
    chaos = put(session, seed=5, resets=0.1, server_errors=0.1, truncated=0.1)
    policy = Policy(
        max_attempts=5,
        backoff_base=0.001,
        budget_capacity=100,
        breaker_mode="off",  # type: ignore[arg-type]
    )
    verto_resilience.mount(session, policy=policy)

    ends = tried(session, f"{verto.url}/status/200", 30)

    assert ends == [200] * 30
    assert len(chaos.log) > 35


def test_it_says_what_it_did(verto: Sandbox, session: requests.Session) -> None:
    """Its repr has the seed and the rates to do it again, and a count of what came of them."""
    chaos = put(session, seed=7, server_errors=0.5)
    before = repr(chaos)
    ends = tried(session, f"{verto.url}/status/200?token=canary", 10)

    failed = sum(end != 200 for end in ends)
    assert before == "ChaosAdapter(seed=7, server_error=0.5; sent: nothing)"
    assert repr(chaos) == (
        f"ChaosAdapter(seed=7, server_error=0.5; sent: {10 - failed} plain, {failed} server_error)"
    )
    assert [entry.number for entry in chaos.log] == list(range(1, 11))
    assert "canary" not in repr(chaos.log)


def test_a_seed_that_is_drawn_is_told() -> None:
    """A failure of a run without a seed can be had again."""
    first, second = ChaosAdapter(), ChaosAdapter()

    assert first.seed != second.seed
    assert f"seed={first.seed}" in repr(first)


def test_the_log_keeps_the_last(verto: Sandbox, session: requests.Session) -> None:
    """A long run does not fill the memory."""
    chaos = put(session, seed=1, keeps=3)

    tried(session, f"{verto.url}/status/200", 5)

    assert [entry.number for entry in chaos.log] == [3, 4, 5]


def test_what_the_inner_adapter_raises_is_raised() -> None:
    """A fault of its own is not hidden, and is written down as a send."""

    class Broken(BaseAdapter):
        def send(self, *args: Any, **kwargs: Any) -> requests.Response:
            raise requests.exceptions.SSLError("no")

        def close(self) -> None:
            self.closed = True

    inner = Broken()
    chaos = ChaosAdapter(inner, seed=1)
    with requests.Session() as session:
        session.mount("http://", chaos)

        assert tried(session, "http://127.0.0.1/") == ["SSLError"]

    assert [(entry.fault, entry.reached, entry.status) for entry in chaos.log] == [
        (None, True, None)
    ]
    assert inner.closed


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"resets": -0.1}, "reset -0.1 is no share"),
        ({"timeouts": float("nan")}, "timeout nan is no share"),
        ({"slow": True}, "slow True is no share"),
        ({"resets": 0.6, "throttled": 0.6}, "the rates are 1.2 together"),
        ({"reaching": 2}, "reaching 2 is no share"),
        ({"retry_after": 1.5}, "retry_after 1.5"),
        ({"slowness": -1}, "slowness -1"),
        ({"keeps": 0}, "keeps 0"),
    ],
)
def test_chaos_that_cannot_be_is_refused(settings: dict[str, Any], named: str) -> None:
    """A value out of its range is named when it is made."""
    with pytest.raises(ConfigurationError, match="this chaos cannot be") as caught:
        ChaosAdapter(**settings)

    assert named in str(caught.value)


def test_shares_that_make_up_one_are_allowed() -> None:
    """Ten times a tenth is a little more than one in floating point."""
    ChaosAdapter(resets=0.7, timeouts=0.1, throttled=0.1, slow=0.1)
