"""What counts while the kill switch is thrown, and how what does not is told."""

import os
from collections.abc import Mapping, Sequence

from verto_resilience.cli._told_error import tell_note
from verto_resilience.config import KILL_SWITCH, is_switched_off, load_policies
from verto_resilience.errors import ConfigurationError


def what_counts() -> tuple[Mapping[str, str], list[str]]:
    """Give the variables that mounting goes by here, and what is wrong with the others.

    Nothing stands in the way of a kill switch that a variable throws: where settings are wrong
    then, mounting takes the defaults.

    Raises:
        ConfigurationError: Something is wrong, and that switch is not thrown.
    """
    try:
        load_policies()
    except ConfigurationError as error:
        if not is_switched_off():
            raise
        return {KILL_SWITCH: os.environ[KILL_SWITCH]}, list(error.problems)
    return os.environ, []


def thrown_by() -> str:
    """Say what has thrown it; to be asked once it is thrown."""
    return KILL_SWITCH if is_switched_off() else "disabled in the policy file"


def tell_what_does_not_count(problems: Sequence[str]) -> None:
    """Say what would be wrong without it; nothing where nothing would."""
    if problems:
        heading = f"the kill switch is thrown ({thrown_by()}); without it this would be an error:"
        tell_note("\n  ".join([heading, *problems]))
