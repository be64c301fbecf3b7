from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.end_to_end.sessions import quick
from tests.end_to_end.urllib3.managers import Manager
from tests.telemetry.makers import Sdk, global_sdk
from verto_resilience import VertoPoolManager


@pytest.fixture
def managed() -> Iterator[Manager]:
    """Give a maker of pool managers; all are cleared at the end."""
    with ExitStack() as stack:

        def make(inner: Any = None, **settings: Any) -> VertoPoolManager:
            pools: dict[str, Any] = settings.pop("pools", {})
            given = {name: settings.pop(name, None) for name in ("observer", "refresh")}
            manager = VertoPoolManager(inner=inner, policy=quick(**settings), **given, **pools)
            return stack.enter_context(manager)

        yield make


@pytest.fixture
def sdk(monkeypatch: pytest.MonkeyPatch) -> Sdk:
    """Give an SDK that is the global one for the time of a test."""
    return global_sdk(monkeypatch)
