"""What is given for settings: what it stands for, and what is wrong with it."""

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import timedelta
from typing import Any

from verto_resilience.pipeline._hosts import without_brackets
from verto_resilience.pipeline._settings import Setting, Unit, plain_number
from verto_resilience.pipeline._store import Secret, StoreAddress

Called = Callable[[str, str], str]
"""Gives the words for a setting and its value."""

# The first may be no more than the second, and why.
_AT_MOST = (
    ("backoff_base", "backoff_limit", "the first wait would exceed the limit"),
    ("server_error_wait_min", "server_error_wait_max", "the band would be empty"),
    ("break_duration", "max_break_duration", "the first break would exceed the limit"),
    ("read_timeout", "call_timeout", "no attempt could use its whole timeout"),
    ("connect_timeout", "call_timeout", "no attempt could use its whole timeout"),
    ("slow_call_duration", "call_timeout", "no call could ever be slow"),
    ("read_timeout", "probe_lease", "a probe would be given up while it still waits"),
)
# More than one origin ever gets from one Python process; above it a window can never fill.
_CALLS_PER_SECOND = 1000


def taken(row: Setting, value: Any) -> Any:
    """Give what a value stands for; one that means nothing here is left as it is.

    A length of time is its seconds, a path its text, a list a tuple, the name of a choice that
    choice, and a text for the store or a secret is kept so that no repr shows it.
    """
    if isinstance(value, timedelta):
        value = value.total_seconds()
    elif hasattr(value, "__fspath__"):
        value = value.__fspath__()
    elif isinstance(value, list):
        value = tuple(value)
    elif isinstance(value, str) and value in row.choices:
        value = type(row.default)(value)
    elif isinstance(value, str) and row.unit is Unit.STORE:
        value = StoreAddress(value)
    elif isinstance(value, str) and row.unit is Unit.SECRET:
        value = Secret(value)
    if row.unit is Unit.HOSTS and isinstance(value, tuple):
        value = tuple(without_brackets(v) if isinstance(v, str) else v for v in value)
    return value


def as_given(name: str, value: str) -> str:
    """Call a setting by its name and value."""
    return f"{name} ({value})"


def problems(table: Iterable[Setting], values: Mapping[str, Any], called: Called) -> list[str]:
    """List what is wrong with values that were taken: each by itself, then those together.

    Args:
        table: The settings.
        values: One for each of them, by its name.
        called: Gives the words for those that cannot go together.
    """
    found = {row.name: row.problem(values[row.name]) for row in table}
    bad = {name: problem for name, problem in found.items() if problem is not None}
    return [*bad.values(), *_impossible(values, bad, called)]


def _impossible(values: Mapping[str, Any], bad: Collection[str], called: Called) -> list[str]:
    """List the combinations of good values that can never work as meant."""
    found = []
    for small, large, why in _AT_MOST:
        if small in bad or large in bad:
            continue
        low, high = values[small], values[large]
        if low is not None and low > high:
            lesser, greater = called(small, plain_number(low)), called(large, plain_number(high))
            found.append(f"{lesser} is more than {greater}: {why}")
    if "minimum_calls" in bad or "window" in bad:
        return found
    if values["minimum_calls"] > values["window"] * _CALLS_PER_SECOND:
        calls = called("minimum_calls", plain_number(values["minimum_calls"]))
        window = called("window", plain_number(values["window"]))
        found.append(
            f"{calls} is more than {_CALLS_PER_SECOND} for each second of {window}: "
            "it can never be reached"
        )
    return found
