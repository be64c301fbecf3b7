"""The policy file as a JSON schema, for editors and for checks before a deployment."""

from typing import Any

from verto_resilience.config._policy_file import ITSELF, ORIGINS
from verto_resilience.pipeline import GENERAL, Setting, Unit, settings_table

_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_NONE = {"type": "string", "pattern": "^[Nn][Oo][Nn][Ee]$"}
_UNITLESS = frozenset(
    {
        Unit.FLAG,
        Unit.CHOICE,
        Unit.NAMES,
        Unit.HOSTS,
        Unit.PATH,
        Unit.NAME,
        Unit.STORE,
        Unit.SECRET,
    }
)

_LABEL = "[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?"
_IPV6 = r"\[?[0-9A-Fa-f.]*:[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*\]?"
_HOST = rf"(?![Nn][Oo][Nn][Ee]\s*(,|$))({_LABEL}(\.{_LABEL})*|{_IPV6})"
_LIST_OF_HOSTS = rf"^(?=.*\S)\s*({_HOST})?\s*(,\s*({_HOST})?\s*)*$"


def render_schema() -> dict[str, Any]:
    """Give the JSON schema (draft 2020-12) of a policy file, made from the table of settings.

    It knows each setting by itself; combinations that cannot work are found by reading the file.
    """
    rows = [row for row in settings_table() if row.name != ITSELF]
    own = {
        row.name: {"$ref": f"#/properties/{row.name}"} for row in rows if row.name not in GENERAL
    }
    return {
        "$schema": _DRAFT,
        "title": "verto_resilience policy file",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            **{row.name: _property(row) for row in rows},
            ORIGINS: {
                "description": (
                    "Other settings for single origins, by https://host, https://host:port or host."
                ),
                "type": "object",
                "additionalProperties": {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": own,
                },
            },
        },
    }


def _property(row: Setting) -> dict[str, Any]:
    unit = "" if row.unit in _UNITLESS else f" ({row.unit.value})"
    kinds = [*_kinds(row), *([_NONE] if row.optional else [])]
    return {
        "description": f"{row.meaning}{unit}",
        "default": "none" if row.default is None else _plain(row.default),
        **(kinds[0] if len(kinds) == 1 else {"anyOf": kinds}),
    }


def _kinds(row: Setting) -> list[dict[str, Any]]:
    match row.unit:
        case Unit.FLAG:
            return [{"type": "boolean"}]
        case Unit.CHOICE:
            return [{"enum": [choice.value for choice in type(row.default)]}]
        case Unit.NAMES:
            names = {"type": "array", "items": {"type": "string", "minLength": 1}}
            return [names, {"type": "string", "pattern": r"\S"}]
        case Unit.HOSTS:
            hosts = {"type": "array", "items": {"type": "string", "pattern": f"^{_HOST}$"}}
            return [hosts, {"type": "string", "pattern": _LIST_OF_HOSTS}]
        case Unit.PATH | Unit.SECRET:
            return [{"type": "string", "pattern": r"\S"}]
        case Unit.NAME:
            return [{"type": "string", "pattern": r"^(?![Nn][Oo][Nn][Ee]$)[A-Za-z0-9._-]{1,64}$"}]
        case Unit.STORE:
            return [{"type": "string", "pattern": "^(rediss?|unix)://"}]
        case _:
            whole = row.unit in {Unit.COUNT, Unit.BYTES}
            least = "exclusiveMinimum" if row.above else "minimum"
            ends = {least: row.low, "maximum": row.high}
            given = {name: end for name, end in ends.items() if end is not None}
            return [{"type": "integer" if whole else "number", **given}]


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
