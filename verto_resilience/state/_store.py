"""The thread that speaks with the store, one for each process and store; no call waits for it.

It is started by the first call, and ends when nobody uses the store any more. A child of a fork
closes its copies of the sockets without a word and starts a thread of its own with its next call.
"""

import importlib
import logging
import math
import os
import random
import re
import socket
import time
import weakref
from collections import deque
from contextlib import suppress
from threading import RLock, Thread

from verto_resilience.pipeline import (
    Circuits,
    Event,
    StoreFault,
    StoreIgnored,
    StoreMoved,
    StoreState,
    class_name,
    traceback_of,
)
from verto_resilience.state._faults import is_out_of_files
from verto_resilience.state._link import Link, LinkError, Place
from verto_resilience.state._member import Member, Moved, News
from verto_resilience.state._records import Record, has_expired, read_record
from verto_resilience.state._scripts import READ, TRY
from verto_resilience.state._tending import Tending

_TIMEOUT = 1.0
_MOST_NEWS = 4096
_FIRST_BACKOFF = 0.25
_LONGEST_BACKOFF = 5.0
_AFTER_THE_CALL = 0.001
_LEAST_BETWEEN_READS = 0.01
_now = time.monotonic
_log = logging.getLogger("verto_resilience")


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
        self._known: dict[tuple[str, str], Record] = {}
        self._begin()

    def _begin(self) -> None:
        # One that its holder may take again: a finaliser that makes a call comes in here.
        self._lock = RLock()
        self._runs: bool = False
        self._ends: tuple[socket.socket, socket.socket] | None = None
        self._news: deque[News] = deque()
        self._link = Link(self.place, timeout=_TIMEOUT)
        self._tending = Tending(_process(), spread=random.random())
        self._since = 0
        self._state: tuple[StoreState, StoreFault | None] | None = None
        self._tries_at = -math.inf
        self._was_connected = False
        self._failed = False
        self._ignored = 0

    def join(self, circuits: Circuits) -> Member:
        """Have a registry share its verdicts."""
        member = Member(circuits, self, now=_now)
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
        self._wake()

    def known(self, kind: str, key: str) -> Record | None:
        """Give what the store said last, while it can be asked."""
        return self._known.get((kind, key))

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
        self._link.abandon()
        self._stop()
        self._start_with_next_use()
        self._begin()

    def _start_with_next_use(self) -> None:
        with suppress(RuntimeError):
            for member in list(self._members):
                if member.circuits is not None:
                    member.circuits.tell_of_use(self.start)

    def _launch(self) -> None:
        self._runs = True
        try:
            self._ends = socket.socketpair()
            for end in self._ends:
                end.setblocking(False)  # noqa: FBT003 - its only argument
            Thread(target=self._run, name="verto-resilience-store", daemon=True).start()
        except (RuntimeError, OSError):
            # Too many threads or descriptors, or the interpreter is on its way out.
            self._stop()

    def _stop(self) -> None:
        ends, self._ends, self._runs = self._ends, None, False
        for end in ends or ():
            end.close()

    def _wake(self) -> None:
        ends = self._ends
        if ends is not None:
            # Full of calls to wake up, or closed in this instant.
            with suppress(OSError):
                ends[1].send(b".")

    def _wait(self, seconds: float) -> bool:
        nudged = self._ends is not None and self._link.wait(seconds, self._ends[0])
        if self._news:
            # Whoever left them gave up the interpreter for an instant, and is to have it back.
            time.sleep(_AFTER_THE_CALL)
        return nudged

    def _run(self) -> None:
        ends = self._ends
        try:
            self._serve()
        finally:
            with self._lock:
                # Unless it ended as it should, and another was started since.
                died = ends is not None and self._ends is ends
                if died:
                    self._stop()
            if died:
                self._start_with_next_use()

    def _serve(self) -> None:
        failures = 0
        while self._is_wanted():
            try:
                self._step()
                failures = 0
            except Exception as error:  # noqa: BLE001 - a thread that ends helps nobody
                # At once, the first time: it may have been restarted.
                pause = min(_LONGEST_BACKOFF, _FIRST_BACKOFF * 2.0**failures) if failures else 0.0
                failures = min(failures + 1, 10)
                self._recover(error, pause * (0.5 + random.random()))

    def _recover(self, error: Exception, pause: float) -> None:
        try:
            self._lose(self._fault(error))
            self._hold_out(pause)
        except Exception:  # noqa: BLE001 - to wait may take a descriptor that is not to be had
            time.sleep(max(pause, _FIRST_BACKOFF))

    def _fault(self, error: Exception) -> StoreFault:
        if isinstance(error, LinkError):
            return error.fault
        if is_out_of_files(error):
            return StoreFault.TOO_MANY_FILES
        # A mistake of this library's, or of the one that speaks with the server.
        if not self._failed:
            self._failed = True
            _log.error(
                "store %s: %s; further failures of this kind are not logged",
                self.place.address,
                class_name(type(error)),
                exc_info=traceback_of(error),
            )
        return StoreFault.REFUSED

    def _is_wanted(self) -> bool:
        self._tending.part()
        with self._lock:
            if any(member.circuits is not None for member in list(self._members)):
                return True
            self._link.close()
            self._stop()
            return False

    def _step(self) -> None:
        """Connect where needed; read, say, and wait for more."""
        link = self._link
        if not link.is_open:
            link.open()
            self._since = 0
        read_at = _now()
        self._read()
        self._take_news()
        due = self._say()
        wait = min(due, read_at + self.poll * (0.9 + random.random() / 5.0)) - _now()
        if self._wait(wait):
            left = read_at + _LEAST_BETWEEN_READS - _now()
            if left > 0.0:
                time.sleep(left)

    def _read(self) -> None:
        server_now, newest, *rest = self._link.run(READ, str(self._since))
        if not rest:
            return
        now = _now()
        fields, ignored = rest
        known: dict[tuple[str, str], Record] = {}
        for name, value in zip(fields[::2], fields[1::2], strict=False):
            if has_expired(value, server_now=server_now):
                continue
            record = read_record(name, value, server_now=server_now, now=now)
            if record is None:
                ignored += 1
            else:
                known[record.kind, record.key] = record
        self._known = known
        self._since = newest
        self._tending.hear(known, list(self._members), now)
        if ignored and ignored != self._ignored:
            self._tell(StoreIgnored(self.place.address.shown, ignored))
        self._ignored = ignored

    def _take_news(self) -> None:
        while self._news:
            news = self._news.popleft()
            if not isinstance(news, Moved):
                self._tending.pause(news)
                continue
            self._tending.look_at(news)
            if news.event is not None:
                news.member.observer.on_event(news.event)

    def _say(self) -> float:
        """Say what is to be said, and find out whether the store can be written."""
        now = _now()
        if self._state != _CONNECTED and now < self._tries_at:
            return self._tries_at
        try:
            if self._state != _CONNECTED:
                self._link.run(TRY, self._link.key)
            due = self._tending.tick(self._link, now)
        except LinkError as error:
            if not self._link.is_usable_after(error.fault):
                raise
            # It goes on listening; whether it may speak again is tried with each poll.
            self._tending.go_alone()
            self._become(StoreState.REFUSED, error.fault)
            self._tries_at = now + self.poll
            return self._tries_at
        self._become(StoreState.CONNECTED, None)
        return due

    def _lose(self, fault: StoreFault) -> None:
        self._link.close()
        self._tending.go_alone()
        self._known = {}
        self._tries_at = -math.inf
        self._become(StoreState.LOST if fault.passes else StoreState.REFUSED, fault)

    def _hold_out(self, seconds: float) -> None:
        """Wait before connecting anew; news are taken in meanwhile."""
        end = _now() + seconds
        while True:
            self._take_news()
            self._tending.go_alone()
            left = end - _now()
            if left <= 0.0:
                return
            self._wait(left)

    def _become(self, state: StoreState, fault: StoreFault | None) -> None:
        if self._state == (state, fault):
            return
        self._state = (state, fault)
        is_connected = state is StoreState.CONNECTED
        is_back = is_connected and self._was_connected
        self._was_connected = self._was_connected or is_connected
        self._tell(StoreMoved(self.place.address.shown, state, fault, is_back))

    def _tell(self, event: Event) -> None:
        """Tell one of those who listen: the store is one, however many adapters there are."""
        for member in list(self._members):
            if member.circuits is not None:
                member.observer.on_event(event)
                return


_CONNECTED = (StoreState.CONNECTED, None)
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


def _process() -> str:
    host = re.sub(r"[^A-Za-z0-9._-]", "-", socket.gethostname())[:64] or "host"
    return f"{host}:{os.getpid()}:{random.getrandbits(32):08x}"


def _after_fork_in_child() -> None:
    global _opening  # noqa: PLW0603 - another thread of the parent may have held it
    _opening = RLock()
    for store in list(_stores.values()):
        store.start_over()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
