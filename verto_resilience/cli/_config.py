"""``verto-resilience config``: every setting, its value now, and where that came from."""

import json
import textwrap
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from verto_resilience.config import load_policy, read_environment, variable
from verto_resilience.pipeline import Setting, settings_table

_WIDTH = 80
_INDENT = "    "


class Origin(StrEnum):
    """Where a value came from."""

    ENVIRONMENT = "environment"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Effective:
    """A setting, the value in force, and where that came from."""

    setting: Setting
    value: Any
    origin: Origin


def config(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show every setting: its variable, its value now, where that came from, what it means.

    Exits with 2 when a variable holds what it must not.
    """
    rows = effective_settings()
    if as_json:
        print(json.dumps({"settings": [as_plain_data(row) for row in rows]}, indent=2))
        return
    console = Console(highlight=False)
    for row in rows:
        console.print(_block(row), soft_wrap=True)
    changed = sum(row.origin is Origin.ENVIRONMENT for row in rows)
    console.print(
        f"{len(rows)} settings, {changed} of them from the environment; "
        "what is given in code beats both.",
        style="dim",
        soft_wrap=True,
    )


def effective_settings() -> list[Effective]:
    """Give every setting with its value in this process's environment.

    Raises:
        ConfigurationError: One error with everything that is wrong.
    """
    policy, given = load_policy(), read_environment()
    return [
        Effective(
            setting,
            getattr(policy, setting.name),
            Origin.ENVIRONMENT if setting.name in given else Origin.DEFAULT,
        )
        for setting in settings_table()
    ]


def as_plain_data(row: Effective) -> dict[str, Any]:
    """Give what JSON can hold."""
    setting = row.setting
    return {
        "setting": setting.name,
        "variable": variable(setting),
        "value": row.value,
        "from": row.origin.value,
        "default": setting.default,
        "unit": setting.unit.value,
        "allowed": setting.allowed,
        "meaning": setting.meaning,
    }


def written(value: object) -> str:
    """Write a value as its variable would hold it."""
    match value:
        case None:
            return "none"
        case bool():
            return str(value).lower()
        case tuple():
            return ",".join(value)
        case float():
            return f"{value:g}"
        case _:
            return str(value)


def _block(row: Effective) -> Text:
    setting = row.setting
    given = row.origin is Origin.ENVIRONMENT
    block = Text()
    block.append(variable(setting), style="bold")
    block.append(f" = {written(row.value)}", style="bold yellow" if given else "cyan")
    default = f", default {written(setting.default)}" if given else ""
    source = f"({row.origin}{default})"
    gap = "  " if len(block) + len(source) + 2 <= _WIDTH else f"\n{_INDENT}"
    block.append(f"{gap}{source}\n", style="yellow" if given else "dim")
    allowed = setting.allowed
    range_of = allowed if allowed.startswith(setting.unit) else f"{setting.unit}: {allowed}"
    for text, style in ((setting.meaning, ""), (range_of, "dim")):
        wrapped = textwrap.fill(text, _WIDTH, initial_indent=_INDENT, subsequent_indent=_INDENT)
        block.append(f"{wrapped}\n", style=style)
    return block
