import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.comparison.__main__ import PROBES
from tests.comparison.contenders import CONTENDERS, OURS

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "comparison.md"
LONG = {"memory"}
"""What takes the better part of a minute, and has tests of its own."""


def _look(probe: str, contender: str) -> dict[str, str]:
    ran = subprocess.run(
        [sys.executable, "-m", "tests.comparison", probe, contender, "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr
    found: dict[str, str] = json.loads(ran.stdout)
    return found


@pytest.mark.end_to_end
@pytest.mark.parametrize("probe", [name for name in PROBES if name not in LONG])
def test_we_keep_what_the_page_says(probe: str) -> None:
    """Each promise of the page is kept by this library, today."""
    found = _look(probe, OURS)

    assert found["verdict"] == "yes", found["told"]


@pytest.mark.end_to_end
@pytest.mark.parametrize(
    ("probe", "contender", "verdict"),
    [
        ("retry_after", "requests", "not applicable"),
        ("outage", "retry", "no"),
        ("garbled", "retry", "no"),
        ("generator", "retry", "no"),
        ("quiet", "requests", "no"),
    ],
)
def test_the_probes_can_say_no(probe: str, contender: str, verdict: str) -> None:
    """A promise that is not kept is told so, and a question that does not arise is left open."""
    assert _look(probe, contender)["verdict"] == verdict


def test_the_page_has_every_cell() -> None:
    """The page is dated, names each version, and has each promise tried on each contender."""
    page = PAGE.read_text(encoding="utf-8")

    assert re.search(r"Measured on \d{4}-\d\d-\d\d with Python [\d.]+: ", page)
    for name in PROBES:
        for contender in CONTENDERS:
            assert page.count(f"`python -m tests.comparison {name} {contender}`") == 1
