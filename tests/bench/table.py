"""Prints the rows, and writes them into the page that shows them."""

import re
from collections.abc import Sequence
from pathlib import Path

from tests.bench.figures import Row

_HEAD = ("what", "against", "goal", "measured", "sets", "met")
# docs/generate/tables.py makes what ends in `end table` from the code; this one it cannot make.
_PLACE = re.compile(r"(<!-- table: bench -->\n).*?(<!-- end bench -->)", re.DOTALL)


def rendered(rows: Sequence[Row]) -> str:
    """Give a Markdown table that is readable as it is."""
    lines = [_HEAD, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEAD))]
    texts = [_line(line, widths) for line in lines]
    texts.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(texts)


def written(page: Path, text: str) -> None:
    """Put the table and what it was made with into a page."""
    before = page.read_text(encoding="utf-8")
    after, places = _PLACE.subn(lambda m: f"{m[1]}{text}\n{m[2]}", before)
    if places != 1:
        message = f"{page}: one place for the table expected, {places} found"
        raise ValueError(message)
    page.write_text(after, encoding="utf-8")


def _cells(row: Row) -> tuple[str, ...]:
    sign = ">=" if row.at_least else "<="
    goal = "no goal" if row.goal is None else f"{sign} {_figure(row, row.goal)}"
    value = row.value
    has_spread = value.low != value.high
    spread = f"{value.low:.2f} - {value.high:.2f}" if has_spread else ""
    met = {True: "yes", False: "NO", None: ""}[row.is_met]
    return row.what, row.against, goal, _figure(row, value.median), spread, met


def _figure(row: Row, value: float) -> str:
    if row.unit:
        return f"{value:,.0f} {row.unit}"
    return f"{value:.2f}" if value == row.goal else f"{value:.3f}"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
    return "| " + " | ".join(padded) + " |"
