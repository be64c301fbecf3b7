"""Renders what the package knows of Verto as tables: statuses, codes, operations."""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources

from verto_resilience.outcome import Catalogue, ClassRule, Operations, StatusEntry


def statuses() -> str:
    """Render each documented status: what Verto says of it, and what is made of it."""
    return _table(
        ("status", "category", "health", "resend", "wait", "what it says", "source"),
        (
            (f"`{row.status}` {row.message}", *_reading(row), row.meaning, row.source)
            for row in Catalogue.documented().statuses()
        ),
    )


def classes() -> str:
    """Render what holds for a status that the page does not list, by its class."""
    catalogue = Catalogue.documented()
    listed = {row.status for row in catalogue.statuses()}
    rows = []
    for first in range(1, 6):
        other = next(n for n in range(first * 100 + 99, first * 100, -1) if n not in listed)
        rule = catalogue.rule(other)
        rows.append((f"{first}xx", *_reading(rule), rule.source))
    return _table(("class", "category", "health", "resend", "wait", "source"), rows)


def codes() -> str:
    """Render each documented API error code."""
    return _table(
        ("code", "status", "what it says", "source"),
        (
            (f"`{row.code}`", str(row.status), row.description, row.source)
            for row in Catalogue.documented().codes()
        ),
    )


def operations() -> str:
    """Render each known operation, by the service that has it."""
    rows = Operations.documented().rows()
    pages = _sources()
    services = dict.fromkeys(row.service for row in rows)
    parts = []
    for service in services:
        cells = (
            (
                f"`{row.method} {row.template}`" + _only(row.query, row.body),
                row.kind,
                row.repeatable,
                row.reason,
                f"{_linked(row.source, pages)} ({row.confidence})",
            )
            for row in rows
            if row.service == service
        )
        table = _table(("request", "kind", "resent", "why", "source"), cells)
        parts.append(f"## {service}\n\n{table}")
    return "\n\n".join(parts)


def _sources() -> Mapping[str, str]:
    """Give what the short names of sources stand for."""
    file = resources.files("verto_resilience.outcome").joinpath("operations.toml")
    sources: dict[str, str] = tomllib.loads(file.read_text(encoding="utf-8"))["sources"]
    return sources


def _linked(source: str, pages: Mapping[str, str]) -> str:
    named = ((name, pages[name]) for name in source.split(", "))
    return ", ".join(f"[{name}]({to})" if "://" in to else name for name, to in named)


def _reading(row: StatusEntry | ClassRule) -> tuple[str, str, str, str]:
    return row.category, row.health, row.resend, row.wait


def _only(*conditions: str) -> str:
    given = [f"`{one}`" for one in conditions if one]
    return f" with {' and '.join(given)}" if given else ""


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '¦') for cell in line)} |" for line in lines)
