"""Probes of waits: what a 429 and a Retry-After do."""

import threading
import time

from tests.comparison.contenders import Contender, Tuning
from tests.comparison.finding import (
    WELL,
    Finding,
    Probe,
    at_once,
    came_of,
    judged,
    named,
    not_applicable,
)
from verto_resilience.testing import Reply, Sandbox


def retry_after(contender: Contender) -> Finding:
    """Ask for a second of patience."""
    client = contender.build(Tuning())
    with Sandbox() as verto:
        verto.script(WELL, [Reply(429, retry_after=1)])
        came = came_of(client, "GET", verto.url + WELL)
        arrivals = verto.log
    if len(arrivals) == 1:
        return not_applicable(f"not resent: {named(came)}")
    gap = arrivals[1].arrived - (arrivals[0].answered or 0.0)
    return judged(f"resent after {gap:.2f} s", kept=gap >= 1.0)


def patience(contender: Contender) -> Finding:
    """Ask for six seconds where the caller has two."""
    client = contender.build(Tuning(patience=2.0))
    with Sandbox() as verto:
        verto.script(WELL, [Reply(429, retry_after=6)] * 5)
        began = time.monotonic()
        came = came_of(client, "GET", verto.url + WELL)
        took = time.monotonic() - began
    return judged(f"{named(came)} after {took:.1f} s", kept=took < 3.0)


def garbled(contender: Contender) -> Finding:
    """Send a header that nobody understands."""
    client = contender.build(Tuning())
    with Sandbox() as verto:
        verto.script(WELL, [Reply(429, headers={"Retry-After": "soon"})])
        came = came_of(client, "GET", verto.url + WELL)
    return judged(named(came), kept=named(came) in {"200", "429", "HTTPError 429"})


def quiet(contender: Contender) -> Finding:
    """Throttle one thread, and let seven others call."""
    client = contender.build(Tuning())
    with Sandbox() as verto:
        verto.throttle(1.0)
        url = verto.url + WELL
        first = threading.Thread(target=came_of, args=(client, "GET", url))
        first.start()
        verto.wait_for(1)
        while verto.log[0].answered is None:
            time.sleep(0.005)
        time.sleep(0.05)
        at_once(7, lambda: came_of(client, "GET", url))
        first.join()
        arrivals = verto.log
    beginning = arrivals[0].answered or 0.0
    early = sum(beginning < arrival.arrived < beginning + 1.0 for arrival in arrivals)
    return judged(f"{early} more requests in the second of quiet", kept=early == 0)


def no_circuit(contender: Contender) -> Finding:
    """Throttle for a second under load, and call when it is over."""
    client = contender.build(Tuning(attempts=1))
    with Sandbox() as verto:
        verto.throttle(1.0)
        url = verto.url + WELL
        end = time.monotonic() + 1.0
        while time.monotonic() < end:
            came_of(client, "GET", url)
            time.sleep(0.05)
        time.sleep(1.0)
        before = len(verto.log)
        came = came_of(client, "GET", url)
        refused = len(verto.log) == before
    return judged(
        f"{named(came)}{', not sent' if refused else ''}, a second after the quiet ended",
        kept=named(came) == "200",
    )


PROBES = {
    "retry_after": Probe(
        "Never resent earlier than `Retry-After` says",
        "A 429 with `Retry-After: 1`, then a 200. Yes: the second request came a second later.",
        retry_after,
    ),
    "patience": Probe(
        "Never sleeps past the caller's patience",
        "A 429 with `Retry-After: 6` for a call that has 2 s. Yes: the program has an answer in "
        "less than 3 s.",
        patience,
    ),
    "garbled": Probe(
        "A garbled `Retry-After` loses no answer",
        "A 429 with `Retry-After: soon`, then a 200. Yes: the program gets one of the two answers.",
        garbled,
    ),
    "quiet": Probe(
        "A 429 holds back every thread",
        "The server throttles for a second; one thread has been told, then seven others call. Yes: "
        "none of them reaches the server in that second.",
        quiet,
    ),
    "no_circuit": Probe(
        "A 429 opens no circuit",
        "The server throttles for a second, and is called all the while, each call once. A second "
        "later it is called again. Yes: that call is sent and answered.",
        no_circuit,
    ),
}
