"""What stands in the store, read as a stranger's word: checked, bounded, or nothing."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from verto_resilience.machines import State, TripReason, Verdict
from verto_resilience.state._scripts import LONGEST_ABOUT, LONGEST_KEY, SLACK

LONGEST = 86_400.0
"""Seconds that a verdict may hold for at the most."""

_MOST_TRIPS = 1000
_SHORT = re.compile(rb"[0-9]{1,15}")
_KEY = re.compile(r"[!-~]+( [A-Z]+ [!-~]+)?", re.ASCII)
_CAUSE = re.compile(r"[a-z0-9_]{1,64}")
_WHO = re.compile(r"[\w.@:/-]{1,128}", re.ASCII)
_STATUS = range(100, 600)
_DOUBTS = range(10)


class Word(StrEnum):
    """What a record says."""

    OPEN = "open"
    CLOSED = "closed"
    PAUSED = "paused"
    LIFTED = "lifted"
    LEASED = "leased"


_WORDS = {
    "c": frozenset({Word.OPEN, Word.CLOSED}),
    "p": frozenset({Word.PAUSED, Word.LIFTED}),
    "l": frozenset({Word.LEASED}),
}


@dataclass(frozen=True, slots=True)
class About:
    """What goes with a verdict, for people and telemetry.

    Attributes:
        by: Who said it: a host and a process, or a person.
        reason: Why a circuit opened.
        failure: What failed last.
        told: Whether the server named the time of a pause.
        status: The answer that began a pause.
        doubts: How many others may try the origin although the circuit is open.
    """

    by: str = ""
    reason: TripReason | None = None
    failure: str | None = None
    told: bool = False
    status: int = 429
    doubts: int = 0

    def as_text(self) -> str:
        """Write it for the store."""
        given = {
            "by": self.by,
            "reason": self.reason,
            "failure": self.failure,
            "told": self.told,
            "status": self.status,
            "doubts": self.doubts,
        }
        return json.dumps(given, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Record:
    """One verdict, as of the instant at which it was read.

    Attributes:
        kind: ``c`` a circuit, ``p`` a pause, ``l`` a lease.
        key: Whose.
        generation: The store's count.
        word: What it says.
        left: Seconds until its end; 0 when that is over.
        age: Seconds since it was said.
        trips: Times in a row.
        about: What goes with it.
        until: ``left``, on the monotonic clock of the reader.
    """

    kind: str
    key: str
    generation: int
    word: Word
    left: float
    age: float
    trips: int = 0
    about: About = field(default_factory=About)
    until: float = 0.0

    def verdict(self) -> Verdict:
        """Give what a breaker understands."""
        if self.word is Word.OPEN:
            return Verdict(
                State.OPEN,
                self.generation,
                self.until,
                self.trips,
                self.about.reason,
                self.about.failure,
                self.about.doubts,
            )
        return Verdict(State.CLOSED, self.generation, trips=self.trips)


def is_key(text: str) -> bool:
    """Say whether a text may be the key of an origin or a circuit: printable, and not too long."""
    return len(text) <= LONGEST_KEY and _KEY.fullmatch(text) is not None


def read_record(name: bytes, value: bytes, *, server_now: int, now: float) -> Record | None:
    """Read a field of the hash; ``None`` when it is not what this library has written.

    Args:
        name: Its name.
        value: Its value.
        server_now: The server's clock when it was read, in milliseconds.
        now: Monotonic seconds at which the answer was here; not before it was read.
    """
    kind, _, key = name.decode("ascii", "replace").partition(":")
    parts = value.split(b" ", 6)
    if kind not in _WORDS or not is_key(key) or len(parts) != _PARTS or len(value) > _LONGEST_VALUE:
        return None
    generation, _, until, since, expires, trips, about = parts
    if not all(_SHORT.fullmatch(part) for part in (generation, until, since, expires, trips)):
        return None
    word = parts[1].decode("ascii", "replace")
    left, age = (int(until) - server_now) / 1000.0, (server_now - int(since)) / 1000.0
    if (
        word not in _WORDS[kind]
        or int(generation) > server_now + SLACK
        or left > LONGEST
        or age < -SLACK / 1000.0
        or int(trips) > _MOST_TRIPS
    ):
        return None
    told = _lease_of(about) if kind == "l" else _about(about)
    if told is None:
        return None
    left = max(0.0, left)
    return Record(
        kind,
        key,
        int(generation),
        Word(word),
        left,
        max(0.0, age),
        int(trips),
        told,
        now + left,
    )


def has_expired(value: bytes, *, server_now: int) -> bool:
    """Say whether a value is one that waits to be swept, and so no stranger's."""
    parts = value.split(b" ", 5)
    return (
        len(parts) > _EXPIRES
        and bool(_SHORT.fullmatch(parts[_EXPIRES]))
        and (int(parts[_EXPIRES]) <= server_now)
    )


_PARTS, _EXPIRES = 7, 4
_LONGEST_VALUE = LONGEST_ABOUT + 128


def _lease_of(text: bytes) -> About | None:
    who = text.decode("ascii", "replace")
    return About(by=who) if _WHO.fullmatch(who) else None


def _about(text: bytes) -> About | None:
    try:
        given: Any = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(given, Mapping):
        return None
    by, reason, failure = given.get("by"), given.get("reason"), given.get("failure")
    told, status = given.get("told"), given.get("status")
    # A release that knows of no doubt has none.
    doubts = given.get("doubts", 0)
    if not isinstance(by, str) or not _WHO.fullmatch(by) or not isinstance(told, bool):
        return None
    if type(status) is not int or status not in _STATUS:
        return None
    if type(doubts) is not int or doubts not in _DOUBTS:
        return None
    if reason is not None and not (isinstance(reason, str) and reason in _REASONS):
        return None
    if failure is not None and not (isinstance(failure, str) and _CAUSE.fullmatch(failure)):
        return None
    known = None if reason is None else TripReason(reason)
    return About(by, known, failure, told, status, doubts)


_REASONS = frozenset(TripReason)
