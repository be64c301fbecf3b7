"""``verto-resilience operations``: the known endpoints, and which of them may be sent twice."""

import json
import re
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from verto_resilience.cli._wrapped import width, wrapped
from verto_resilience.config import load_operations, load_policy
from verto_resilience.outcome import Operation, OperationKind, Operations

_KINDS = f"{', '.join(list(OperationKind)[:-1])} and {list(OperationKind)[-1]}"
_COLUMNS = ("method", "path", "kind", "resent")
_INDENT = _GAP = "  "
_OWN = "of the file"
_LEGACY = re.compile(r"api-v3\b.*")


def operations(
    *,
    method: Annotated[
        str | None, typer.Option(help="Only those of this HTTP method.", metavar="METHOD")
    ] = None,
    host: Annotated[
        str | None,
        typer.Option(
            help="Only those that this host of Verto's serves, or the service of that name.",
            metavar="HOST",
        ),
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option(help=f"Only those of this kind; there are {_KINDS}.", metavar="KIND"),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON, with reasons and sources.")
    ] = False,
) -> None:
    """List the known operations: what each does, and when it may be sent again.

    With those of the file that VERTO_RESILIENCE_OPERATIONS names. Exits with 1 when none fits.
    """
    wanted = None if kind is None else _kind(kind)
    table = load_operations(load_policy().operations)
    rows = [
        row
        for row in table.rows()
        if method is None or row.method == method.upper()
        if wanted is None or row.kind is wanted
    ]
    if host is not None:
        service = _service(host, table)
        rows = [row for row in rows if service in _services(row)]
    if as_json:
        print(json.dumps({"operations": [asdict(row) for row in rows]}, indent=2))
    elif rows:
        _show(rows)
    if not rows:
        print("no operation fits", file=sys.stderr)
        raise typer.Exit(1)


def _kind(name: str) -> OperationKind:
    try:
        return OperationKind(name.lower())
    except ValueError:
        raise typer.BadParameter(
            f"{name!r} is no kind; there are {_KINDS}", param_hint="--kind"
        ) from None


def _services(row: Operation) -> list[str]:
    return [name.strip() for name in row.service.split(",") if name.strip()]


def _service(host: str, table: Operations) -> str:
    """Give the service that a host's name tells, such as ``api-payment-beta.vertofx.com``."""
    known = sorted({name for row in table.rows() for name in _services(row)})
    first = host.lower().removeprefix("https://").partition("/")[0].partition(".")[0]
    if _LEGACY.fullmatch(first):
        return "legacy"
    for name in known:
        if host.lower() == name or name in first.split("-"):
            return name
    raise typer.BadParameter(
        f"{host!r} tells no service; there are {', '.join(known)}", param_hint="--host"
    )


def _show(rows: list[Operation]) -> None:
    """Print a line for each, under the service that it belongs to."""
    console = Console(highlight=False)
    services = list(dict.fromkeys(row.service for row in rows))
    # Those of nobody's service come last, wherever the table has them.
    rows = sorted(rows, key=lambda row: (not row.service, services.index(row.service)))
    cells = [_COLUMNS, *((row.method, row.template, row.kind, row.repeatable) for row in rows)]
    widths = _widths(cells)
    console.print(Text(_line(cells[0], widths), style="bold"), soft_wrap=True)
    service = None
    for row, line in zip(rows, cells[1:], strict=True):
        if row.service != service:
            service = row.service
            console.print(Text(service or _OWN, style="bold"), soft_wrap=True)
        console.print(_line(line, widths), markup=False, soft_wrap=True)
        only = " and ".join(part for part in (row.query, row.body) if part)
        if only:
            below = " " * (len(_INDENT) + widths[0] + len(_GAP))
            told = wrapped(f"with {only}", first=f"{below}  ", others=f"{below}  ")
            console.print(told, markup=False, soft_wrap=True)


def _widths(cells: Sequence[Sequence[str]]) -> list[int]:
    """Give the columns their widths; that of the paths gets what the others leave."""
    method, path, *others = (max(map(len, column)) for column in zip(*cells, strict=True))
    left = width() - len(_INDENT) - method - sum(others) - len(_GAP) * len(_COLUMNS[1:])
    return [method, min(path, max(left, len("path"))), *others]


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    """Put cells below their titles; what follows a path that is too long goes below it."""
    method, path, *others = (cell.ljust(size) for cell, size in zip(cells, widths, strict=True))
    front, rest = f"{_INDENT}{method}{_GAP}", _GAP.join(others)
    if len(path) > widths[1]:
        return f"{front}{path}\n{' ' * (len(front) + widths[1])}{_GAP}{rest}".rstrip()
    return f"{front}{path}{_GAP}{rest}".rstrip()
