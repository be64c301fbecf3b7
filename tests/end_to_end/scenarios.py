"""Twenty threads that go on calling, as an application does, and what came of their calls."""

import threading
import time
from dataclasses import dataclass

import requests

THREADS = 20
STAGGER = 0.05
PAUSE_BETWEEN = 0.02


@dataclass(frozen=True, slots=True)
class Done:
    """One call: who made it, when (monotonic), and the status or the name of the exception."""

    thread: int
    began: float
    ended: float
    what: int | str


class Application:
    """Threads started 50 ms apart, each calling one URL again and again with 20 ms between.

    Args:
        session: What all of them call with.
        url: What they call; each says who it is in ``X-Thread``.
    """

    def __init__(self, session: requests.Session, url: str) -> None:
        """Prepare; nothing is called yet."""
        self._session = session
        self._url = url
        self._stop = threading.Event()
        self._done: list[Done] = []
        self._threads = [
            threading.Thread(target=self._loop, args=(number,), daemon=True)
            for number in range(THREADS)
        ]

    def run(self, seconds: float) -> list[Done]:
        """Go on for this long; give every call that ended, in the order of their ends."""
        end = time.monotonic() + seconds
        for thread in self._threads:
            thread.start()
            time.sleep(STAGGER)
        time.sleep(max(0.0, end - time.monotonic()))
        self._stop.set()
        for thread in self._threads:
            thread.join(10.0)
        return self._done

    def _loop(self, number: int) -> None:
        while not self._stop.is_set():
            began = time.monotonic()
            what: int | str
            try:
                response = self._session.get(self._url, headers={"X-Thread": str(number)})
                what = response.status_code
            except requests.exceptions.RequestException as error:
                what = type(error).__name__
            self._done.append(Done(number, began, time.monotonic(), what))
            self._stop.wait(PAUSE_BETWEEN)


def most_within(instants: list[float], width: float) -> int:
    """Give the largest number of instants that lie within any interval of this width."""
    ordered = sorted(instants)
    return max(
        (
            sum(1 for other in ordered[first:] if other - start < width)
            for first, start in enumerate(ordered)
        ),
        default=0,
    )
