"""Reads a saved copy of Verto's "Status and Error Codes" page: text in, rows out.

Three forms of it are about: HTML with tables, Markdown with tables, and the flattened text that is
left when the markup is dropped, in which the cells of a row run together::

    HTTP CodeMessageDescription
    200OKThe request succeeded, and the resource is available.

Whatever is not understood is refused with its line. The page is said to change often, and a row
that is misread or lost would be taken for what Verto documents.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import TypeVar

from verto_resilience.errors import ConfigurationError
from verto_resilience.outcome._api_error import HIGHEST_CODE
from verto_resilience.outcome._catalogue import CodeEntry
from verto_resilience.outcome._page_tables import PageError, Row, Table, find_tables, plain, shown

_T = TypeVar("_T")

PAGE = "status page"
"""The source of what was read from the page."""

STATUS_COLUMNS = ("HTTP Code", "Message", "Description")
CODE_COLUMNS = ("API Error Code", "Description", "HTTP Status Code")


@dataclass(frozen=True, slots=True)
class PageStatus:
    """One row of the page's tables of statuses: number, message, description, and the source."""

    status: int
    message: str
    description: str
    source: str = PAGE


@dataclass(frozen=True, slots=True)
class StatusPage:
    """What the page lists, lowest number first."""

    statuses: tuple[PageStatus, ...]
    codes: tuple[CodeEntry, ...]


def read_status_page(page: str, *, name: str = PAGE) -> StatusPage:
    """Read the statuses and API error codes that a copy of the page lists.

    Typographic quotes are read as plain ones, since copies differ in them. In the flattened text
    a message ends where a registered reason phrase does, or before the first capital that follows
    a letter without a blank; all digits at the start of a row are its code.

    Args:
        page: The text of the copy, in any of the three forms.
        name: What an error calls it, such as the name of the file.

    Raises:
        ConfigurationError: A table or row that is not understood, a number that comes twice, or
            no table of statuses or of codes; the message names the line and what was expected.
    """
    text = page.replace("\r\n", "\n").replace("\r", "\n")
    try:
        return _understood(find_tables(text) or _flattened_tables(text))
    except PageError as error:
        problem = f"{name}: {error}"
        raise ConfigurationError(problem, problems=(problem,)) from None


def _understood(tables: list[Table]) -> StatusPage:
    statuses: dict[int, PageStatus] = {}
    codes: dict[int, CodeEntry] = {}
    lines: dict[tuple[str, int], int] = {}
    for table in tables:
        header = table.rows[0]
        keys = sorted(_key(cell) for cell in header.cells)
        if keys not in (_STATUS_KEYS, _CODE_KEYS):
            raise PageError(header.line, f"columns {_listed(header.cells)}; expected {_EXPECTED}")
        for line, cells in _named_cells(table):
            if keys == _STATUS_KEYS:
                status = _status(cells, line)
                _once(lines, "status", status.status, line)
                statuses[status.status] = status
            else:
                code = _code(cells, line)
                _once(lines, "API error code", code.code, line)
                codes[code.code] = code
    if not statuses or not codes:
        missing = CODE_COLUMNS if statuses else STATUS_COLUMNS
        raise PageError(1, f"the page has no table with the columns {_listed(missing)}")
    return StatusPage(_in_order(statuses), _in_order(codes))


def _named_cells(table: Table) -> Iterator[tuple[int, dict[str, str]]]:
    header, *rows = table.rows
    if not rows:
        raise PageError(header.line, "a table without rows; expected some below its header")
    columns = tuple(_key(cell) for cell in header.cells)
    for row in rows:
        if len(row.cells) != len(columns):
            raise PageError(
                row.line, f"{len(row.cells)} cells; expected {len(columns)}, as in the header"
            )
        yield row.line, dict(zip(columns, row.cells, strict=True))


def _status(cells: dict[str, str], line: int) -> PageStatus:
    number, message, description = (cells[_key(column)] for column in STATUS_COLUMNS)
    return PageStatus(
        _http_status(number, line),
        _filled(message, "Message", line),
        _filled(description, "Description", line),
    )


