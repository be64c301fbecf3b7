"""Settings from the environment."""

from verto_resilience.config._catalogue import load_catalogue, read_text_file
from verto_resilience.config._environment import (
    PREFIX,
    is_switched_off,
    known_methods,
    load_policy,
    parse,
    read_environment,
    variable,
)
from verto_resilience.config._reference import render_settings, shown

__all__ = [
    "PREFIX",
    "is_switched_off",
    "known_methods",
    "load_catalogue",
    "load_policy",
    "parse",
    "read_environment",
    "read_text_file",
    "render_settings",
    "shown",
    "variable",
]
