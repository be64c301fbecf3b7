"""Each check against the server's log, fed with logs that are true and logs that are doctored."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from verto_resilience.cli.demonstration import _promises as promise
from verto_resilience.cli.demonstration._evidence import Act, Asked
from verto_resilience.cli.demonstration._promises import Promise
from verto_resilience.testing import Arrival, Headers

ANSWERED = Asked(attempts=1)
REFUSED = Asked(error="CircuitOpenError", refused=True, retry_after=2.0, seconds=0.001)
UNKNOWN = Asked(error="HTTPError", ambiguous=True, attempts=1)


def arrived(at: float, status: int | None = 200, **known: Any) -> Arrival:
    """Make an arrival that was answered 10 ms later."""
    arrival = Arrival(
        number=1,
        connection=1,
        arrived=at,
        answered=at + 0.01,
        method="POST",
        path="/fx/rate",
        query="",
        headers=Headers({"Vfx-Correlation-Id": "call-1"}.items()),
        body=b"{}",
        status=status,
    )
    return replace(arrival, **known)


def act(*arrivals: Arrival, asked: tuple[Asked, ...] = (ANSWERED,), booked: int = 0) -> Act:
    """Make an act of these, numbered in their order."""
    numbered = (replace(arrival, number=n) for n, arrival in enumerate(arrivals, 1))
    return Act("a scene", asked, tuple(numbered), booked)


def write(at: float, key: str | None = None, **known: Any) -> Arrival:
    """Make a write, with a key or without."""
    fields = {"Vfx-Correlation-Id": "call-1"} | ({} if key is None else {"Idempotency-Key": key})
    return arrived(at, **{"path": "/fx/payments", "headers": Headers(fields.items()), **known})


def opened(given: Act) -> Promise:
    """Check an outage against a circuit that opens after two failures."""
    return promise.opened_after(given, 2)


def waited(given: Act) -> Promise:
    """Check waits against half a second."""
    return promise.waited_between(given, 0.5)


TOLD = arrived(1.0, 429, retry_after=2)
SIX = (ANSWERED, *[REFUSED] * 5)

HOLDS: list[tuple[Callable[[Act], Promise], Act]] = [
    (promise.sent_once_each, act(arrived(1.0))),
    (promise.never_early, act(TOLD, arrived(3.02))),
    (promise.resent_until_answered, act(TOLD, arrived(3.02))),
    (opened, act(arrived(1.0, 503), arrived(2.0, 503), asked=(UNKNOWN,))),
    (waited, act(arrived(1.0, 503), arrived(1.6))),
    (promise.nothing_arrived, act(asked=(REFUSED, REFUSED))),
    (promise.refused_at_once, act(asked=(REFUSED, REFUSED))),
    (promise.one_at_a_time, act(arrived(1.0), arrived(1.02), asked=SIX)),
    (promise.recovered, act(arrived(1.0))),
    (promise.not_resent, act(write(1.0, status=504), asked=(UNKNOWN,), booked=1)),
    (promise.resent_with_key, act(write(1.0, "k", status=504), write(2.0, "k"), booked=1)),
]

FAILS: list[tuple[Callable[[Act], Promise], Act, str]] = [
    (promise.sent_once_each, act(arrived(1.0), arrived(2.0)), "1 calls, 2 requests"),
    (promise.sent_once_each, act(arrived(1.0, 404)), "0 answered 2xx"),
    (promise.never_early, act(TOLD, arrived(1.76)), "request #2 came 1.250 s too early"),
    (promise.never_early, act(TOLD, arrived(3.5), arrived(3.0)), "#3 came 0.010 s too early"),
    (promise.never_early, act(TOLD), "nothing was sent after"),
    (promise.never_early, act(arrived(1.0)), "nothing was sent after"),
    (promise.resent_until_answered, act(TOLD), "resends missing: 1"),
    (promise.resent_until_answered, act(arrived(1.0)), "nothing failed"),
    (promise.resent_until_answered, act(TOLD, arrived(4.0), asked=(UNKNOWN,)), "429, 200"),
    (opened, act(*[arrived(n, 503) for n in range(5)]), "3 more than the 2 failures came"),
    (opened, act(arrived(1.0, 503)), "only 1 of 2 failures came: resends missing"),
    (opened, act(arrived(1.0, 503), arrived(2.0, 503), arrived(3.0)), "1 more than the 2"),
    (waited, act(arrived(1.0, 503), arrived(1.31)), "one came 0.200 s too early"),
    (waited, act(arrived(1.0, 503)), "nothing was sent again"),
    (promise.nothing_arrived, act(arrived(1.0), asked=(REFUSED,)), "1 calls, 1 requests"),
    (promise.nothing_arrived, act(asked=()), "0 calls"),
    (promise.refused_at_once, act(asked=(REFUSED, ANSWERED)), "1 of 2 calls were"),
    (promise.refused_at_once, act(asked=(replace(REFUSED, retry_after=None),)), "0 of 1"),
    (promise.refused_at_once, act(asked=(replace(REFUSED, seconds=0.7),)), "took 700.0 ms"),
    (promise.one_at_a_time, act(arrived(1.0), arrived(1.005), asked=SIX), "at most 2"),
    (promise.one_at_a_time, act(arrived(1.0)), "0 refused"),
    (promise.recovered, act(arrived(1.0, 503)), "1 calls, 0 answered 2xx"),
    (promise.recovered, act(asked=(REFUSED,)), "1 calls, 0 answered 2xx"),
    (
        promise.not_resent,
        act(write(1.0, status=504), write(2.0), asked=(UNKNOWN,), booked=2),
        "sent twice, trades booked: 2",
    ),
    (promise.not_resent, act(write(1.0, status=504), booked=1), "caller was not told"),
    (promise.resent_with_key, act(write(1.0, "k", status=504), booked=1), "sent once"),
    (
        promise.resent_with_key,
        act(write(1.0, "k"), write(2.0, "k"), booked=2),
        "sent twice, trades booked: 2",
    ),
    (promise.resent_with_key, act(write(1.0, "k"), write(2.0, "other"), booked=1), "changed"),
    (
        promise.resent_with_key,
        act(write(1.0, "k"), write(2.0, "k", body=b"[]"), booked=1),
        "changed",
    ),
    (promise.resent_with_key, act(write(1.0), write(2.0), booked=1), "is missing"),
]


@pytest.mark.parametrize(("check", "given"), HOLDS)
def test_true_log_passes(check: Callable[[Act], Promise], given: Act) -> None:
    """A log in which the promise was kept passes."""
    assert check(given).held


@pytest.mark.parametrize(("check", "given", "by_how_much"), FAILS)
def test_doctored_log_fails(check: Callable[[Act], Promise], given: Act, by_how_much: str) -> None:
    """A log in which the promise was broken fails, and the proof says by how much."""
    found = check(given)

    assert not found.held
    assert by_how_much in found.proof


@pytest.mark.parametrize(("reported", "held"), [(2, True), (1, False), (3, False)])
def test_attempts_and_requests_must_agree(reported: int, held: bool) -> None:
    """A request that was not reported as an attempt is noticed, and so is the reverse."""
    given = act(arrived(1.0, 503), arrived(2.0), asked=(Asked(attempts=reported),))

    found = promise.nothing_hidden([given])

    assert found.held is held
    assert f"{reported} attempts reported, 2 requests" in found.proof


@pytest.mark.parametrize(
    ("carried", "held"),
    [("00-aa-01-01", True), ("00-aa-02-01", False), ("", False), ("00-aa-01", False)],
)
def test_each_request_must_carry_its_span(carried: str, held: bool) -> None:
    """A request without the id of a recorded CLIENT span is noticed."""
    traced = arrived(1.0, headers=Headers({"traceparent": carried}.items()))

    found = promise.every_attempt_traced([act(traced)], [("aa", "01")])

    assert found.held is held


def test_requests_that_share_a_span_are_noticed() -> None:
    """Two requests under one span are not each traced."""
    traced = arrived(1.0, headers=Headers({"traceparent": "00-aa-01-01"}.items()))

    found = promise.every_attempt_traced([act(traced, traced)], [("aa", "01")])

    assert not found.held
    assert "1 of 2 requests" in found.proof
