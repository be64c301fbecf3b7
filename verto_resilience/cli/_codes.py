"""``verto-resilience codes``: statuses and API error codes in force, and Verto's page of them."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from verto_resilience.cli._help import Command
from verto_resilience.cli._input import standard_input
from verto_resilience.cli._wrapped import wrapped
from verto_resilience.config import load_catalogue, load_policy, read_text_file
from verto_resilience.errors import ConfigurationError
from verto_resilience.outcome import (
    Catalogue,
    Difference,
    StatusPage,
    diff,
    read_status_page,
    write_catalogue,
)

_INDENT = "  "

codes = typer.Typer(
    no_args_is_help=True,
    help="The statuses and API error codes in force, and what Verto's page says of them.",
)

_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_Page = Annotated[
    str,
    typer.Argument(
        metavar="PAGE",
        help="A saved copy of Verto's page: HTML, Markdown or plain text; - for standard input.",
    ),
]


def catalogue_in_force() -> Catalogue:
    """Give the documented table with the file of this process's environment over it.

    Raises:
        ConfigurationError: A setting or the file is not as it must be.
    """
    return load_catalogue(load_policy().catalogue)


@codes.command("list", cls=Command, epilog="Example: verto-resilience codes list --json")
def list_codes(*, as_json: _Json = False) -> None:
    """List every status and every API error code in force."""
    table = catalogue_in_force()
    if as_json:
        _print_json(
            statuses=[asdict(row) for row in table.statuses()],
            codes=[asdict(row) for row in table.codes()],
        )
        return
    statuses = _grid("status", "message", "circuit", "resend", "meaning")
    for row in table.statuses():
        statuses.add_row(str(row.status), row.message, row.health, row.resend, row.meaning)
    numbers = _grid("code", "status", "description", "source")
    for code in table.codes():
        numbers.add_row(str(code.code), str(code.status), code.description, code.source)
    console = Console(highlight=False)
    console.print(statuses, numbers, sep="\n")


@codes.command(cls=Command, epilog="Example: verto-resilience codes show 1")
def show(
    code: Annotated[int, typer.Argument(metavar="CODE", help="An API error code.")],
    *,
    as_json: _Json = False,
) -> None:
    """Show one API error code. Exits with 1 when it is not in the table."""
    entry = catalogue_in_force().code(code)
    if entry is None:
        print(f"API error code {code} is not in the table", file=sys.stderr)
        raise typer.Exit(1)
    if as_json:
        _print_json(**asdict(entry))
        return
    print(f"API error code {entry.code}, with HTTP status {entry.status}")
    print(wrapped(entry.description, first=_INDENT, others=_INDENT))
    print(wrapped(f"source: {entry.source}", first=_INDENT, others=_INDENT))


@codes.command(
    "import", cls=Command, epilog="Example: verto-resilience codes import page.html -o codes.toml"
)
def import_page(
    page: _Page,
    *,
    output: Annotated[
        str | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="File to write; printed when there is none."
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the rows as JSON in place of TOML.")
    ] = False,
) -> None:
    """Make a catalogue file of a saved copy of Verto's page, for VERTO_RESILIENCE_CATALOGUE.

    Exits with 2 when the page is not understood, and names the line.
    """
    if output is not None and as_json:
        raise typer.BadParameter("--json prints, and --output writes TOML: choose one")
    read = _read_page(page)
    if as_json:
        _print_json(
            statuses=[asdict(row) for row in read.statuses],
            codes=[asdict(row) for row in read.codes],
        )
        return
    text = write_catalogue(read.statuses, read.codes)
    if output is None:
        print(text, end="")
        return
    _write(Path(output), text, force=force)
    print(f"{output}: {len(read.statuses)} statuses, {len(read.codes)} API error codes")


@codes.command("diff", cls=Command, epilog="Example: verto-resilience codes diff page.html")
def diff_page(page: _Page, *, as_json: _Json = False) -> None:
    """Say what a saved copy of Verto's page has new, gone or changed against the table in force.

    Exits with 0 when they say the same, 1 when they do not, 2 when the page is not understood.
    """
    differences = diff(catalogue_in_force(), _read_page(page))
    if as_json:
        _print_json(differences=[asdict(one) for one in differences])
    else:
        for one in differences:
            headline, *parts = _told(one)
            print(headline)
            for part in parts:
                print(wrapped(part, first=_INDENT, others=_INDENT * 2))
        if not differences:
            print("the page says what the table says")
    raise typer.Exit(1 if differences else 0)


def _read_page(page: str) -> StatusPage:
    if page == "-":
        return read_status_page(_standard_input(), name="standard input")
    return read_status_page(read_text_file(page, name=page), name=page)


def _standard_input() -> str:
    try:
        return standard_input().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        problem = f"standard input is no UTF-8 text: {error}"
        raise ConfigurationError(problem, problems=(problem,)) from None


def _write(path: Path, text: str, *, force: bool) -> None:
    try:
        with path.open("w" if force else "x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError:
        problem = f"{path} is there already; --force writes over it"
    except OSError as error:
        problem = f"{path} cannot be written: {error.strerror}"
    else:
        return
    raise ConfigurationError(problem, problems=(problem,))


def _told(one: Difference) -> list[str]:
    lines = [f"{one.change.value}: {one.kind.value} {one.number}"]
    for part in one.old | one.new:
        old, new = one.old.get(part), one.new.get(part)
        if old is None or new is None:
            lines.append(f"{part}: {new if old is None else old}")
        elif old != new:
            lines += [f"{part} was: {old}", f"{part} is:  {new}"]
    return lines


def _grid(*columns: str) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _print_json(**values: Any) -> None:
    print(json.dumps(values, indent=2))
