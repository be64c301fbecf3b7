"""A plugin for the suites of others: mounts on each new session, and stands in for pool managers.

Each call is sent once and no circuit opens: what still differs from the bare run is none of the
things that the adapter is for.
"""

from typing import Any

import pool_managers  # type: ignore[import-not-found] # beside this file, as PYTHONPATH says
import pytest
import requests

import verto_resilience
from verto_resilience import Mode, Policy

_ONCE = Policy(max_attempts=1, breaker_mode=Mode.OFF)


def pytest_configure(config: pytest.Config) -> None:
    """Mount at the end of ``Session.__init__``, before a subclass mounts anything of its own."""
    config.addinivalue_line("filterwarnings", "ignore:.* retries by itself")
    pool_managers.replace(_ONCE)
    initialise = requests.Session.__init__

    def initialise_and_mount(self: requests.Session, *args: Any, **kwargs: Any) -> None:
        initialise(self, *args, **kwargs)
        verto_resilience.mount(self, policy=_ONCE)

    requests.Session.__init__ = initialise_and_mount  # type: ignore[method-assign]
