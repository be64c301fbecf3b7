"""Finds the tables of a saved web page: those of HTML, and those of Markdown; line by line.

What is no well-formed table is refused rather than skipped: a row that is lost on the way would
look as if the page did not list it.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import NoReturn


@dataclass(frozen=True, slots=True)
class Row:
    """One row: the line of the page it begins on, from 1, and the text of its cells."""

    line: int
    cells: tuple[str, ...]


@dataclass(slots=True)
class Table:
    """The rows of one table, its header first; never empty once it is found."""

    line: int
    rows: list[Row] = field(default_factory=list)


class PageError(ValueError):
    """A page that is not understood.

    Attributes:
        line: Where, from 1.
        problem: What is there and what was expected.
    """

    def __init__(self, line: int, problem: str) -> None:
        """Say it as people read it."""
        super().__init__(f"line {line}: {problem}")
        self.line = line
        self.problem = problem


def plain(text: str) -> str:
    """Give text on one line, with plain quotes and without what cannot be seen.

    Saved copies of one page differ in their quotes, and in blanks that do not break.
    """
    text = _UNSEEN.sub("", text.translate(_QUOTES))
    return _BLANKS.sub(" ", text).strip()


def shown(text: str) -> str:
    """Give the beginning of a text in quotes, for a message."""
    text = plain(text)
    return repr(text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}...")


def find_tables(page: str) -> list[Table]:
    """Find the tables of a page that is HTML, or Markdown (which may hold HTML).

    Args:
        page: Its text, lines ended by a line feed.

    Raises:
        PageError: A table is cut off, nested or merged, or a row stands outside of any.
    """
    tables = _html_tables(page) if _TAG.search(page) else []
    return tables if page.lstrip().startswith("<") else [*tables, *_markdown_tables(page)]


_TAG = re.compile(r"<(?:table|tr)\b", re.IGNORECASE)
_QUOTES = str.maketrans({"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"'})
# Soft hyphens, joiners, marks of direction and lone surrogates: a copy may hold any of them.
_UNSEEN = re.compile("[\xad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ud800-\udfff]+")
_BLANKS = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")
_SPANS = ("colspan", "rowspan")


def _html_tables(page: str) -> list[Table]:
    reader = _HtmlTables()
    try:
        reader.feed(page)
        reader.close()
    except AssertionError as error:
        # How html.parser says that a declaration such as <![x[ is none.
        raise PageError(reader.getpos()[0], f"this is no HTML: {error}") from None
    reader.finish()
    return reader.tables


class _HtmlTables(HTMLParser):
    """Collects tables; HTML lets the end tags of rows and cells be left out."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tables: list[Table] = []
        self._table: Table | None = None
        self._cells: list[str] | None = None
        self._row_line = 0
        self._text: list[str] | None = None
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        match tag:
            case "table":
                if self._table is not None:
                    self._refuse("a table inside the one of line", self._table.line)
                self._table = Table(self.getpos()[0])
            case "tr":
                if self._table is None:
                    self._refuse("a row outside of any table")
                self._end_row()
                self._cells, self._row_line = [], self.getpos()[0]
            case "td" | "th":
                self._begin_cell(tag, dict(attrs))
            case "script" | "style":
                self._silent += 1
            case _ if tag in _BREAKS and self._text is not None:
                self._text.append(" ")

    def handle_endtag(self, tag: str) -> None:
        match tag:
            case "table" if self._table is not None:
                self._end_row()
                if self._table.rows:
                    self.tables.append(self._table)
                self._table = None
            case "tr":
                self._end_row()
            case "td" | "th":
                self._end_cell()
            case "script" | "style":
                self._silent = max(0, self._silent - 1)
            case _:
                pass

    def handle_data(self, data: str) -> None:
        if self._text is not None and not self._silent:
            self._text.append(data)

    def finish(self) -> None:
        if self._table is not None:
            self._refuse("the page ends inside the table of line", self._table.line)

    def _begin_cell(self, tag: str, attributes: Mapping[str, str | None]) -> None:
        if self._table is None:
            self._refuse(f"a cell (<{tag}>) outside of any table")
        if self._cells is None:
            self._refuse(f"a cell (<{tag}>) outside of any row")
        merged = [name for name in _SPANS if attributes.get(name) not in (None, "", "1")]
        if merged:
            self._refuse(f"merged cells ({merged[0]}); expected one for each column")
        self._end_cell()
        self._text = []

    def _end_cell(self) -> None:
        if self._text is not None and self._cells is not None:
            self._cells.append(plain("".join(self._text)))
        self._text = None

    def _end_row(self) -> None:
        self._end_cell()
        if self._cells and self._table is not None:
            self._table.rows.append(Row(self._row_line, tuple(self._cells)))
        self._cells = None

    def _refuse(self, problem: str, other: int | None = None) -> NoReturn:
        raise PageError(self.getpos()[0], problem if other is None else f"{problem} {other}")


_BREAKS = frozenset({"br", "p", "div", "li", "hr"})


def _markdown_tables(page: str) -> list[Table]:
    tables: list[Table] = []
    lines = page.split("\n")
    rows = iter(enumerate(lines, 1))
    for number, line in rows:
        if number < len(lines) and _is_ruler(lines[number]) and "|" in line:
            table = Table(number, [Row(number, _cells(line))])
            next(rows)
            table.rows += _markdown_rows(rows)
            tables.append(table)
        elif line.lstrip().startswith("|"):
            raise PageError(
                number, f"{shown(line)} is a row outside of any table; expected a header first"
            )
    return tables


def _markdown_rows(rows: Iterator[tuple[int, str]]) -> Iterator[Row]:
    for number, line in rows:
        if not line.strip():
            return
        yield Row(number, _cells(line))


def _is_ruler(line: str) -> bool:
    return "|" in line and "-" in line and _RULER.fullmatch(line) is not None


def _cells(line: str) -> tuple[str, ...]:
    line = line.strip().removeprefix("|")
    if line.endswith("|") and not line.endswith("\\|"):
        line = line[:-1]
    return tuple(_cell(part) for part in _BAR.split(line))


def _cell(text: str) -> str:
    text = plain(text.replace("\\|", "|"))
    marks = _MARKED.fullmatch(text)
    return text if marks is None else marks["inside"].strip()


_MOST_SHOWN = 60
_BAR = re.compile(r"(?<!\\)\|")
_RULER = re.compile(r"\s*+\|?(?:\s*+:?-++:?\s*+\|)*+(?:\s*+:?-++:?)?\s*+")
# Bold, italic or code, as a whole cell.
_MARKED = re.compile(r"(?P<mark>\*{1,3}|_{1,3}|`+)(?P<inside>[^*_`]+)(?P=mark)")
