"""The settings in force: code before environment before file before default."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import PurePath
from typing import Any

from verto_resilience.config._environment import read_variables, refused
from verto_resilience.config._policy_file import ITSELF, PolicyFile, read_policy_file
from verto_resilience.errors import ConfigurationError
from verto_resilience.pipeline import Policies, Policy


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
    environ: Mapping[str, str] | None = None, policy: Policy | None = None, **settings: Any
) -> Policies:
    """Build the general policy and those of single origins, which go before all else.

    Args:
        environ: Where to look; ``None`` is the process's environment.
        policy: A general policy written in code. Then neither the environment nor the file's
            general rows are asked; what the file that it names says of single origins holds.
        **settings: Fields of :class:`~verto_resilience.Policy`; not with ``policy``.

    Raises:
        ConfigurationError: One error with everything that is wrong.
    """
    if policy is not None:
        file = PolicyFile() if policy.policy_file is None else read_policy_file(policy.policy_file)
        return _together(policy, file, list(file.problems))
    values, problems = read_variables(os.environ if environ is None else environ)
    path = settings.get(ITSELF, values.get(ITSELF))
    file = read_policy_file(str(path)) if isinstance(path, str | PurePath) else PolicyFile()
    problems += file.problems
    try:
        general = Policy.of({**file.settings, **values, **settings})
    except ConfigurationError as error:
        if not problems:
            raise
        raise refused([*problems, *error.problems], what=_what(path)) from None
    return _together(general, file, problems)


def _together(general: Policy, file: PolicyFile, problems: list[str]) -> Policies:
    origins: dict[str, Policy] = {}
    for origin, rows in file.origins.items():
        try:
            origins[origin] = replace(general, **rows)
        except ConfigurationError as error:
            problems += [f"{file.headings[origin]} {problem}" for problem in error.problems]
    if problems:
        raise refused(problems, what=_what(general.policy_file))
    return Policies(general, origins)


def _what(path: object) -> str:
    return "environment" if path is None else "settings"
