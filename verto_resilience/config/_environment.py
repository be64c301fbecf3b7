"""The ``VERTO_RESILIENCE_*`` variables: the table of settings, read from the environment."""

import os
from collections.abc import Collection, Mapping
from typing import Any

from verto_resilience.outcome import refused
from verto_resilience.pipeline import (
    Secret,
    Setting,
    StoreAddress,
    Unit,
    nearest,
    settings_table,
)

PREFIX = "VERTO_RESILIENCE_"
KILL_SWITCH = PREFIX + "DISABLED"
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
        raise refused("environment", problems)
    return values


def is_switched_off(environ: Mapping[str, str] | None = None) -> bool:
    """Say whether the kill switch is thrown; it holds for policies written in code too."""
    environ = os.environ if environ is None else environ
    return environ.get(KILL_SWITCH, "").strip().lower() in _YES


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
        case Unit.PATH | Unit.NAME:
            return text
        case Unit.STORE:
            return StoreAddress(text)
        case Unit.SECRET:
            return Secret(text)
        case Unit.NAMES | Unit.HOSTS:
            return tuple(part.strip() for part in text.split(",") if part.strip())
        case Unit.COUNT | Unit.BYTES:
            return int(text)
        case Unit.SECONDS | Unit.FRACTION | Unit.FACTOR | Unit.TOKENS:
            return float(text)


def read_variables(environ: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """Give the good values by setting, and a sentence for each unknown name and bad value."""
    # Not items(): another thread may unset a variable meanwhile, as requests does for a no_proxy.
    given = {name: environ[name] for name in environ if name.startswith(PREFIX)}
    known = {variable(setting): setting for setting in settings_table()}
    problems = [
        f"{name} is no setting{did_you_mean(name, known)}"
        for name in sorted(given)
        if name not in known
    ]
    values: dict[str, Any] = {}
    for name, setting in known.items():
        text = given.get(name, "").strip()
        if not text:
            continue
        value, refusal = read_text(setting, text)
        if refusal is None:
            values[setting.name] = value
        else:
            problems.append(f"{name}={setting.written(text)}: {refusal}")
    return values, problems


def read_text(setting: Setting, text: str) -> tuple[Any, str | None]:
    """Read one value, and say what is allowed in its place when it may not be."""
    try:
        value = parse(setting, text)
    except ValueError:
        return None, f"allowed is {setting.allowed}"
    return value, setting.refusal(value)


def problems_of_kill_switch(environ: Mapping[str, str]) -> list[str]:
    """Give a sentence for each variable that seems to be meant as the kill switch, and is not.

    Where the policy is written in code nothing else is read, and nobody would notice the slip.
    """
    _, problems = read_variables(environ)
    return [problem for problem in problems if KILL_SWITCH in problem]


def did_you_mean(name: str, known: Collection[str]) -> str:
    """Give the end of a sentence that suggests the nearest name, or nothing where none is near.

    The prefix of the variables does not count: all have it, and it would make all of them near.
    """
    bare = {_bare(one): one for one in known}
    near = nearest(_bare(name), bare)
    return f"; did you mean {bare[near]}?" if near else ""


def _bare(name: str) -> str:
    return name.lower().removeprefix(PREFIX.lower())


def _flag(text: str) -> bool:
    word = text.lower()
    if word in _YES:
        return True
    if word in _NO:
        return False
    raise ValueError(text)
