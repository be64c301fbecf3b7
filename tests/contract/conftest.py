from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.contract.edges import EDGES, Client, Edge
from tests.contract.seen import Maker
from tests.end_to_end.sessions import quick
from tests.end_to_end.wire import Say, Wire, Wirer
from tests.telemetry.makers import Sdk, global_sdk
from verto_resilience.testing import Sandbox


@pytest.fixture(params=EDGES, ids=lambda edge: edge.name)
def edge(request: pytest.FixtureRequest) -> Edge:
    """Go through the edges."""
    found: Edge = request.param
    return found


@pytest.fixture
def client(edge: Edge) -> Iterator[Maker]:
    """Give a maker of clients of the edge; all are closed at the end."""
    with ExitStack() as stack:

        def make(**settings: Any) -> Client:
            observer = settings.pop("observer", None)
            made = edge.client(quick(**settings), observer)
            stack.callback(made.close)
            return made

        yield make


@pytest.fixture
def verto() -> Iterator[Sandbox]:
    """Give a running sandbox."""
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def wired() -> Iterator[Wirer]:
    """Give a maker of wires; all are closed at the end."""
    with ExitStack() as stack:

        def make(*says: Say, **options: Any) -> Wire:
            return stack.enter_context(Wire(*says, **options))

        yield make


@pytest.fixture
def sdk(monkeypatch: pytest.MonkeyPatch) -> Sdk:
    """Give an SDK that is the global one for the time of a test."""
    return global_sdk(monkeypatch)
