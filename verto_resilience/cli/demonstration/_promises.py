"""The promises, each checked against the server's own log.

The sandbox stamps arrivals with the clock that the demo runs on, so its instants compare.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from verto_resilience.cli.demonstration._evidence import Act
from verto_resilience.testing import Arrival

_FAST = 0.1
_TWICE = 2
_FIRST_SERVER_ERROR = 500
_FIRST_ERROR = 400
_CORRELATION_ID = "Vfx-Correlation-Id"
_IDEMPOTENCY_KEY = "Idempotency-Key"


@dataclass(frozen=True, slots=True)
class Promise:
    """What was promised, what shows it (or by how much it failed), and whether it held."""

    text: str
    proof: str
    held: bool


def sent_once_each(act: Act) -> Promise:
    """Check that each call was one request, and was answered."""
    calls, requests = len(act.asked), len(act.arrivals)
    good = sum(_is_good(arrival) for arrival in act.arrivals)
    return Promise(
        "a healthy call is one request, answered as ever",
        f"{calls} calls, {requests} requests, {good} answered 2xx",
        held=calls == requests == good and all(asked.answered for asked in act.asked),
    )


def never_early(act: Act) -> Promise:
    """Check that nothing reached the server before a ``Retry-After`` it told had passed."""
    text = "no request before Retry-After had passed"
    margins: list[tuple[float, Arrival, Arrival]] = []
    for told in act.arrivals:
        if told.retry_after is None or told.answered is None:
            continue
        end = told.answered + told.retry_after
        margins += [
            (later.arrived - end, told, later)
            for later in act.arrivals
            if later.arrived > told.answered
        ]
    if not margins:
        return Promise(text, "nothing was sent after a Retry-After", held=False)
    margin, told, later = min(margins, key=lambda found: found[0])
    asked = told.retry_after or 0
    if margin < 0.0:
        return Promise(text, f"request #{later.number} came {-margin:.3f} s too early", held=False)
    return Promise(
        text, f"asked for {asked} s, the next came after {asked + margin:.3f} s", held=True
    )


def resent_until_answered(act: Act) -> Promise:
    """Check that every request that failed was sent again, until its call was answered."""
    failed = sum(not _is_good(arrival) for arrival in act.arrivals)
    calls, requests = len(act.asked), len(act.arrivals)
    missing = calls + failed - requests
    proof = _statuses(act.arrivals)
    if failed == 0:
        proof = f"nothing failed: {proof}"
    elif missing > 0:
        proof = f"{proof}; resends missing: {missing}"
    return Promise(
        "what was refused or failed was sent again, until answered",
        proof,
        held=failed > 0 and missing == 0 and all(asked.answered for asked in act.asked),
    )


def opened_after(act: Act, limit: int) -> Promise:
    """Check that the server was left alone after this many failures in a row."""
    failures = sum(_is_server_error(arrival) for arrival in act.arrivals)
    over = len(act.arrivals) - limit
    proof = f"{failures} requests failed, and no more came"
    if over > 0:
        proof = f"{over} more than the {limit} failures came"
    elif failures < limit:
        proof = f"only {failures} of {limit} failures came: resends missing"
    return Promise(
        f"{limit} failures in a row opened the circuit",
        proof,
        held=failures == limit and over == 0,
    )


def waited_between(act: Act, least: float) -> Promise:
    """Check that a failed request was sent again no sooner than after ``least`` seconds."""
    text = f"a resend after a 5xx waits at least {least:g} s"
    gaps = [
        after.arrived - (before.answered or before.arrived)
        for before, after in _neighbours(act.arrivals)
        if _is_server_error(before)
    ]
    if not gaps:
        return Promise(text, "nothing was sent again", held=False)
    if min(gaps) < least:
        return Promise(text, f"one came {least - min(gaps):.3f} s too early", held=False)
    return Promise(
        text, f"sent again {_times(len(gaps))}, the soonest after {min(gaps):.3f} s", held=True
    )


def nothing_arrived(act: Act) -> Promise:
    """Check that no request reached the server."""
    calls, requests = len(act.asked), len(act.arrivals)
    return Promise(
        "while the circuit is open nothing reaches the server",
        f"{calls} calls, {requests} requests",
        held=calls > 0 and requests == 0,
    )


def refused_at_once(act: Act) -> Promise:
    """Check that each call was refused, quickly, and was told when to come back."""
    text = "its callers are refused at once, and told when to come back"
    refused = [asked for asked in act.asked if asked.refused and asked.retry_after is not None]
    if not refused or len(refused) < len(act.asked):
        return Promise(text, f"{len(refused)} of {len(act.asked)} calls were", held=False)
    slowest = max(asked.seconds for asked in refused)
    return Promise(text, f"the slowest took {slowest * 1000:.1f} ms", held=slowest < _FAST)


def one_at_a_time(act: Act) -> Promise:
    """Check that there were never two requests at the server at once, and that some were held."""
    most = _most_at_once(act.arrivals)
    return Promise(
        "half-open lets one request through at a time",
        f"{len(act.asked)} calls, {act.refused} refused, at most {most} at the server at once",
        held=most == 1 and act.refused > 0,
    )


def recovered(act: Act) -> Promise:
    """Check that every call reached the server again, and was answered."""
    good = sum(_is_good(arrival) for arrival in act.arrivals)
    return Promise(
        "once the server is well, every call goes through",
        f"{len(act.asked)} calls, {good} answered 2xx",
        held=good == len(act.asked) > 0 and all(asked.answered for asked in act.asked),
    )


def not_resent(act: Act) -> Promise:
    """Check that a write that may have been executed was sent once, and its caller told so."""
    writes = _writes(act.arrivals)
    told = any(asked.ambiguous for asked in act.asked)
    proof = f"sent {_times(len(writes))}, trades booked: {act.booked}"
    return Promise(
        "a write that may have been executed is not sent again",
        proof if told else f"{proof}; the caller was not told that the outcome is unknown",
        held=len(writes) == 1 and act.booked == 1 and told,
    )


def resent_with_key(act: Act) -> Promise:
    """Check that a write with a key was sent again once, byte for byte, and executed once."""
    writes = _writes(act.arrivals)
    same = len({_identity(arrival) for arrival in writes}) == 1
    keyed = all(arrival.headers.get(_IDEMPOTENCY_KEY) for arrival in writes)
    proof = f"sent {_times(len(writes))}, trades booked: {act.booked}"
    if not same or not keyed:
        proof = f"{proof}; body, key or correlation id changed, or is missing"
    return Promise(
        "with an Idempotency-Key it is sent again once, and executed once",
        proof,
        held=len(writes) == _TWICE and act.booked == 1 and same and keyed,
    )


def nothing_hidden(acts: Iterable[Act]) -> Promise:
    """Check that the attempts reported are the requests that the server saw."""
    acts = tuple(acts)
    attempts = sum(act.attempts for act in acts)
    requests = sum(len(act.arrivals) for act in acts)
    return Promise(
        "every request that reached the server was reported as an attempt",
        f"{attempts} attempts reported, {requests} requests in the server's log",
        held=attempts == requests > 0,
    )


def every_attempt_traced(acts: Iterable[Act], spans: Iterable[tuple[str, str]]) -> Promise:
    """Check that each request carried the id of a CLIENT span of its own.

    Args:
        acts: What was played.
        spans: Trace id and span id, in hex, of the CLIENT spans below a call's span.
    """
    recorded = set(spans)
    arrivals = [arrival for act in acts for arrival in act.arrivals]
    carried = {
        (parts[1], parts[2])
        for arrival in arrivals
        if len(parts := arrival.headers.get("traceparent", "").split("-")) == 4  # noqa: PLR2004
    }
    matched = len(carried & recorded)
    return Promise(
        "every request carries the id of its own span, under its call's",
        f"{matched} of {len(arrivals)} requests match one of {len(recorded)} CLIENT spans",
        held=matched == len(arrivals) > 0,
    )


def _is_good(arrival: Arrival) -> bool:
    return arrival.status is not None and arrival.status < _FIRST_ERROR


def _is_server_error(arrival: Arrival) -> bool:
    return arrival.status is None or arrival.status >= _FIRST_SERVER_ERROR


def _statuses(arrivals: Iterable[Arrival]) -> str:
    said = ", ".join(str(arrival.status or "nothing") for arrival in arrivals)
    return f"the server answered {said or 'nobody'}"


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def _writes(arrivals: Iterable[Arrival]) -> list[Arrival]:
    return [arrival for arrival in arrivals if arrival.path == "/fx/payments"]


def _identity(arrival: Arrival) -> tuple[bytes, str | None, str | None]:
    headers = arrival.headers
    return arrival.body, headers.get(_IDEMPOTENCY_KEY), headers.get(_CORRELATION_ID)


def _neighbours(arrivals: Iterable[Arrival]) -> list[tuple[Arrival, Arrival]]:
    """Give each request with the next one of the same call, which carries the same id."""
    calls: dict[str | None, list[Arrival]] = {}
    for arrival in arrivals:
        calls.setdefault(arrival.headers.get(_CORRELATION_ID), []).append(arrival)
    return [pair for call in calls.values() for pair in pairwise(call)]


def _most_at_once(arrivals: Iterable[Arrival]) -> int:
    moves = sorted(
        move
        for arrival in arrivals
        for move in ((arrival.arrived, 1), (arrival.answered or float("inf"), -1))
    )
    most = now = 0
    for _, change in moves:
        now += change
        most = max(most, now)
    return most
