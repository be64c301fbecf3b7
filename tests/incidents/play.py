"""Plays an incident with a client: twenty threads that want to call at a steady rate."""

import json
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import requests

from tests.incidents.clients import THREADS, Client
from tests.incidents.script import PATHS, WORKERS, Incident
from verto_resilience import Event, State
from verto_resilience.pipeline import CircuitMoved

ROOT = Path(__file__).resolve().parents[2]
PERIOD = 0.4
"""Each thread wants to call this often; one that is still busy then leaves the call out."""
OFFERED = THREADS / PERIOD
TIMEOUT = 0.2
"""What the application gives every call, whatever the client."""

_STARTING = 0.3


@dataclass(frozen=True, slots=True)
class Called:
    """One call, in seconds from the beginning of the run; ``what`` is a status or an exception."""

    began: float
    ended: float
    what: int | str

    @property
    def is_good(self) -> bool:
        """Whether it brought what was asked for."""
        return self.what == 200


@dataclass(frozen=True, slots=True)
class Moved:
    """A circuit's change of state, and the length of the break that began with it."""

    at: float
    key: str
    after: State
    break_duration: float | None


@dataclass(frozen=True, slots=True)
class Played:
    """One run.

    Attributes:
        start: Second at which the trigger began.
        end: Second at which it was gone.
        seconds: Length of the run.
        calls: What the application began.
        arrivals: Seconds at which requests reached the origin.
        moves: What circuits did.
        stall: The most seconds by which a thread woke up late: the machine was busy with others.
    """

    start: float
    end: float
    seconds: float
    calls: tuple[Called, ...]
    arrivals: tuple[float, ...]
    moves: tuple[Moved, ...]
    stall: float


class _Watch:
    """Notes when circuits move."""

    def __init__(self) -> None:
        self.seen: list[tuple[float, CircuitMoved]] = []

    def on_event(self, event: Event) -> None:
        if isinstance(event, CircuitMoved):
            self.seen.append((time.monotonic(), event))


def play(
    incident: Incident,
    client: Client,
    *,
    before: float,
    after: float,
    workers: int = WORKERS,
    timeout: float = TIMEOUT,
) -> Played:
    """Play it once against a new origin.

    Args:
        incident: What goes wrong.
        client: Who meets it.
        before: Seconds of health first.
        after: Seconds watched once the trigger is gone.
        workers: How many requests the origin works on at once.
        timeout: Seconds the application gives each call, to connect and to read.
    """
    seconds = before + incident.length + after
    watch = _Watch()
    command = [sys.executable, "-m", "tests.incidents.server"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as serving:
        assert serving.stdin is not None
        assert serving.stdout is not None
        told = {"stages": incident.as_data(before), "workers": workers, "seed": incident.name}
        print(json.dumps(told), file=serving.stdin, flush=True)
        url = f"http://127.0.0.1:{int(serving.stdout.readline())}"
        begin = time.monotonic() + _STARTING
        print(begin, file=serving.stdin, flush=True)
        with client(watch) as session:
            calls, stall = _run(session, url, begin=begin, seconds=seconds, timeout=timeout)
        log, _ = serving.communicate()
    moves = (
        Moved(at - begin, event.key, event.transition.after, event.transition.break_duration)
        for at, event in watch.seen
    )
    return Played(
        start=before,
        end=before + incident.length,
        seconds=seconds,
        calls=tuple(sorted(calls, key=lambda call: call.ended)),
        arrivals=tuple(sorted(json.loads(log))),
        moves=tuple(moves),
        stall=stall,
    )


def _run(
    session: requests.Session, url: str, *, begin: float, seconds: float, timeout: float
) -> tuple[list[Called], float]:
    calls: list[Called] = []
    late = [0.0]

    def loop(number: int) -> None:
        tick = 0
        phase = PERIOD * number / THREADS
        while (due := phase + tick * PERIOD) < seconds:
            time.sleep(max(0.0, begin + due - time.monotonic()))
            began = time.monotonic() - begin
            late.append(began - due)
            what: int | str
            try:
                path = PATHS[(number + tick) % len(PATHS)]
                what = session.get(url + path, timeout=timeout).status_code
            except requests.exceptions.RequestException as error:
                what = type(error).__name__
            ended = time.monotonic() - begin
            calls.append(Called(began, ended, what))
            tick = max(tick + 1, int((ended - phase) / PERIOD) + 1)

    threads = [threading.Thread(target=loop, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return calls, max(late)
