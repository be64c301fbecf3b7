"""Documented statuses and API error codes as data; extending makes a new table.

The rows live in ``catalogue.toml`` beside this file. A status the page does not list falls back to
the rule of its class, and anything outside 100 to 599 to that of 5xx (RFC 9110 section 15).
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from functools import cache
from importlib import resources
from typing import Any, Self

from verto_resilience.errors import ConfigurationError
from verto_resilience.outcome._outcome import Category, Health, Outcome, Resend, WaitRule


@dataclass(frozen=True, slots=True)
class StatusEntry:
    """One HTTP status of the page.

    Attributes:
        status: The HTTP status, 100 to 999.
        message: Its short name.
        meaning: One sentence.
        category: What kind of answer it is.
        health: What it says about the origin.
        resend: Whether a request so answered may be sent again.
        wait: How to find the wait when the server did not say.
        source: Where this comes from.
        description: What Verto's page says of it, word for word; empty when it says nothing.
    """

    status: int
    message: str
    meaning: str
    category: Category
    health: Health
    resend: Resend
    wait: WaitRule
    source: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class CodeEntry:
    """One API error code of the page: its number, the HTTP status it comes with, what it says."""

    code: int
    status: int
    description: str
    source: str


@dataclass(frozen=True, slots=True)
class ClassRule:
    """What holds for a status of this class (its first digit) that has no entry."""

    category: Category
    health: Health
    resend: Resend
    wait: WaitRule
    source: str


class Catalogue:
    """The table of statuses and codes; immutable, shared by threads."""

    __module__ = "verto_resilience"

    __slots__ = ("_classes", "_codes", "_outcomes", "_statuses")

    def __init__(
        self,
        statuses: Mapping[int, StatusEntry],
        codes: Mapping[int, CodeEntry],
        classes: Mapping[int, ClassRule],
    ) -> None:
        """Take the rows; :meth:`documented` and :meth:`extend` are the usual doors."""
        self._statuses = dict(statuses)
        self._codes = dict(codes)
        self._classes = dict(classes)
        # Grows to at most one constant for each three-digit status.
        self._outcomes: dict[int, Outcome] = {}

    @classmethod
    @cache
    def documented(cls) -> Self:
        """Give the table of Verto's status page, read once from the packaged data."""
        file = resources.files("verto_resilience.outcome").joinpath("catalogue.toml")
        table = tomllib.loads(file.read_text(encoding="utf-8"))
        classes = {int(row.pop("class")): _class_rule(row) for row in table["class"]}
        statuses = [_status_entry(row, classes) for row in table["status"]]
        codes = [CodeEntry(**row) for row in table["code"]]
        return cls({e.status: e for e in statuses}, {e.code: e for e in codes}, classes)

    def extend(
        self, *, statuses: Iterable[StatusEntry] = (), codes: Iterable[CodeEntry] = ()
    ) -> Self:
        """Give a new table in which these rows are added, or take the place of their namesakes.

        Raises:
            ConfigurationError: A status outside 100 to 999, or a negative code.
        """
        statuses, codes = list(statuses), list(codes)
        problems = [f"status {e.status} is not in 100 to 999" for e in statuses if _odd(e.status)]
        problems += [f"code {e.code} is negative" for e in codes if e.code < 0]
        problems += [
            f"code {e.code}: status {e.status} is not in 100 to 999"
            for e in codes
            if _odd(e.status)
        ]
        if problems:
            raise ConfigurationError("catalogue: " + "; ".join(problems), problems=tuple(problems))
        return type(self)(
            self._statuses | {e.status: e for e in statuses},
            self._codes | {e.code: e for e in codes},
            self._classes,
        )

    def status(self, status: int) -> StatusEntry | None:
        """Give the row of a status, or ``None`` when the page does not list it."""
        return self._statuses.get(status)

    def code(self, code: int) -> CodeEntry | None:
        """Give the row of an API error code, or ``None`` when the page does not list it."""
        return self._codes.get(code)

    def statuses(self) -> tuple[StatusEntry, ...]:
        """Give every status row, lowest first."""
        return tuple(self._statuses[status] for status in sorted(self._statuses))

    def codes(self) -> tuple[CodeEntry, ...]:
        """Give every code row, lowest first."""
        return tuple(self._codes[code] for code in sorted(self._codes))

    def rule(self, status: int) -> StatusEntry | ClassRule:
        """Give what rules a status: its row, or the rule of its class where it has none."""
        entry = self._statuses.get(status)
        return self._classes.get(status // 100, self._classes[5]) if entry is None else entry

    def outcome(self, status: int) -> Outcome:
        """Give the outcome of a response with this status and nothing else to say."""
        known = self._outcomes.get(status)
        if known is None:
            known = self._outcomes[status] = self._make_outcome(status)
        return known

    def _make_outcome(self, status: int) -> Outcome:
        rule = self.rule(status)
        return Outcome(
            rule.category,
            rule.health,
            rule.resend,
            rule.wait,
            status=status,
            documented=isinstance(rule, StatusEntry),
        )


def _odd(status: int) -> bool:
    return not 100 <= status <= 999  # noqa: PLR2004


def _class_rule(row: Mapping[str, Any]) -> ClassRule:
    return ClassRule(
        Category(row["category"]),
        Health(row["health"]),
        Resend(row["resend"]),
        WaitRule(row["wait"]),
        row["source"],
    )


def _status_entry(row: Mapping[str, Any], classes: Mapping[int, ClassRule]) -> StatusEntry:
    rule = classes[row["status"] // 100]
    inherited = {f.name: getattr(rule, f.name) for f in fields(rule)}
    merged = {**inherited, **row}
    return StatusEntry(
        merged["status"],
        merged["message"],
        merged["meaning"],
        Category(merged["category"]),
        Health(merged["health"]),
        Resend(merged["resend"]),
        WaitRule(merged["wait"]),
        merged["source"],
        merged["description"],
    )
