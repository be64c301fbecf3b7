"""A plugin for the suites of others: ``install()``, with the settings that users get.

Anew for each test, as each is a program of its own: else the circuit that one opened would refuse
the calls of the next, for they often ask the same server. What ``install()`` does not reach, the
pool managers of urllib3, is one of ours each.
"""

from collections.abc import Generator

import pool_managers  # type: ignore[import-not-found] # beside this file, as PYTHONPATH says
import pytest

from verto_resilience.mounting import install, uninstall


def pytest_configure(config: pytest.Config) -> None:
    """Let suites that make errors of warnings go on."""
    config.addinivalue_line("filterwarnings", "ignore:.* retries by itself")
    pool_managers.replace(None)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Install for one test, with its fixtures."""
    install()
    try:
        return (yield)
    finally:
        uninstall()
