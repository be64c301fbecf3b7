from collections.abc import Iterator

import pytest

from verto_resilience.testing import Sandbox


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sessions that bring their own settings read these variables."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def verto() -> Iterator[Sandbox]:
    """Give a running sandbox."""
    with Sandbox() as sandbox:
        yield sandbox
