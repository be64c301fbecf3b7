"""Probes of circuits: what an outage does, and what comes after."""

import threading
import time

from tests.comparison.contenders import Contender, Tuning
from tests.comparison.finding import (
    FAILING,
    WELL,
    Finding,
    Probe,
    at_once,
    came_of,
    judged,
    not_applicable,
    until_refused,
)
from verto_resilience.testing import Reply, Sandbox

_THREADS, _EACH = 8, 5
_NO_CIRCUIT = "it never refuses"


def outage(contender: Contender) -> Finding:
    """Call a server that is down, from eight threads."""
    client = contender.build(Tuning())
    with Sandbox() as verto:
        url = verto.url + FAILING

        def work() -> None:
            for _ in range(_EACH):
                came_of(client, "GET", url)

        at_once(_THREADS, work)
        requests = len(verto.log)
    calls = _THREADS * _EACH
    return judged(f"{requests} requests for {calls} calls", kept=requests <= calls)


def stale(contender: Contender) -> Finding:
    """Let a slow request that was sent before the trouble succeed when the circuit is open."""
    client = contender.build(Tuning(attempts=1))
    with Sandbox() as verto:
        verto.script(WELL, [Reply.ok(delay=1.5)])
        slow = threading.Thread(target=came_of, args=(client, "GET", verto.url + WELL))
        slow.start()
        verto.wait_for(1)
        if not until_refused(client, verto):
            slow.join()
            return not_applicable(_NO_CIRCUIT)
        slow.join()
        before = len(verto.log)
        came_of(client, "GET", verto.url + WELL)
        sent = len(verto.log) > before
    return judged(f"the next call was {'sent' if sent else 'refused'}", kept=not sent)


def half_open(contender: Contender) -> Finding:
    """Open a circuit, wait for its end, and call from eight threads at once."""
    client = contender.build(Tuning(attempts=1, cooldown=0.5))
    with Sandbox() as verto:
        if not until_refused(client, verto):
            return not_applicable(_NO_CIRCUIT)
        time.sleep(0.7)
        before = len(verto.log)
        verto.script(WELL, [Reply.ok(delay=0.5)] * _THREADS)
        at_once(_THREADS, lambda: came_of(client, "GET", verto.url + WELL))
        probes = verto.log[before:]
    first = min((arrival.arrived for arrival in probes), default=0.0)
    together = sum(arrival.arrived < first + 0.4 for arrival in probes)
    return judged(f"{together} at the server together", kept=together == 1)


PROBES = {
    "outage": Probe(
        "An outage is not amplified",
        "The server answers 503; eight threads make five calls each. Yes: no more requests than "
        "calls.",
        outage,
    ),
    "stale": Probe(
        "A result from before opens or closes nothing",
        "A slow request is under way while others fail and the circuit opens; then it succeeds. "
        "Yes: the circuit is still open.",
        stale,
    ),
    "half_open": Probe(
        "Half-open lets one through",
        "The circuit's break is over, and eight threads call at once. Yes: one request at the "
        "server at a time.",
        half_open,
    ),
}
