import re
from pathlib import Path

import pytest
import requests

import verto_resilience.mounting
from verto_resilience.testing import ChaosAdapter, Sandbox, pytest_plugin

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.end_to_end

# Loaded here already, so that a run inside this one does not load them anew.
LOADED = (requests, verto_resilience.mounting, ChaosAdapter, Sandbox, pytest_plugin)

PAGE = Path(__file__).resolve().parents[2] / "docs" / "testing.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_what_the_page_shows_passes(pytester: pytest.Pytester, number: int) -> None:
    """Each block is a file of tests as a user would have it, and all of them pass."""
    pytester.makepyfile(BLOCKS[number])

    result = pytester.runpytest("-p", "no:cacheprovider", "-W", "error")

    tests = BLOCKS[number].count("\ndef test_")
    assert tests
    result.assert_outcomes(passed=tests)
