"""What one process says to a store and hears from it, round by round.

A round connects where needed, hears what is new, says what is to be said, and waits for more. Used
by the thread of the store alone, but for what it leaves in ``known``.
"""

import logging
import math
import os
import random
import re
import socket
import time
from collections import deque
from collections.abc import Collection, Mapping

from verto_resilience.pipeline import (
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
from verto_resilience.state._waker import Waker

_TIMEOUT = 1.0
_LEAST_PAUSE = 0.25
_AFTER_THE_CALL = 0.001
_LEAST_BETWEEN_READS = 0.01
_CONNECTED = (StoreState.CONNECTED, None)
_now = time.monotonic
_log = logging.getLogger("verto_resilience")


class Dialogue:
    """One process and one store.

    Args:
        place: Where the store is.
        members: Whose circuits are spoken of; others join and leave meanwhile.
        news: What they have found out, to be taken from its beginning.
        poll: Seconds after which the store is looked at although it has said nothing.
        known: What it said last, to begin with.

    Attributes:
        known: By kind and key, what the store said last, while it can be asked. Replaced and never
            changed, so any thread may read it.
    """

    def __init__(
        self,
        place: Place,
        members: Collection[Member],
        news: deque[News],
        *,
        poll: float,
        known: Mapping[tuple[str, str], Record],
    ) -> None:
        """Speak with nobody yet."""
        self.known = known
        self._place = place
        self._members = members
        self._news = news
        self._poll = poll
        self._link = Link(place, timeout=_TIMEOUT)
        self._tending = Tending(_process(), spread=random.random())
        # The newest generation that was read; the store tells what came after it.
        self._since = 0
        self._state: tuple[StoreState, StoreFault | None] | None = None
        # When to find out anew whether a store that refuses to be written can be written.
        self._tries_at = -math.inf
        self._was_connected = False
        self._has_logged = False
        # How many records could not be read last time, so that it is told when that changes.
        self._ignored = 0

    def step(self, waker: Waker) -> None:
        """Make one round: connect where needed; read, say, and wait for more.

        Raises:
            LinkError: The store cannot be had; :meth:`recover` comes next, as after any exception.
        """
        link = self._link
        if not link.is_open:
            link.open()
            self._since = 0
        read_at = _now()
        self._read()
        self._take_news()
        due = self._say()
        wait = min(due, read_at + self._poll * (0.9 + random.random() / 5.0)) - _now()
        if self._wait(wait, waker):
            left = read_at + _LEAST_BETWEEN_READS - _now()
            if left > 0.0:
                time.sleep(left)

    def recover(self, error: Exception, pause: float, waker: Waker) -> None:
        """Go on without the store for so many seconds after a round that has failed."""
        try:
            self._lose(self._fault(error))
            self._hold_out(pause, waker)
        except Exception:  # noqa: BLE001 - to wait may take a descriptor that is not to be had
            time.sleep(max(pause, _LEAST_PAUSE))

    def part(self) -> None:
        """Leave to themselves the circuits of members that share nothing any more."""
        self._tending.part()

    def close(self) -> None:
        """Take leave of the store; another round connects anew."""
        self._link.close()

    def abandon(self) -> None:
        """Be silent for ever, in a child that was just forked: the connection is the parent's."""
        self._link.abandon()

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
        self.known = known
        self._since = newest
        self._tending.hear(known, list(self._members), now)
        if ignored and ignored != self._ignored:
            self._tell(StoreIgnored(self._place.address.shown, ignored))
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
        """Say what is to be said, and find out whether the store can be written.

        Returns:
            When there is more to say (monotonic seconds); infinity: when there is news.
        """
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
            self._tries_at = now + self._poll
            return self._tries_at
        self._become(StoreState.CONNECTED, None)
        return due

    def _wait(self, seconds: float, waker: Waker) -> bool:
        """Wait until there is something new here or there; says whether the store has nudged."""
        nudged = self._link.wait(seconds, waker.watched)
        if self._news:
            # Whoever left them gave up the interpreter for an instant, and is to have it back.
            time.sleep(_AFTER_THE_CALL)
        return nudged

    def _fault(self, error: Exception) -> StoreFault:
        if isinstance(error, LinkError):
            return error.fault
        if is_out_of_files(error):
            return StoreFault.TOO_MANY_FILES
        # A mistake of this library's, or of the one that speaks with the server.
        if not self._has_logged:
            self._has_logged = True
            _log.error(
                "store %s: %s; further failures of this kind are not logged",
                self._place.address,
                class_name(type(error)),
                exc_info=traceback_of(error),
            )
        return StoreFault.REFUSED

    def _lose(self, fault: StoreFault) -> None:
        self._link.close()
        self._tending.go_alone()
        self.known = {}
        self._tries_at = -math.inf
        self._become(StoreState.LOST if fault.passes else StoreState.REFUSED, fault)

    def _hold_out(self, seconds: float, waker: Waker) -> None:
        """Wait before connecting anew; news are taken in meanwhile."""
        end = _now() + seconds
        while True:
            self._take_news()
            self._tending.go_alone()
            left = end - _now()
            if left <= 0.0:
                return
            self._wait(left, waker)

    def _become(self, state: StoreState, fault: StoreFault | None) -> None:
        if self._state == (state, fault):
            return
        self._state = (state, fault)
        is_connected = state is StoreState.CONNECTED
        is_back = is_connected and self._was_connected
        self._was_connected = self._was_connected or is_connected
        self._tell(StoreMoved(self._place.address.shown, state, fault, is_back))

    def _tell(self, event: Event) -> None:
        """Tell one of those who listen: the store is one, however many adapters there are."""
        for member in list(self._members):
            if member.circuits is not None:
                member.observer.on_event(event)
                return


def _process() -> str:
    host = re.sub(r"[^A-Za-z0-9._-]", "-", socket.gethostname())[:64] or "host"
    return f"{host}:{os.getpid()}:{random.getrandbits(32):08x}"
