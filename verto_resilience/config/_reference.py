"""The table of settings as Markdown, for the README and the documentation."""

from collections.abc import Collection, Iterable

from verto_resilience.config._environment import variable
from verto_resilience.pipeline import plain_number, settings_table


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


def render_settings(names: Collection[str] | None = None) -> str:
    """Render settings as rows: variable, default, allowed, meaning; ``None`` for all of them."""
    lines = [
        "| variable | default | allowed | meaning |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| `{variable(setting)}` | `{shown(setting.default)}` | {setting.allowed} "
        f"| {setting.meaning} |"
        for setting in settings_table()
        if names is None or setting.name in names
    ]
    return "\n".join(lines)
