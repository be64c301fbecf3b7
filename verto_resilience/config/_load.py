"""The settings in force: code before environment before file before default."""

import os
from collections.abc import Collection, Mapping
from pathlib import PurePath
from typing import Any

from verto_resilience.config._environment import (
    PREFIX,
    is_switched_off,
    problems_of_kill_switch,
    read_variables,
)
from verto_resilience.config._policy_file import ITSELF, PolicyFile, read_policy_file
from verto_resilience.errors import ConfigurationError
from verto_resilience.outcome import refused
from verto_resilience.pipeline import Called, Policies, Policy, settings_table


def load_policy(environ: Mapping[str, str] | None = None, **settings: Any) -> Policy:
    """Build the policy: what is given here beats the environment, the file and the defaults.

    The file is the one that the setting ``policy_file`` names. What it says of single origins is
    checked too; an adapter that is given this policy goes by it.

    Args:
        environ: Where to look; ``None`` is the process's environment.
        **settings: Fields of :class:`~verto_resilience.Policy`.

    Raises:
        ConfigurationError: One error with everything that is wrong.
    """
    return load_policies(environ, **settings).general


def load_policies(
    environ: Mapping[str, str] | None = None,
    policy: Policy | None = None,
    *,
    source: str = "code",
    **settings: Any,
) -> Policies:
    """Build the general policy and those of single origins, which go before all else.

    Args:
        environ: Where to look; ``None`` is the process's environment.
        policy: A general policy written in code. Then neither the environment nor the file's
            general rows are asked; what the file that it names says of single origins holds. A
            variable that is a slip of the kill switch is refused all the same.
        source: Where ``settings`` come from, for an error that tells it.
        **settings: Fields of :class:`~verto_resilience.Policy`; not with ``policy``.

    Raises:
        ConfigurationError: One error with everything that is wrong.
    """
    environ = os.environ if environ is None else environ
    if policy is not None:
        problems = [] if is_switched_off(environ) else problems_of_kill_switch(environ)
        file = PolicyFile() if policy.policy_file is None else read_policy_file(policy.policy_file)
        sources = dict.fromkeys((row.name for row in settings_table()), source)
        return _together(policy, file, [*problems, *file.problems], sources)
    values, problems = read_variables(environ)
    path = settings.get(ITSELF, values.get(ITSELF))
    file = read_policy_file(str(path)) if isinstance(path, str | PurePath) else PolicyFile()
    problems += file.problems
    sources = (
        dict.fromkeys(file.settings, str(path))
        | dict.fromkeys(values, _ENVIRONMENT)
        | dict.fromkeys(settings, source)
    )
    try:
        general = Policy.of({**file.settings, **values, **settings}, _called(sources))
    except ConfigurationError as error:
        raise refused(_what(path, settings), [*problems, *error.problems]) from None
    return _together(general, file, problems, sources)


def _together(
    general: Policy, file: PolicyFile, problems: list[str], sources: Mapping[str, str]
) -> Policies:
    origins: dict[str, Policy] = {}
    rest = {row.name: getattr(general, row.name) for row in settings_table()}
    for origin, rows in file.origins.items():
        try:
            origins[origin] = Policy.of({**rest, **rows}, _called(sources, here=rows))
        except ConfigurationError as error:
            problems += [f"{file.headings[origin]} {problem}" for problem in error.problems]
    if problems:
        raise refused(_what(general.policy_file), problems)
    return Policies(general, origins)


_ENVIRONMENT = "environment"


def _called(sources: Mapping[str, str], *, here: Collection[str] = ()) -> Called:
    """Call a setting as it would be changed, and say where its value came from."""

    def call(name: str, value: str) -> str:
        if name in here:
            return f"{name} ({value})"
        source = sources.get(name, "default")
        shown = PREFIX + name.upper() if source in {_ENVIRONMENT, "default"} else name
        return f"{shown} ({value}, {source})"

    return call


def _what(path: object, settings: Collection[str] = ()) -> str:
    return _ENVIRONMENT if path is None and not settings else "settings"
