"""The table of settings as Markdown, for the README and the documentation."""

from collections.abc import Iterable

from verto_resilience.config._environment import variable
from verto_resilience.pipeline import Setting, Unit, plain_number, settings_table


def shown(value: object) -> str:
    """Write a value the way it is given in a variable."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return plain_number(value)
    if isinstance(value, Iterable) and not isinstance(value, str):
        # A comma alone is how a variable says that there are no names: empty, it counts as unset.
        return ",".join(str(part) for part in value) or ","
    return str(value)


def render_settings() -> str:
    """Render every setting as a row: variable, default, allowed, meaning."""
    return _table(
        ("variable", "default", "allowed", "meaning"),
        ((_name(row), _default(row), row.allowed, row.meaning) for row in settings_table()),
    )


def render_main_settings() -> str:
    """Render those that most people look for: variable, default, meaning."""
    rows = {row.name: row for row in settings_table()}
    return _table(
        ("variable", "default", "meaning"),
        ((_name(rows[name]), _with_unit(rows[name]), rows[name].meaning) for name in _MAIN),
    )


_MAIN = (
    "max_attempts",
    "call_timeout",
    "read_timeout",
    "consecutive_failures",
    "break_duration",
    "breaker_mode",
    "idempotency_keys",
    "verto_hosts",
    "policy_file",
    "disabled",
)


def _name(row: Setting) -> str:
    return f"`{variable(row)}`"


def _default(row: Setting) -> str:
    return f"`{shown(row.default)}`"


def _with_unit(row: Setting) -> str:
    return f"{_default(row)} s" if row.unit is Unit.SECONDS else _default(row)


def _table(columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [columns, ("---",) * len(columns), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
