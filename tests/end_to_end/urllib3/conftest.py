from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import opentelemetry.metrics._internal as metrics_internal
import pytest
from opentelemetry import trace

from tests.end_to_end.sessions import quick
from tests.end_to_end.urllib3.managers import Manager
from tests.telemetry.makers import Sdk
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
    sdk = Sdk()
    # The API lets it be set only once in a process.
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", sdk.tracers)
    monkeypatch.setattr(metrics_internal, "_METER_PROVIDER", sdk.meters)
    return sdk
