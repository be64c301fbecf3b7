"""One registry of this process, and what it tells and hears."""

import weakref
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Protocol

from verto_resilience.machines import CircuitBreaker, Trigger
from verto_resilience.pipeline import (
    SILENT_OBSERVER,
    CircuitMoved,
    Circuits,
    Event,
    Observer,
    Origin,
    PauseBegan,
)
from verto_resilience.state._records import Record

_numbers = count(1)
_ELSEWHERE = frozenset({Trigger.OPENED_ELSEWHERE, Trigger.CLOSED_ELSEWHERE})


@dataclass(frozen=True, slots=True)
class Moved:
    """A circuit is to be looked at.

    Attributes:
        member: Whose.
        origin: Its origin's key.
        key: Its own.
        event: What others are still to be told of it, in the thread of the store.
    """

    member: "Member"
    origin: str
    key: str
    event: CircuitMoved | None = None


@dataclass(frozen=True, slots=True)
class Paused:
    """An origin was paused.

    Attributes:
        member: Whose.
        origin: Its key.
        until: Monotonic seconds.
        told: Whether the server named the time.
        status: The answer that said so.
    """

    member: "Member"
    origin: str
    until: float
    told: bool
    status: int


News = Moved | Paused


class Desk(Protocol):
    """Where news are left."""

    def put(self, news: News) -> None:
        """Take news; quick, and without waiting for anybody."""
        ...

    def known(self, kind: str, key: str) -> Record | None:
        """Give what the store said last."""
        ...


class Member:
    """Listens to what the circuits of a registry find out, and greets new ones.

    Args:
        circuits: The registry; held weakly.
        desk: Where its news go.
        now: Reads the clock that the registry is used with.

    Attributes:
        observer: Is told what was heard from others.
        number: Tells it from the other registries of its process.
    """

    wants_routine = False

    def __init__(self, circuits: Circuits, desk: Desk, *, now: Callable[[], float]) -> None:
        """Listen to nobody yet."""
        self.observer: Observer = SILENT_OBSERVER
        self.number = next(_numbers)
        self._registry = weakref.ref(circuits)
        self._desk = desk
        self._now = now

    @property
    def circuits(self) -> Circuits | None:
        """The registry, while somebody uses it and it is shared by this one."""
        circuits = self._registry()
        return circuits if circuits is not None and circuits.newcomers is self else None

    def on_event(self, event: Event) -> None:
        """Leave word of a verdict; of nothing else, and of none that came from others."""
        if isinstance(event, CircuitMoved):
            if event.transition.trigger not in _ELSEWHERE:
                self._desk.put(Moved(self, event.origin, event.key))
        elif isinstance(event, PauseBegan) and not event.elsewhere:
            until = self._now() + event.pausing.seconds
            told = event.pausing.told
            self._desk.put(Paused(self, event.origin, until, told, event.status))

    def greet(self, origin: Origin, key: str, breaker: CircuitBreaker) -> None:
        """Have a new circuit, and its origin's pause, begin with what the fleet knows."""
        now = self._now()
        verdict, pause = self._desk.known("c", key), self._desk.known("p", origin.key)
        if verdict is not None:
            moved = breaker.adopt(verdict.verdict(), now)
            lease = self._desk.known("l", key)
            if lease is not None:
                breaker.hold_opinions(lease.until)
            if moved is not None:
                event = CircuitMoved(origin.key, key, moved)
                self._desk.put(Moved(self, origin.key, key, event))
        if pause is not None and pause.until > now:
            origin.pause.adopt(pause.until, now, told=pause.about.told)
