"""The thread that speaks with the store, one for each process and store; no call waits for it.

It is started by the first call, and ends when nobody uses the store any more. A child of a fork
closes its copies of the sockets without a word and starts a thread of its own with its next call.
What is spoken is the affair of ``Dialogue``.
"""

import importlib
import os
import random
import time
import weakref
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from threading import RLock, Thread

from verto_resilience.pipeline import Circuits
from verto_resilience.state._dialogue import Dialogue
from verto_resilience.state._link import Place
from verto_resilience.state._member import Member, News
from verto_resilience.state._records import Record
from verto_resilience.state._waker import Waker

_MOST_NEWS = 4096
_FIRST_BACKOFF = 0.25
_LONGEST_BACKOFF = 5.0


class Store:
    """One store as this process sees it; shared by its adapters.

    Args:
        place: Where it is.
        poll: Seconds after which it is looked at although it has said nothing.
    """

    def __init__(self, place: Place, *, poll: float) -> None:
        """Speak with nobody yet."""
        self.place = place
        self.poll = poll
        self._members: weakref.WeakSet[Member] = weakref.WeakSet()
        self._begin({})

    def _begin(self, known: Mapping[tuple[str, str], Record]) -> None:
        """Be as new, but for the place, the members, and what the store said last."""
        # One that its holder may take again: a finaliser that makes a call comes in here.
        self._lock = RLock()
        self._runs: bool = False
        self._waker: Waker | None = None
        self._news: deque[News] = deque()
        self._dialogue = Dialogue(
            self.place, self._members, self._news, poll=self.poll, known=known
        )

    def join(self, circuits: Circuits) -> Member:
        """Have a registry share its verdicts."""
        member = Member(circuits, self, now=time.monotonic)
        circuits.newcomers = member
        with self._lock:
            self._members.add(member)
        circuits.tell_of_use(self.start)
        return member

    def put(self, news: News) -> None:
        """Leave news for the thread."""
        if len(self._news) < _MOST_NEWS:
            self._news.append(news)
        self.start()
        waker = self._waker
        if waker is not None:
            waker.wake()

    def known(self, kind: str, key: str) -> Record | None:
        """Give what the store said last, while it can be asked."""
        return self._dialogue.known.get((kind, key))

    def start(self) -> None:
        """Start the thread, if it does not run."""
        if self._runs:
            return
        with self._lock:
            if not self._runs:
                self._launch()
        if not self._runs:
            self._start_with_next_use()

    def start_over(self) -> None:
        """Be the store of a child that was just forked: nothing of the parent's is touched."""
        self._dialogue.abandon()
        self._stop()
        self._start_with_next_use()
        self._begin(self._dialogue.known)

    def _start_with_next_use(self) -> None:
        with suppress(RuntimeError):
            for member in list(self._members):
                if member.circuits is not None:
                    member.circuits.tell_of_use(self.start)

    def _launch(self) -> None:
        self._runs = True
        try:
            self._waker = waker = Waker()
            thread = Thread(
                target=self._run, args=(waker,), name="verto-resilience-store", daemon=True
            )
            thread.start()
        except (RuntimeError, OSError):
            # Too many threads or descriptors, or the interpreter is on its way out.
            self._stop()

    def _stop(self) -> None:
        waker, self._waker, self._runs = self._waker, None, False
        if waker is not None:
            waker.close()

    def _run(self, waker: Waker) -> None:
        try:
            self._serve(waker)
        finally:
            with self._lock:
                # Unless it ended as it should, and another was started since.
                died = self._waker is waker
                if died:
                    self._stop()
            if died:
                self._start_with_next_use()

    def _serve(self, waker: Waker) -> None:
        failures = 0
        while self._is_wanted():
            try:
                self._dialogue.step(waker)
                failures = 0
            except Exception as error:  # noqa: BLE001 - a thread that ends helps nobody
                # At once, the first time: it may have been restarted.
                pause = min(_LONGEST_BACKOFF, _FIRST_BACKOFF * 2.0**failures) if failures else 0.0
                failures = min(failures + 1, 10)
                self._dialogue.recover(error, pause * (0.5 + random.random()), waker)

    def _is_wanted(self) -> bool:
        self._dialogue.part()
        with self._lock:
            if any(member.circuits is not None for member in list(self._members)):
                return True
            self._dialogue.close()
            self._stop()
            return False


_stores: weakref.WeakValueDictionary[tuple[Place, float], Store] = weakref.WeakValueDictionary()
_opening = RLock()


def store_at(place: Place, *, poll: float) -> Store:
    """Give this process's store at a place; there is one.

    Raises:
        ModuleNotFoundError: The extra ``redis`` is not installed.
    """
    # Not "redis" alone: any folder of that name would do for it, such as a server's files.
    importlib.import_module("redis.connection")
    with _opening:
        return _stores.get((place, poll)) or _stores.setdefault(
            (place, poll), Store(place, poll=poll)
        )


def _after_fork_in_child() -> None:
    global _opening  # noqa: PLW0603 - another thread of the parent may have held it
    _opening = RLock()
    for store in list(_stores.values()):
        store.start_over()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