def _code(cells: dict[str, str], line: int) -> CodeEntry:
    number, description, status = (cells[_key(column)] for column in CODE_COLUMNS)
    if _DIGITS.fullmatch(number) is None or int(number) > HIGHEST_CODE:
        raise PageError(line, f"API Error Code is {shown(number)}; expected 0 to {HIGHEST_CODE}")
    return CodeEntry(
        int(number),
        _http_status(status, line),
        _filled(description, "Description", line),
        PAGE,
    )


def _http_status(text: str, line: int) -> int:
    if _STATUS.fullmatch(text) is None:
        raise PageError(line, f"HTTP status is {shown(text)}; expected a number from 100 to 599")
    return int(text)


def _filled(text: str, column: str, line: int) -> str:
    if not text:
        raise PageError(line, f"{column} is empty; expected text")
    return text


def _once(lines: dict[tuple[str, int], int], kind: str, number: int, line: int) -> None:
    first = lines.setdefault((kind, number), line)
    if first != line:
        raise PageError(line, f"{kind} {number} comes twice, first in line {first}")


def _in_order(rows: dict[int, _T]) -> tuple[_T, ...]:
    return tuple(rows[number] for number in sorted(rows))


def _flattened_tables(page: str) -> list[Table]:
    tables: list[Table] = []
    table: Table | None = None
    for number, line in enumerate(page.split("\n"), 1):
        text = plain(line)
        columns = _RUN_TOGETHER.get(_key(text))
        if columns is not None:
            table = Table(number, [Row(number, columns)])
            tables.append(table)
        elif not text:
            table = None
        elif table is not None:
            table.rows.append(Row(number, _split(text, table.rows[0].cells, number)))
        elif _STRAY.match(text):
            raise PageError(
                number,
                f"{shown(text)} looks like a row, but stands under no header; expected {_EXPECTED}",
            )
    if not tables:
        raise PageError(1, f"the page has no table; expected {_EXPECTED}")
    return tables


def _split(text: str, columns: Iterable[str], line: int) -> tuple[str, ...]:
    if columns == CODE_COLUMNS:
        code = _CODE_ROW.fullmatch(text)
        if code is None:
            raise PageError(
                line, f"{shown(text)}; expected code, text and status, as in 1Placeholder400"
            )
        return code.groups()
    row = _STATUS_ROW.fullmatch(text)
    cut = None if row is None else _end_of_message(int(row["status"]), row["rest"])
    if row is None or cut is None:
        raise PageError(
            line,
            f"{shown(text)}; expected status, message and description, "
            "as in 404Not FoundThe requested resource ...",
        )
    return row["status"], row["rest"][:cut].strip(), row["rest"][cut:].strip()


def _end_of_message(status: int, rest: str) -> int | None:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    if phrase and rest.startswith(phrase) and rest[len(phrase) :][:1].isupper():
        return len(phrase)
    seam = _SEAM.search(rest)
    return None if seam is None else seam.start()


def _key(text: str) -> str:
    return "".join(text.casefold().split())


def _listed(columns: Iterable[str]) -> str:
    names = ", ".join(plain(column) or "(empty)" for column in columns)
    return names if len(names) <= _MOST_LISTED else f"{names[:_MOST_LISTED]}..."


_MOST_LISTED = 120
_STATUS_KEYS = sorted(_key(column) for column in STATUS_COLUMNS)
_CODE_KEYS = sorted(_key(column) for column in CODE_COLUMNS)
_RUN_TOGETHER = {_key("".join(columns)): columns for columns in (STATUS_COLUMNS, CODE_COLUMNS)}
_EXPECTED = f"a table with the columns {_listed(STATUS_COLUMNS)} or {_listed(CODE_COLUMNS)}"
_DIGITS = re.compile(r"[0-9]{1,9}")
_STATUS = re.compile(r"[1-5][0-9]{2}")
_STATUS_ROW = re.compile(r"(?P<status>[0-9]{3})(?P<rest>[^0-9].*)")
_CODE_ROW = re.compile(r"([0-9]++)(.*?)([0-9]{3})")
# "OKThe", "RequestThe": a capital right after a small letter, or the second of two that a small
# letter follows.
_SEAM = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_STRAY = re.compile(r"[0-9]+[A-Z]")
