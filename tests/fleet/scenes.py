"""Incidents that eight processes with four threads each live through, and what came of them.

Instants are monotonic seconds, which all processes of a machine share. What is counted is what
reached the origin; when circuits moved is what the processes noted.
"""

import os
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.fleet.processes import Fleet, Seen
from tests.fleet.server import RedisServer
from verto_resilience.testing import Arrival, Reply, Sandbox

PROCESSES, THREADS = 8, 4
BREAK = 2.0
FAILURES = 5
RETRY_AFTER = 3

_WARM_UP = 3.0
_OUTAGE = 9.0
_AFTERWARDS = 4.0
_SOON = 20.0


@dataclass(frozen=True)
class Outage:
    """An origin that answers 503 for nine seconds.

    Attributes:
        reached: Requests that reached it before every circuit was open.
        open_after: Seconds until every circuit was open.
        probes: Instants, from its begin, of requests that reached it from then on.
        back_after: Seconds from its end until each process had closed its circuit.
        seen: What the processes noted.
    """

    reached: int
    open_after: float
    probes: Sequence[float]
    back_after: Sequence[float]
    seen: Sequence[Seen]


def outage(store: str | None, *, restart: RedisServer | None = None) -> Outage:
    """Play an outage.

    Args:
        store: The address of the fleet's store; ``None`` for none.
        restart: A server that is killed once every circuit is open, and started a second later.
    """
    with Sandbox(keeps=100_000) as verto, _fleet(verto, store) as fleet:
        _begin(fleet, verto)
        began = time.monotonic()
        verto.outage(_OUTAGE, from_now=True)
        if restart is not None:
            time.sleep(_OUTAGE / 3.0)
            restart.kill()
            time.sleep(1.0)
            restart.start()
        time.sleep(began + _OUTAGE - time.monotonic())
        over = began + _OUTAGE
        time.sleep(_AFTERWARDS)
        seen = fleet.stop()
        arrivals = verto.log
    opened = max(one.first("open", since=began) for one in seen)
    return Outage(
        sum(began <= one.arrived <= opened for one in arrivals),
        opened - began,
        [one.arrived - began for one in arrivals if opened < one.arrived < over],
        [one.first("closed", since=over) - over for one in seen],
        seen,
    )


@dataclass(frozen=True)
class Throttling:
    """An origin that says 429 to everybody for four seconds, with ``Retry-After``.

    Attributes:
        early: Requests that reached it after the first 429 and before its time was up.
        late: Of these, those after every process had heard of it; infinity of seconds if never.
        known_after: Seconds from the first 429 until every process was paused.
        first: The first 429.
    """

    early: int
    late: int
    known_after: float
    first: Arrival


def throttling(store: str | None) -> Throttling:
    """Play it."""
    with Sandbox(keeps=100_000) as verto, _fleet(verto, store) as fleet:
        _begin(fleet, verto)
        verto.throttle(RETRY_AFTER)
        time.sleep(RETRY_AFTER + _AFTERWARDS)
        seen = fleet.stop()
        arrivals = verto.log
    first = next(one for one in arrivals if one.status == 429)
    said = first.answered or first.arrived
    known = max(min((at for at, _, _ in one.pauses), default=1e99) for one in seen)
    end = said + float(first.retry_after or 0)
    early = [one.arrived for one in arrivals if said < one.arrived < end]
    return Throttling(len(early), sum(at > known for at in early), known - said, first)


@dataclass(frozen=True)
class Killing:
    """A process that is killed while its probe is out.

    Attributes:
        next_probe_after: Seconds from the kill until another process probed.
        probes: How many requests reached the origin in that time.
        back: How many of the others closed their circuit in the end.
    """

    next_probe_after: float
    probes: int
    back: int


def killing(server: RedisServer) -> Killing:
    """Play an outage in which each answer takes two seconds, and kill the first to probe."""
    with Sandbox(keeps=100_000) as verto, _fleet(verto, server.url) as fleet:
        _begin(fleet, verto)
        verto.outage(60, Reply(503, delay=2.0), from_now=True)
        owner = _owner(server)
        before = verto.arrived
        killed_at = time.monotonic()
        os.kill(owner, signal.SIGKILL)
        verto.wait_for(before + 1, _SOON)
        came_after = time.monotonic() - killed_at
        probes = verto.arrived - before
        verto.healthy()
        time.sleep(3.0 * BREAK)
        seen = fleet.stop(without=owner)
    back = sum(bool(one.moves) and one.moves[-1][2] == "closed" for one in seen)
    return Killing(came_after, probes, back)


def _fleet(verto: Sandbox, store: str | None) -> Fleet:
    return Fleet(f"{verto.url}/status/200", store=store, processes=PROCESSES, threads=THREADS)


def _begin(fleet: Fleet, verto: Sandbox) -> None:
    fleet.go()
    time.sleep(_WARM_UP)
    verto.clear()


def _owner(server: RedisServer) -> int:
    """Wait for a lease, and give the process that holds it."""
    end = time.monotonic() + _SOON
    with server.client() as client:
        while time.monotonic() < end:
            fields = client.hgetall("verto:resilience:v1:default:verdicts")
            for name, value in fields.items():
                if name.startswith(b"l:"):
                    return int(value.split(b":")[1])
            time.sleep(0.01)
    raise TimeoutError("nobody probes")


def started(folder: Path, kind: str = "redis-server") -> RedisServer:
    """Give a server that is to be started."""
    return RedisServer(folder, kind=kind)
