"""The ``VERTO_RESILIENCE_*`` variables: the table of settings, read from the environment."""

import difflib
import os
from collections.abc import Mapping
from typing import Any

from verto_resilience.errors import ConfigurationError
from verto_resilience.pipeline import Setting, Unit, settings_table

PREFIX = "VERTO_RESILIENCE_"
_YES = frozenset({"true", "1", "yes", "on"})
_NO = frozenset({"false", "0", "no", "off"})


def variable(setting: Setting) -> str:
    """Give the name of the variable that sets this setting."""
    return PREFIX + setting.name.upper()


def read_environment(environ: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Read the settings that the environment names; an empty variable counts as unset.

    Args:
        environ: Where to look; ``None`` is the process's environment.

    Returns:
        Values by setting, for those variables that are there.

    Raises:
        ConfigurationError: One error with every unknown name and every bad value.
    """
    values, problems = read_variables(os.environ if environ is None else environ)
    if problems:
        raise refused(problems)
    return values


def is_switched_off(environ: Mapping[str, str] | None = None) -> bool:
    """Say whether the kill switch is thrown; it holds for policies written in code too."""
    environ = os.environ if environ is None else environ
    return environ.get(PREFIX + "DISABLED", "").strip().lower() in _YES


def known_methods(environ: Mapping[str, str] | None = None) -> tuple[str, ...] | None:
    """Read OpenTelemetry's list of HTTP methods to be shown as they are; ``None``: the usual ones.

    Source: ``OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS``, OpenTelemetry semantic conventions, HTTP.
    """
    environ = os.environ if environ is None else environ
    text = environ.get("OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS", "")
    return tuple(part.strip() for part in text.split(",") if part.strip()) or None


def parse(setting: Setting, text: str) -> Any:
    """Read one value.

    Raises:
        ValueError: The text is no value of this kind.
    """
    if setting.optional and text.lower() == "none":
        return None
    match setting.unit:
        case Unit.FLAG:
            return _flag(text)
        case Unit.CHOICE:
            return text.lower()
        case Unit.PATH:
            return text
        case Unit.NAMES:
            return tuple(part.strip() for part in text.split(",") if part.strip())
        case Unit.COUNT | Unit.BYTES:
            return int(text)
        case Unit.SECONDS | Unit.FRACTION | Unit.FACTOR | Unit.TOKENS:
            return float(text)


def read_variables(environ: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """Give the good values by setting, and a sentence for each unknown name and bad value."""
    given = {name: text for name, text in environ.items() if name.startswith(PREFIX)}
    known = {variable(setting): setting for setting in settings_table()}
    problems = [_unknown(name, known) for name in sorted(given) if name not in known]
    values: dict[str, Any] = {}
    for name, setting in known.items():
        text = given.get(name, "").strip()
        if not text:
            continue
        try:
            value = parse(setting, text)
        except ValueError:
            problems.append(f"{name}={text!r}: allowed is {setting.allowed}")
            continue
        if setting.problem(value) is None:
            values[setting.name] = value
        else:
            problems.append(f"{name}={text!r}: allowed is {setting.allowed}")
    return values, problems


def _flag(text: str) -> bool:
    word = text.lower()
    if word in _YES:
        return True
    if word in _NO:
        return False
    raise ValueError(text)


def _unknown(name: str, known: Mapping[str, Setting]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    return f"{name} is no setting{hint}"


def refused(problems: list[str], what: str = "environment") -> ConfigurationError:
    """Make one error of many problems, a line for each."""
    lines = "".join(f"\n  {problem}" for problem in problems)
    return ConfigurationError(f"{what}:{lines}", problems=tuple(problems))
