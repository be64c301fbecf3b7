import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.page import blocks

pytestmark = pytest.mark.end_to_end

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
WITH_CODE = [
    page.relative_to(ROOT).as_posix()
    for page in PAGES
    if any(blocks(page.read_text(encoding="utf-8")))
]
LONGEST = 60.0


@pytest.mark.parametrize("page", WITH_CODE)
def test_what_a_page_shows_runs(page: str, tmp_path: Path) -> None:
    """The Python of each page runs as it stands, prints what is shown, and calls only loopback."""
    environ = {n: value for n, value in os.environ.items() if not n.startswith("VERTO_RESILIENCE_")}

    ran = subprocess.run(
        [sys.executable, "-W", "error", ROOT / "tests" / "docs" / "page.py", ROOT / page],
        cwd=tmp_path,
        env=environ | {"PYTHONPATH": str(ROOT / "examples")},
        capture_output=True,
        text=True,
        check=False,
        timeout=LONGEST,
    )

    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize(
    ("page", "told"),
    [
        ("```python\nprint(1)\n```\n\n```text\n2\n```\n", "and this came:\n1"),
        ("```python\nraise SystemExit(3)\n```\n", ""),
        ("<!-- not run: far away -->\n\n```python\n1 +\n```\n", "SyntaxError"),
        (
            "```python\nimport socket\nsocket.create_connection(('192.0.2.1', 9), 1)\n```\n",
            "a page asks for 192.0.2.1",
        ),
    ],
    ids=["another_output", "an_error", "no_python", "another_machine"],
)
def test_a_page_that_is_wrong_is_found(tmp_path: Path, page: str, told: str) -> None:
    """Another output than is shown, an error and a call to another machine fail the page."""
    path = tmp_path / "page.md"
    path.write_text(page, encoding="utf-8")

    ran = subprocess.run(
        [sys.executable, ROOT / "tests" / "docs" / "page.py", path],
        capture_output=True,
        text=True,
        check=False,
        timeout=LONGEST,
    )

    assert ran.returncode != 0
    assert told in ran.stderr


def test_no_block_is_overlooked() -> None:
    """Each fence that says Python is one that is run, or says why not."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")

        fences = len(re.findall(r"^\s*```\s*(?:python|py|pycon)\b", text, re.MULTILINE))

        assert fences == len(list(blocks(text))), page
