"""``verto-resilience config``: every setting, its value now, and where that came from."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from verto_resilience.cli._kill_switch import tell_what_does_not_count, what_counts
from verto_resilience.cli._store import fault_of_store
from verto_resilience.cli._wrapped import width, wrapped
from verto_resilience.config import (
    PolicyFile,
    load_policies,
    load_policy,
    notes,
    problems_of_tables,
    read_environment,
    read_policy_file,
    render_schema,
    shown,
    variable,
)
from verto_resilience.errors import ConfigurationError
from verto_resilience.outcome import refused
from verto_resilience.pipeline import Policies, Policy, Setting, Unit, settings_table

_INDENT = "    "
_HIDDEN = frozenset({Unit.STORE, Unit.SECRET})


class Origin(StrEnum):
    """Where a value came from."""

    ENVIRONMENT = "environment"
    FILE = "file"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Effective:
    """A setting, the value in force, where that came from, and what to know of it."""

    setting: Setting
    value: Any
    origin: Origin
    note: str | None = None


def config(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON schema of a policy file.")
    ] = False,
) -> None:
    """Show every setting: its variable, its value now, where that came from, what it means.

    Exits with 2 when a variable, or a file that one names, holds what it must not, and when the
    store that they name refuses what is needed. One that only cannot be reached is a note; so is
    whatever is wrong while the kill switch is thrown, for it keeps nothing from working then.
    """
    if schema:
        print(json.dumps(render_schema(), indent=2))
        return
    environ, problems = what_counts()
    rows, overrides = effective_settings(environ)
    policy = load_policy(environ)
    problems += [*problems_of_tables(policy), *_look_at_store(rows, policy)]
    if as_json:
        settings = [as_plain_data(row) for row in rows]
        print(json.dumps({"settings": settings, "origins": overrides}, indent=2))
    else:
        _show(rows, overrides)
    # Last, where it is seen.
    if policy.disabled:
        tell_what_does_not_count(problems)
    else:
        _refuse(problems)


def effective_settings(
    environ: Mapping[str, str],
) -> tuple[list[Effective], dict[str, dict[str, Any]]]:
    """Give every setting with its value here, and what the policy file sets for single origins.

    Raises:
        ConfigurationError: One error with everything that is wrong.
    """
    policies, given = load_policies(environ), read_environment(environ)
    path = policies.general.policy_file
    file = PolicyFile() if path is None else read_policy_file(path)
    noted = notes(policies.general)
    return [
        Effective(
            setting,
            getattr(policies.general, setting.name),
            _came_from(setting, given, file),
            noted.get(setting.name),
        )
        for setting in settings_table()
    ], _overrides(policies, file)


def as_plain_data(row: Effective) -> dict[str, Any]:
    """Give what JSON can hold."""
    setting = row.setting
    return {
        "setting": setting.name,
        "variable": variable(setting),
        "value": written(row.value) if setting.unit in _HIDDEN and row.value else row.value,
        "from": row.origin.value,
        "default": setting.default,
        "unit": setting.unit.value,
        "allowed": setting.allowed,
        "meaning": setting.meaning,
        "note": row.note,
    }


def written(value: object) -> str:
    """Write a value as its variable would hold it."""
    return shown(value)


def _show(rows: list[Effective], overrides: Mapping[str, Any]) -> None:
    console = Console(highlight=False)
    for row in rows:
        console.print(_block(row), soft_wrap=True)
    for origin, own in overrides.items():
        console.print(_origin_block(origin, own), soft_wrap=True)
    for line in _summary(rows, overrides):
        console.print(line, style="dim", soft_wrap=True)


def _look_at_store(rows: list[Effective], policy: Policy) -> list[str]:
    """Note at the store's row what is wrong with it; gives a problem when that does not pass."""
    try:
        fault = fault_of_store(policy)
    except ConfigurationError as error:
        told, passes = str(error), False
    else:
        if fault is None:
            return []
        told, passes = fault.sentence, fault.passes
    number, row = next((n, row) for n, row in enumerate(rows) if row.setting.name == "store")
    rows[number] = replace(row, note=f"{told[0].upper()}{told[1:]}.")
    return [] if passes else [f"{variable(row.setting)}={written(row.value)}: {told}"]


def _refuse(problems: list[str]) -> None:
    if len(problems) == 1:
        raise ConfigurationError(*problems, problems=tuple(problems))
    if problems:
        raise refused("settings", problems)


def _came_from(setting: Setting, given: Mapping[str, Any], file: PolicyFile) -> Origin:
    if setting.name in given:
        return Origin.ENVIRONMENT
    return Origin.FILE if setting.name in file.settings else Origin.DEFAULT


def _overrides(policies: Policies, file: PolicyFile) -> dict[str, dict[str, Any]]:
    return {
        origin: {name: getattr(policies.origins[origin], name) for name in rows}
        for origin, rows in file.origins.items()
    }


def _origin_block(origin: str, own: Mapping[str, Any]) -> str:
    lines = [f"{_INDENT}{name} = {written(value)}  (file)" for name, value in own.items()]
    return "\n".join([f"Only for {origin}:", *lines, ""])


def _summary(rows: list[Effective], overrides: Mapping[str, Any]) -> list[str]:
    changed = Counter(row.origin for row in rows)
    sources = [f"{changed[Origin.ENVIRONMENT]} of them from the environment"]
    if changed[Origin.FILE] or overrides:
        sources.append(f"{changed[Origin.FILE]} from the policy file")
    return [
        f"{len(rows)} settings, {', '.join(sources)};",
        "what is given in code beats them all.",
    ]


def _block(row: Effective) -> Text:
    setting = row.setting
    given = row.origin is not Origin.DEFAULT
    block = Text()
    block.append(variable(setting), style="bold")
    block.append(f" = {written(row.value)}", style="bold yellow" if given else "cyan")
    default = f", default {written(setting.default)}" if given else ""
    empty = "an empty list, " if row.value == () else ""
    source = f"({empty}{row.origin}{default})"
    gap = "  " if len(block) + len(source) + 2 <= width() else f"\n{_INDENT}"
    block.append(f"{gap}{source}\n", style="yellow" if given else "dim")
    texts = [(setting.meaning, ""), (f"Allowed: {setting.allowed}.", "dim")]
    if row.note is not None:
        texts.append((f"Note: {row.note}", "yellow"))
    for text, style in texts:
        block.append(f"{wrapped(text, first=_INDENT, others=_INDENT)}\n", style=style)
    return block
