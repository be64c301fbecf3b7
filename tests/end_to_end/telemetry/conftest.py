import logging
from collections.abc import Iterator

import pytest

from tests.end_to_end.telemetry.setups import Setup, instrumented
from tests.telemetry.makers import Sdk, global_sdk
from tests.telemetry.records import kept_records


@pytest.fixture
def sdk(monkeypatch: pytest.MonkeyPatch) -> Sdk:
    """Give an SDK that is the global one for the time of a test."""
    return global_sdk(monkeypatch)


@pytest.fixture(params=list(Setup))
def setup(request: pytest.FixtureRequest, sdk: Sdk) -> Iterator[Setup]:
    """Go through the four set-ups, each in force."""
    setup: Setup = request.param
    with instrumented(setup, sdk):
        yield setup


@pytest.fixture
def log() -> Iterator[list[logging.LogRecord]]:
    """Give every record the library writes, down to DEBUG."""
    with kept_records() as records:
        yield records
