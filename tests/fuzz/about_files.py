"""Checks of what a user may hand in: pages, catalogues, variables, policies; any bytes will do."""

import math
import tempfile
from pathlib import Path

from verto_resilience import ConfigurationError, Policy
from verto_resilience.config import load_policies, load_policy
from verto_resilience.outcome import (
    Catalogue,
    read_catalogue,
    read_status_page,
    write_catalogue,
)
from verto_resilience.pipeline import settings_table

_PREFIX = "VERTO_RESILIENCE_"
_READS_A_FILE = f"{_PREFIX}POLICY_FILE"
_folder = tempfile.TemporaryDirectory(prefix="fuzz-")


def pages(data: bytes) -> None:
    """A saved page is understood or refused; what was understood can be written and read again.

    Args:
        data: The page, in any of its three forms.
    """
    try:
        page = read_status_page(data.decode("utf-8", "surrogateescape"))
    except ConfigurationError as error:
        _tells(error)
        return

    text = write_catalogue(page.statuses, page.codes)
    table = read_catalogue(text, over=Catalogue.documented())

    assert page.statuses
    assert page.codes
    for status in page.statuses:
        written = table.status(status.status)
        assert written is not None
        assert (written.message, written.description) == (status.message, status.description)
    for code in page.codes:
        assert table.code(code.code) == code


def catalogue_files(data: bytes) -> None:
    """A catalogue is taken or refused; what was taken can be written and read again."""
    documented = Catalogue.documented()
    try:
        table = read_catalogue(data.decode("utf-8", "replace"), over=documented)
    except ConfigurationError as error:
        _tells(error)
        return

    again = read_catalogue(write_catalogue(table.statuses(), table.codes()), over=documented)

    assert again.statuses() == table.statuses()
    assert again.codes() == table.codes()
    for status in range(100, 1000):
        assert again.outcome(status) == table.outcome(status)


def variables(data: bytes) -> None:
    """The environment gives a policy within its ranges, or one error that names each bad variable.

    Args:
        data: A variable on each line, ``NAME=value``, without the prefix.
    """
    environ = {}
    for line in data.decode("utf-8", "surrogateescape").replace("\0", "").split("\n"):
        name, _, value = line.partition("=")
        if name and _PREFIX + name != _READS_A_FILE:
            environ[_PREFIX + name] = value
    try:
        policy = load_policy(environ)
    except ConfigurationError as error:
        _tells(error)
        return

    known = {_PREFIX + setting.name.upper() for setting in settings_table()}
    assert environ.keys() <= known
    _is_within_its_ranges(policy)


def policy_files(data: bytes) -> None:
    """A policy file gives policies within their ranges, or one error that names each bad row."""
    path = Path(_folder.name) / "policy.toml"
    path.write_bytes(data)
    try:
        policies = load_policies({}, policy_file=str(path))
    except ConfigurationError as error:
        _tells(error)
        return

    _is_within_its_ranges(policies.general)
    for origin in policies.origins:
        _is_within_its_ranges(policies.of(origin))


def _is_within_its_ranges(policy: Policy) -> None:
    for setting in settings_table():
        value = getattr(policy, setting.name)
        assert value is not None or setting.optional
        assert not setting.choices or value in setting.choices
        if isinstance(value, int | float) and not isinstance(value, bool):
            assert math.isfinite(value)
            assert setting.low is None or setting.low <= value
            assert setting.high is None or value <= setting.high
    policy.breaker_settings()
    policy.pause_settings()
    policy.budget_settings()


def _tells(error: ConfigurationError) -> None:
    assert error.problems
    assert all(isinstance(problem, str) and problem for problem in error.problems)
    assert str(error)
