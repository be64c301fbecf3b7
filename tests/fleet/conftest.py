from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fleet.server import RedisServer
from verto_resilience.testing import Sandbox


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    """Give a server that runs."""
    with RedisServer(tmp_path) as started:
        yield started


@pytest.fixture
def verto() -> Iterator[Sandbox]:
    """Give an origin."""
    with Sandbox(keeps=100_000) as sandbox:
        yield sandbox
