"""The catalogue as a TOML file: the form of ``catalogue.toml``, read over a table and written.

A file says what it wants to be otherwise::

    [[status]]
    status = 503
    wait = "backoff"

    [[code]]
    code = 4711
    status = 409
    description = "Duplicate paymentId"
"""

import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import fields
from enum import StrEnum
from typing import Any

from verto_resilience.outcome._api_error import HIGHEST_CODE
from verto_resilience.outcome._catalogue import Catalogue, CodeEntry, StatusEntry
from verto_resilience.outcome._outcome import Category, Health, Resend, WaitRule
from verto_resilience.outcome._refusal import refused
from verto_resilience.outcome._status_page import PageStatus


def read_catalogue(text: str, *, over: Catalogue, name: str = "catalogue") -> Catalogue:
    """Give a table in which the rows of a file are added to another's, or take their place.

    A ``[[status]]`` takes from the row that it replaces what it does not say, and where there is
    none from the rule of its class; then it needs a ``message`` and a ``description`` or
    ``meaning``. With a description other than the replaced row's and no meaning, the description
    is the meaning. A ``[[code]]`` needs ``code``, ``status`` and ``description``. Without a
    ``source`` a row is the caller's.

    Args:
        text: The content of the file.
        over: The table to start from; it stays as it is.
        name: What an error calls the file.

    Raises:
        ConfigurationError: One error with every bad row, and its line unless the file writes its
            rows as inline tables.
    """
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        problem = f"this is no TOML: {error}"
        raise refused(name, [problem]) from None
    problems = [
        f"{key!r} is no table of a catalogue; there are [[status]] and [[code]]"
        for key in document
        if key not in _FIELDS
    ]
    statuses: dict[int, StatusEntry] = {}
    codes: dict[int, CodeEntry] = {}
    for kind, rows in ((kind, document.get(kind, [])) for kind in _FIELDS):
        if not isinstance(rows, list):
            problems.append(f"{kind} is no list of rows; write [[{kind}]], with double brackets")
            continue
        lines = _lines(text, kind, len(rows))
        for place, row in enumerate(rows):
            where = _where(kind, place, row, lines)
            own = _problems(kind, row, over)
            if own:
                problems += [f"{where}: {problem}" for problem in own]
            elif row[kind] in (statuses if kind == "status" else codes):
                problems.append(f"{where}: it comes twice")
            elif kind == "status":
                statuses[row["status"]] = _status_entry(row, over)
            else:
                codes[row["code"]] = CodeEntry(**{"source": "caller"} | row)
    if problems:
        raise refused(name, problems)
    return over.extend(statuses=statuses.values(), codes=codes.values())


def write_catalogue(
    statuses: Iterable[StatusEntry | PageStatus], codes: Iterable[CodeEntry] = ()
) -> str:
    """Write rows as :func:`read_catalogue` reads them; empty fields are left out.

    Rows of a status page are written with what the page says alone, so that what this library
    makes of a status goes on coming from the table below.
    """
    blocks = [
        "\n".join([f"[[{kind}]]", *_written(row)])
        for kind, rows in (("status", statuses), ("code", codes))
        for row in rows
    ]
    return "\n\n".join(blocks) + "\n" if blocks else ""


_CATEGORIES = tuple(c for c in Category if c not in (Category.API_FAILURE, Category.TRANSPORT))
_CHOICES: Mapping[str, tuple[StrEnum, ...]] = {
    "category": _CATEGORIES,
    "health": tuple(Health),
    "resend": tuple(Resend),
    "wait": tuple(WaitRule),
}
_FIELDS = {
    "status": frozenset(field.name for field in fields(StatusEntry)),
    "code": frozenset(field.name for field in fields(CodeEntry)),
}
_RANGES = {"status": (100, 999), "code": (0, HIGHEST_CODE)}


def _lines(text: str, kind: str, count: int) -> list[int] | None:
    """Give the line of each row's header; ``None`` when rows and headers do not match."""
    header = re.compile(rf"\s*\[\[\s*[\"']?{kind}[\"']?\s*\]\]\s*(?:#.*)?")
    found = [n for n, line in enumerate(text.splitlines(), 1) if header.fullmatch(line)]
    return found if len(found) == count else None


def _where(kind: str, place: int, row: object, lines: list[int] | None) -> str:
    number = row.get(kind) if isinstance(row, dict) else None
    named = f"{kind} row {place + 1}"
    if _what_is_allowed(kind, number) is None:
        named = f"{kind} {number}"
    return named if lines is None else f"line {lines[place]}: {named}"


def _problems(kind: str, row: object, over: Catalogue) -> list[str]:
    if not isinstance(row, dict):
        return [f"is {_shown(row)}, allowed is a table"]
    known = _FIELDS[kind]
    problems = [
        f"{name!r} is no field; there are {', '.join(sorted(known))}"
        for name in row
        if name not in known
    ]
    problems += [
        f"{name} is {_shown(row[name])}, allowed is {allowed}"
        for name in sorted(known & row.keys())
        if (allowed := _what_is_allowed(name, row[name])) is not None
    ]
    return problems or [f"{name} is missing" for name in _missing(kind, row, over)]


def _what_is_allowed(name: str, value: object) -> str | None:
    """Say what a field may be, when it is not that."""
    if name in _RANGES:
        low, high = _RANGES[name]
        fits = type(value) is int and low <= value <= high
        return None if fits else f"a whole number from {low} to {high}"
    choices = _CHOICES.get(name)
    if choices is not None:
        return None if value in choices else " | ".join(choices)
    return None if isinstance(value, str) and value.strip() else "text"


def _shown(value: object) -> str:
    try:
        text = repr(value)
    except ValueError:
        return "a number of thousands of digits"
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}..."


def _missing(kind: str, row: Mapping[str, Any], over: Catalogue) -> list[str]:
    if kind == "code":
        return [name for name in ("code", "status", "description") if name not in row]
    if "status" not in row:
        return ["status"]
    if over.status(row["status"]) is not None:
        return []
    missing = [] if "message" in row else ["message"]
    return missing if row.keys() & {"meaning", "description"} else [*missing, "description"]


def _status_entry(row: Mapping[str, Any], over: Catalogue) -> StatusEntry:
    rule = over.rule(row["status"])
    merged = {field.name: getattr(rule, field.name) for field in fields(rule)}
    # Who changes a row speaks for it from then on.
    merged |= {"source": "caller", **row}
    description = merged.get("description", "")
    if "meaning" not in row and description != getattr(rule, "description", ""):
        merged["meaning"] = description
    for name, choices in _CHOICES.items():
        merged[name] = type(choices[0])(merged[name])
    return StatusEntry(**merged)


def _written(row: StatusEntry | PageStatus | CodeEntry) -> list[str]:
    values = ((field.name, getattr(row, field.name)) for field in fields(row))
    return [f"{name} = {_value(value)}" for name, value in values if value != ""]


def _value(value: int | str) -> str:
    if isinstance(value, int):
        return str(value)
    # What JSON writes is a basic string of TOML, but for DEL, which TOML wants escaped; the line
    # breaks of Unicode would only look like some.
    text = json.dumps(str(value).encode("utf-8", "replace").decode(), ensure_ascii=False)
    return _UNWRITABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


_MOST_SHOWN = 60
_UNWRITABLE = re.compile("[\x7f-\x9f\u2028\u2029]")
