import socket
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import requests

import verto_resilience
from tests.end_to_end.sessions import Mounter, quick
from tests.end_to_end.wire import Say, Wire, Wirer
from verto_resilience.testing import Sandbox


@pytest.fixture
def verto() -> Iterator[Sandbox]:
    """Give a running sandbox."""
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def plain() -> Iterator[requests.Session]:
    """Give a plain session that no proxy variable touches."""
    with requests.Session() as session:
        session.trust_env = False
        yield session


@pytest.fixture
def mounted() -> Iterator[Mounter]:
    """Give a maker of sessions with the adapter mounted; all are closed at the end."""
    with ExitStack() as stack:

        def make(**settings: Any) -> requests.Session:
            observer = settings.pop("observer", None)
            session = stack.enter_context(requests.Session())
            session.trust_env = False
            return verto_resilience.mount(session, policy=quick(**settings), observer=observer)

        yield make


@pytest.fixture
def closed_port() -> Iterator[str]:
    """Give the address of a port on which nobody listens, and nobody else can."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{holder.getsockname()[1]}"


@pytest.fixture
def wired() -> Iterator[Wirer]:
    """Give a maker of wires; all are closed at the end."""
    with ExitStack() as stack:

        def make(*says: Say, **options: Any) -> Wire:
            return stack.enter_context(Wire(*says, **options))

        yield make
