"""``verto-resilience doctor``: what in this environment would keep calls from going well."""

import importlib
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import requests
import typer
from rich.console import Console
from rich.text import Text

from verto_resilience.cli import _checks as checks
from verto_resilience.cli._finding import Finding, State
from verto_resilience.cli._otlp import check_otlp
from verto_resilience.cli._store import check_store
from verto_resilience.cli._wrapped import wrapped

_MARKS = {
    State.OK: ("ok   ", "green"),
    State.NOTE: ("note ", "yellow"),
    State.WRONG: ("WRONG", "bold red"),
}


def doctor(
    *,
    session: Annotated[
        str | None,
        typer.Option(
            metavar="MODULE:NAME",
            help="A session of yours, or a function that gives one, to look for adapters in. "
            "The module is imported.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Look for what would keep calls from going well.

    Versions and extras, instrumentations that draw the same requests, adapters that resend by
    themselves (known by a urllib3 Retry in max_retries), a urllib3 that niquests has replaced,
    whether the OTLP endpoint and the store can be reached, settings and other variables. Exits
    with 1 when something is wrong.
    """
    findings = examine(requests.Session() if session is None else _load(session))
    wrong = sum(finding.state is State.WRONG for finding in findings)
    if as_json:
        told = [asdict(finding) for finding in findings]
        print(json.dumps({"ok": not wrong, "findings": told}, indent=2))
    else:
        _show(findings)
        print(_summary(wrong))
    raise typer.Exit(1 if wrong else 0)


def examine(session: requests.Session) -> list[Finding]:
    """Make every check."""
    return [
        *checks.check_versions(),
        *checks.check_extras(),
        *checks.check_urllib3(),
        *checks.check_instrumentors(),
        *checks.check_adapters(session),
        *checks.check_settings(),
        *checks.check_environment(),
        *check_otlp(),
        *check_store(),
    ]


def _load(name: str) -> requests.Session:
    """Give the session of that name."""
    module_name, colon, path = name.partition(":")
    if not colon or not module_name or not path:
        raise _cannot("it is written MODULE:NAME")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        found = importlib.import_module(module_name)
        for part in path.split("."):
            found = getattr(found, part)
        if callable(found):
            found = found()
    except Exception as error:  # noqa: BLE001 - a stranger's code can raise anything
        raise _cannot(f"{name} cannot be had ({_why(error)})") from None
    if not isinstance(found, requests.Session):
        raise _cannot(f"{name} is no requests.Session but {type(found).__name__}")
    return found


def _why(error: Exception) -> str:
    """Say what was raised; its text may hold anything, the name of a module does not."""
    if isinstance(error, ModuleNotFoundError) and error.name:
        return f"there is no module {error.name}"
    return type(error).__name__


def _cannot(message: str) -> typer.BadParameter:
    return typer.BadParameter(message, param_hint="--session")


def _summary(wrong: int) -> str:
    if not wrong:
        return "nothing is wrong"
    return "1 thing is wrong" if wrong == 1 else f"{wrong} things are wrong"


def _show(findings: list[Finding]) -> None:
    console = Console(highlight=False)
    width = max(len(finding.about) for finding in findings)
    for finding in findings:
        mark, style = _MARKS[finding.state]
        first = f"{mark}  {finding.about.ljust(width)}  "
        text = Text(wrapped(finding.detail, first=first, others=" " * len(first)))
        text.stylize(style, 0, len(mark))
        console.print(text, soft_wrap=True)
