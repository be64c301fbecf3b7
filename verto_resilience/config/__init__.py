"""Settings from the environment and from a file."""

from verto_resilience.config._catalogue import load_catalogue, read_text_file
from verto_resilience.config._environment import (
    KILL_SWITCH,
    PREFIX,
    did_you_mean,
    is_switched_off,
    known_methods,
    parse,
    read_environment,
    read_text,
    variable,
)
from verto_resilience.config._load import load_policies, load_policy
from verto_resilience.config._notes import notes
from verto_resilience.config._operations import load_operations
from verto_resilience.config._policy_file import PolicyFile, origin_or_host, read_policy_file
from verto_resilience.config._reference import render_main_settings, render_settings, shown
from verto_resilience.config._schema import render_schema
from verto_resilience.config._store import lacking, open_store, place_of
from verto_resilience.config._tables import problems_of_tables

__all__ = [
    "KILL_SWITCH",
    "PREFIX",
    "PolicyFile",
    "did_you_mean",
    "is_switched_off",
    "known_methods",
    "lacking",
    "load_catalogue",
    "load_operations",
    "load_policies",
    "load_policy",
    "notes",
    "open_store",
    "origin_or_host",
    "parse",
    "place_of",
    "problems_of_tables",
    "read_environment",
    "read_policy_file",
    "read_text",
    "read_text_file",
    "render_main_settings",
    "render_schema",
    "render_settings",
    "shown",
    "variable",
]
