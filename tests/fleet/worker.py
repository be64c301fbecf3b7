"""One process of a fleet: threads that call an origin at a steady pace, and note what they see.

Settings come from the environment. It says that it is ready, waits for a line on its standard
input, calls until the time is up or its input ends, and prints what it saw as JSON. Instants are
monotonic seconds, which all processes of a machine share.
"""

import json
import random
import sys
import threading
import time
from typing import Any

import requests

import verto_resilience
from verto_resilience import Event
from verto_resilience.pipeline import CircuitMoved, PauseBegan, StoreMoved


class Notes:
    """Keeps what happened to circuits, pauses and the store."""

    wants_routine = False

    def __init__(self) -> None:
        """Start with nothing."""
        self.moves: list[tuple[float, str, str, str]] = []
        self.pauses: list[tuple[float, float, bool]] = []
        self.store: list[tuple[float, str, str]] = []

    def on_event(self, event: Event) -> None:
        """Note it."""
        now = time.monotonic()
        if isinstance(event, CircuitMoved):
            moved = event.transition
            self.moves.append((now, moved.before.value, moved.after.value, moved.trigger.value))
        elif isinstance(event, PauseBegan):
            self.pauses.append((now, event.pausing.seconds, event.elsewhere))
        elif isinstance(event, StoreMoved):
            fault = "" if event.fault is None else event.fault.value
            self.store.append((now, event.after.value, fault))


def main(url: str, threads: int, seconds: float, pace: float) -> None:
    """Make calls.

    Args:
        url: What to get.
        threads: How many at once.
        seconds: For how long.
        pace: Calls of each thread per second.
    """
    notes, over = Notes(), threading.Event()
    calls: list[tuple[float, float, str]] = []

    def call(session: requests.Session) -> None:
        while not over.is_set():
            began = time.monotonic()
            try:
                end = str(session.get(url, timeout=5).status_code)
            except requests.RequestException as error:
                end = type(error).__name__
            calls.append((began, time.monotonic() - began, end))
            over.wait(random.expovariate(pace))

    session = requests.Session()
    session.trust_env = False
    verto_resilience.mount(session, "http://", "https://", observer=notes)
    workers = [threading.Thread(target=call, args=(session,), daemon=True) for _ in range(threads)]
    print("ready", flush=True)
    if not sys.stdin.readline():
        return
    for worker in workers:
        worker.start()
    threading.Thread(target=_until_input_ends, args=(over,), daemon=True).start()
    over.wait(seconds)
    over.set()
    for worker in workers:
        worker.join(10)
    told: dict[str, Any] = {
        "moves": notes.moves,
        "pauses": notes.pauses,
        "store": notes.store,
        "calls": calls,
    }
    print(json.dumps(told), flush=True)


def _until_input_ends(over: threading.Event) -> None:
    sys.stdin.read()
    over.set()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4]))
