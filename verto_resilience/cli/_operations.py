"""``verto-resilience operations``: the known endpoints, and which of them may be sent twice."""

import json
import re
import sys
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from verto_resilience.outcome import Operation, OperationKind, Operations

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
        OperationKind | None, typer.Option(help="Only those that do this at the server.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON, with reasons and sources.")
    ] = False,
) -> None:
    """List the known operations: what each does, and when it may be sent again.

    Exits with 1 when none fits.
    """
    rows = [
        row
        for row in Operations.documented().rows()
        if method is None or row.method == method.upper()
        if kind is None or row.kind is kind
    ]
    if host is not None:
        service = _service(host)
        rows = [row for row in rows if service in _services(row)]
    if as_json:
        print(json.dumps({"operations": [asdict(row) for row in rows]}, indent=2))
    elif rows:
        Console(highlight=False).print(_grid(rows))
    if not rows:
        print("no operation fits", file=sys.stderr)
        raise typer.Exit(1)


def _services(row: Operation) -> list[str]:
    return [name.strip() for name in row.service.split(",") if name.strip()]


def _service(host: str) -> str:
    """Give the service that a host's name tells, such as ``api-payment-beta.vertofx.com``."""
    known = sorted({name for row in Operations.documented().rows() for name in _services(row)})
    first = host.lower().removeprefix("https://").partition("/")[0].partition(".")[0]
    if _LEGACY.fullmatch(first):
        return "legacy"
    for name in known:
        if host.lower() == name or name in first.split("-"):
            return name
    raise typer.BadParameter(
        f"{host!r} tells no service; there are {', '.join(known)}", param_hint="--host"
    )


def _grid(rows: list[Operation]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("method", "path", "kind", "resent", "service"):
        table.add_column(column, overflow="fold")
    for row in rows:
        only = " and ".join(part for part in (row.query, row.body) if part)
        path = f"{row.template}\n  with {only}" if only else row.template
        table.add_row(row.method, path, row.kind, row.repeatable, row.service)
    return table
