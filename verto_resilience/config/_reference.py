"""The table of settings as Markdown, for the README and the documentation."""

from collections.abc import Iterable

from verto_resilience.config._environment import variable
from verto_resilience.pipeline import Unit, settings_table


def shown(value: object) -> str:
    """Write a value the way it is given in a variable."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, Iterable) and not isinstance(value, str):
        # A comma alone is how a variable says that there are no names: empty, it counts as unset.
        return ",".join(str(part) for part in value) or ","
    return str(value)


def render_settings() -> str:
    """Render every setting as a row: variable, unit, default, allowed, meaning."""
    lines = [
        "| variable | unit | default | allowed | meaning |",
        "|---|---|---|---|---|",
    ]
    for setting in settings_table():
        unit = "" if setting.unit in {Unit.FLAG, Unit.CHOICE, Unit.NAMES} else setting.unit.value
        allowed = setting.allowed.replace("|", "\\|")
        lines.append(
            f"| `{variable(setting)}` | {unit} | `{shown(setting.default)}` | {allowed} "
            f"| {setting.meaning} |"
        )
    return "\n".join(lines)
