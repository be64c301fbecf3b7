"""What a person sees of a fleet, and may do to it: one connection for one question."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from verto_resilience.machines import TripReason
from verto_resilience.pipeline import StoreFault
from verto_resilience.state._diagnosis import diagnosed
from verto_resilience.state._link import Link, LinkError, Place
from verto_resilience.state._records import About, Record, Word, has_expired, read_record
from verto_resilience.state._scripts import PAUSE, READ, SAY, TRY

_TIMEOUT = 3.0
_LINGER = 60_000


@dataclass(frozen=True, slots=True)
class Standing:
    """What the store holds.

    Attributes:
        records: What is in force, or was until lately.
        ignored: Values that nothing of this library has written.
    """

    records: tuple[Record, ...]
    ignored: int


def try_store(place: Place) -> None:
    """See whether a store can be used.

    Raises:
        LinkError: It cannot.
    """
    with _connected(place) as link:
        link.run(TRY, link.key)
        link.run(READ, "0")


def look(place: Place) -> Standing:
    """Read what the store holds.

    Raises:
        LinkError: It cannot be had.
    """
    with _connected(place) as link:
        server_now, _, fields, ignored = link.run(READ, "0")
    records = []
    for name, value in zip(fields[::2], fields[1::2], strict=False):
        if has_expired(value, server_now=server_now):
            continue
        record = read_record(name, value, server_now=server_now, now=0.0)
        if record is None:
            ignored += 1
        else:
            records.append(record)
    return Standing(tuple(sorted(records, key=lambda r: (r.key, r.kind))), ignored)


def force_open(place: Place, key: str, seconds: float, *, by: str) -> None:
    """Open a circuit in every process, whatever they have found out.

    Raises:
        LinkError: The store did not take it.
    """
    about = About(by, TripReason.MANUAL)
    with _connected(place) as link:
        _say(link, key, Word.OPEN, round(seconds * 1000), about)


def reset(place: Place, key: str, *, by: str) -> None:
    """Close a circuit in every process, and end the pause of an origin that has this key.

    Raises:
        LinkError: The store did not take it.
    """
    about = About(by)
    with _connected(place) as link:
        _say(link, key, Word.CLOSED, 0, about)
        if " " not in key:
            text = about.as_text()
            link.run(PAUSE, link.key, key, Word.LIFTED.value, 0, _LINGER, text)


def _say(link: Link, key: str, word: Word, length: int, about: About) -> None:
    text = about.as_text()
    answer = link.run(SAY, link.key, key, -1, word.value, length, _LINGER, 0, text, about.by)
    if answer[0] < 0:
        raise LinkError(StoreFault.FULL)


@contextmanager
def _connected(place: Place) -> Iterator[Link]:
    link = Link(place, timeout=_TIMEOUT)
    try:
        try:
            link.open()
        except LinkError as error:
            found = diagnosed(place.address, error.fault, timeout=_TIMEOUT)
            raise LinkError(found) from None
        yield link
    finally:
        link.close()
