import pytest

from tests.browser.chromium import Chromium


@pytest.fixture
def chromium(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Chromium:
    """Give a browser; selenium reports nothing to anybody and asks no proxy for the loopback."""
    monkeypatch.setenv("SE_AVOID_STATS", "true")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")
    return Chromium(tmp_path_factory.mktemp("profiles"))
