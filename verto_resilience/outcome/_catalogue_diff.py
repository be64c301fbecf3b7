"""What a copy of the status page says otherwise than a table."""

from dataclasses import dataclass
from enum import StrEnum

from verto_resilience.outcome._catalogue import Catalogue
from verto_resilience.outcome._status_page import PAGE, StatusPage


class Change(StrEnum):
    """What became of a row."""

    NEW = "new"
    GONE = "gone"
    CHANGED = "changed"


class RowKind(StrEnum):
    """Which table a row belongs to."""

    STATUS = "status"
    CODE = "code"


@dataclass(frozen=True, slots=True)
class Difference:
    """One row that is not the same.

    Attributes:
        change: What became of it.
        kind: Whether it is a status or an API error code.
        number: The status or the code.
        old: What the table says, each part by its name; empty when the row is new.
        new: What the page says; empty when the row is gone.
    """

    change: Change
    kind: RowKind
    number: int
    old: dict[str, str]
    new: dict[str, str]


def diff(old: Catalogue, new: StatusPage) -> tuple[Difference, ...]:
    """Say what a page has anew, no longer, or otherwise than a table.

    A row that came from somewhere else than the page is never called gone, and one without the
    page's description is compared without it.

    Returns:
        Statuses before codes, each by number; empty when the page says the same.
    """
    told: dict[_Key, dict[str, str]] = {}
    ours: set[_Key] = set()
    for entry in old.statuses():
        key = (RowKind.STATUS, entry.status)
        told[key] = _parts(message=entry.message, description=entry.description)
        if PAGE not in entry.source:
            ours.add(key)
    for code in old.codes():
        key = (RowKind.CODE, code.code)
        told[key] = _parts(status=str(code.status), description=code.description)
        if PAGE not in code.source:
            ours.add(key)
    tells = {
        (RowKind.STATUS, row.status): _parts(message=row.message, description=row.description)
        for row in new.statuses
    } | {
        (RowKind.CODE, row.code): _parts(status=str(row.status), description=row.description)
        for row in new.codes
    }
    found = []
    for key in sorted(told.keys() | tells.keys(), key=_place):
        before, after = told.get(key, {}), tells.get(key, {})
        if not before:
            found.append(Difference(Change.NEW, *key, before, after))
        elif not after:
            if key not in ours:
                found.append(Difference(Change.GONE, *key, before, after))
        elif any(after[part] != text for part, text in before.items()):
            found.append(Difference(Change.CHANGED, *key, before, after))
    return tuple(found)


_Key = tuple[RowKind, int]


def _parts(**parts: str) -> dict[str, str]:
    return {name: text for name, text in parts.items() if text}


def _place(key: _Key) -> tuple[bool, int]:
    return key[0] is RowKind.CODE, key[1]
