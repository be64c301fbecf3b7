"""Settings from the environment."""

from verto_resilience.config._environment import (
    PREFIX,
    is_switched_off,
    load_policy,
    parse,
    read_environment,
    variable,
)
from verto_resilience.config._reference import render_settings, shown

__all__ = [
    "PREFIX",
    "is_switched_off",
    "load_policy",
    "parse",
    "read_environment",
    "render_settings",
    "shown",
    "variable",
]
