import json
import re
from typing import Any

import pytest

from verto_resilience.config import read_policy_file, render_schema
from verto_resilience.pipeline import GENERAL, Setting, settings_table

SCHEMA = render_schema()
ROWS = [row for row in settings_table() if row.name != "policy_file"]
TYPES: dict[str, tuple[type, ...]] = {
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "string": (str,),
    "array": (list,),
}
VALUES: tuple[Any, ...] = (
    True, 0, 1, -1, 5, 0.0, 0.5, 1.0, 61.0, 100_000, 10**7, 10**12, "none", "None", "", " ", "x",
    "origin", "a,b", [], ["a"], [""], [1], "enforce", "Auto", "auto", ",", "a, ,b,", "*", ["*"],
    "a.example, [::1]", ["a.example", "::1"], "https://a.example", ["a:80"], "none, a", ["none"],
    ["nonesuch"], "-a", "a.", "nonesuch",
)  # fmt: skip


def _name(row: Setting) -> str:
    return row.name


def _fits(value: Any, schema: dict[str, Any]) -> bool:
    """Judge a value by those words of JSON schema that are used."""
    if "anyOf" in schema:
        return any(_fits(value, one) for one in schema["anyOf"])
    if "enum" in schema:
        return value in schema["enum"]
    kind = schema["type"]
    is_kind = isinstance(value, TYPES[kind])
    if not is_kind or (value in (True, False) and isinstance(value, bool) != (kind == "boolean")):
        return False
    if kind == "string":
        long_enough = len(value) >= schema.get("minLength", 0)
        return long_enough and re.search(schema.get("pattern", ""), value) is not None
    if kind == "array":
        return all(_fits(part, schema["items"]) for part in value)
    if kind == "boolean":
        return True
    return bool(
        value >= schema.get("minimum", value)
        and value > schema.get("exclusiveMinimum", value - 1)
        and value <= schema.get("maximum", value)
    )


def test_every_setting_is_in_it() -> None:
    """Each row of the table has its meaning and its default there; nothing else is allowed."""
    properties = SCHEMA["properties"]

    assert list(properties) == [*(row.name for row in ROWS), "origins"]
    assert all(properties[row.name]["description"].startswith(row.meaning) for row in ROWS)
    assert all("default" in properties[row.name] for row in ROWS)
    assert SCHEMA["additionalProperties"] is False


def test_an_origin_has_those_that_may_differ() -> None:
    """The table of an origin refers to the same rows, without those that all origins share."""
    own = SCHEMA["properties"]["origins"]["additionalProperties"]

    assert own["additionalProperties"] is False
    assert own["properties"] == {
        row.name: {"$ref": f"#/properties/{row.name}"} for row in ROWS if row.name not in GENERAL
    }


@pytest.mark.parametrize("row", ROWS, ids=_name)
def test_it_says_what_reading_says(row: Setting, tmp_path: Any) -> None:
    """What the schema lets pass is read, and what it refuses is refused."""
    path = tmp_path / "policy.toml"
    for value in VALUES:
        path.write_text(f"{row.name} = {json.dumps(value)}")

        is_read = not read_policy_file(str(path)).problems

        # A choice may be written in any case, which an enum cannot say.
        lower = value.lower() if isinstance(value, str) and row.choices else value
        assert _fits(lower, SCHEMA["properties"][row.name]) is is_read, value


@pytest.mark.parametrize("row", ROWS, ids=_name)
def test_defaults_fit(row: Setting) -> None:
    """The default that it names is a value that it allows."""
    schema = SCHEMA["properties"][row.name]

    assert _fits(schema["default"], schema)


def test_it_is_json() -> None:
    """Nothing of Python stands in it."""
    assert json.loads(json.dumps(SCHEMA)) == SCHEMA
