"""The policy as a TOML file: settings for every origin, and others for single ones.

::

    max_attempts = 4

    [origins."https://api-payment-beta.vertofx.com"]
    read_timeout = 10

    [origins."api-wallet-beta.vertofx.com"]
    breaker_mode = "observe_only"
"""

import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from verto_resilience.config._catalogue import read_text_file
from verto_resilience.config._environment import did_you_mean, parse
from verto_resilience.errors import ConfigurationError
from verto_resilience.pipeline import GENERAL, Setting, Unit, host_of, settings_table
from verto_resilience.transports import split_origin

ORIGINS = "origins"
"""The table of a policy file that holds one table for each origin."""

ITSELF = "policy_file"
"""The setting that names the file, and so cannot stand in it."""


@dataclass(frozen=True, slots=True)
class PolicyFile:
    """What a policy file says.

    Attributes:
        settings: Values by setting, for every origin.
        origins: Values by setting for single origins, by origin (scheme, host and port) or host.
            A row for the host stands in those of its origins too, unless they say otherwise.
        headings: How the file itself names each of the origins.
        problems: A sentence for each bad row, with file and key; such a row is left out.
    """

    settings: Mapping[str, Any] = field(default_factory=dict)
    origins: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    headings: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


def read_policy_file(path: str) -> PolicyFile:
    """Read a policy file.

    Args:
        path: A TOML file. A relative path starts at the working directory.
    """
    try:
        document = tomllib.loads(read_text_file(path, name=f"policy file {path}"))
    except ConfigurationError as error:
        return PolicyFile(problems=error.problems)
    except (ValueError, RecursionError) as error:
        return PolicyFile(problems=(f"{path}: this is no TOML: {error}",))
    tables = document.pop(ORIGINS, {})
    settings, problems = _settings(document, _NOT_OF_ALL, tables=(ORIGINS,))
    problems = [f"{path}: {problem}" for problem in problems]
    if not isinstance(tables, dict):
        problems.append(f'{path}: {ORIGINS} is no table; write [{ORIGINS}."https://host"]')
        tables = {}
    own: dict[str, Mapping[str, Any]] = {}
    headings: dict[str, str] = {}
    for name, rows in tables.items():
        heading = f'{path}: [{ORIGINS}."{name}"]'
        key = origin_or_host(name)
        values: Mapping[str, Any] = {}
        found: list[str] = []
        if isinstance(rows, dict):
            values, found = _settings(rows, _NOT_OF_ONE)
        if key is None:
            problems.append(f"{heading} is no origin; allowed is https://host:port or a host")
        elif key in headings:
            problems.append(f"{heading} names the same as {headings[key].removeprefix(path)[2:]}")
        elif not isinstance(rows, dict):
            problems.append(f"{heading} is no table")
        else:
            own[key], headings[key] = values, heading
        problems += [f"{heading} {problem}" for problem in found]
    origins = {key: {**own.get(host_of(key), {}), **rows} for key, rows in own.items()}
    return PolicyFile(settings, origins, headings, tuple(problems))


def _settings(
    rows: Mapping[str, Any], excluded: Mapping[str, str], tables: Collection[str] = ()
) -> tuple[dict[str, Any], list[str]]:
    """Read rows; give the good ones, and what is wrong with the others."""
    values: dict[str, Any] = {}
    problems: list[str] = []
    for name, written in rows.items():
        setting = _ROWS.get(name)
        if setting is None:
            known = [*(_ROWS.keys() - excluded), *tables]
            problems.append(f"{name} is no setting{did_you_mean(name, known)}")
        elif name in excluded:
            problems.append(f"{name}: {excluded[name]}")
        else:
            value = _value(setting, written)
            problem = setting.problem(value)
            if problem is None:
                values[name] = value
            else:
                problems.append(problem)
    return values, problems


def _value(setting: Setting, written: object) -> object:
    """Give what a row of the file stands for; what is none of its kind is left as it is."""
    if isinstance(written, list):
        return tuple(written)
    if isinstance(written, str):
        text = written.strip()
        is_text = setting.unit in _TEXTS or (setting.optional and text.lower() == "none")
        return parse(setting, text) if is_text and text else written
    if isinstance(written, int) and not isinstance(written, bool) and setting.unit in _FRACTIONAL:
        # An integer of TOML may be too long for a float.
        return float(written) if abs(written) < _LONGEST else written
    return written


def origin_or_host(name: str) -> str | None:
    """Give an origin or a host as requests are looked up by it; ``None`` when it is neither."""
    found = _NAME.fullmatch(name)
    if found is None or int(found["port"] or 1) not in _PORTS:
        return None
    if found["scheme"] is None:
        return None if found["port"] else name.lower()
    try:
        return split_origin(name.removesuffix("/"))[0]
    except ValueError:
        # Brackets around what is no IPv6 address.
        return None


_ROWS = {row.name: row for row in settings_table()}
_NOT_OF_ALL = {ITSELF: "the file cannot name itself"}
_NOT_OF_ONE = dict.fromkeys(GENERAL, "it holds for all origins; write it above their tables")
_TEXTS = frozenset(
    {Unit.CHOICE, Unit.NAMES, Unit.HOSTS, Unit.PATH, Unit.NAME, Unit.STORE, Unit.SECRET}
)
_FRACTIONAL = frozenset({Unit.SECONDS, Unit.FRACTION, Unit.FACTOR, Unit.TOKENS})
_LONGEST = 10**18
_PORTS = range(1, 65536)
_NAME = re.compile(
    r"(?P<scheme>https?://)?(?:[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])"
    r"(?::(?P<port>[0-9]{1,5}))?/?",
    re.IGNORECASE,
)
