import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).with_name("conftest.py")
WAYS_TO_SKIP = {
    "test": "def test_it():\n    pytest.skip('{reason}')\n",
    "fixture": "@pytest.fixture\ndef it():\n    pytest.skip('{reason}')\n\ndef test_it(it): ...\n",
    "mark": "@pytest.mark.skipif(True, reason='{reason}')\ndef test_it(): ...\n",
    "file": "pytest.skip('{reason}', allow_module_level=True)\n",
}
REASONS = {"needs": "needs a tool", "other": "nothing to do on this platform"}


@pytest.mark.parametrize(
    ("ci", "expected"),
    [("true", {"failed": 1, "errors": 3, "skipped": 4}), ("", {"skipped": 8})],
)
def test_what_a_test_needs_must_be_there_in_ci(
    tmp_path: Path, ci: str, expected: dict[str, int]
) -> None:
    """A skip whose reason begins with 'needs ' is a failure where CI is 'true', and only there."""
    (tmp_path / "conftest.py").write_text(CONFTEST.read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --continue-on-collection-errors\n")
    for way, text in WAYS_TO_SKIP.items():
        for name, reason in REASONS.items():
            written = "import pytest\n\n" + text.format(reason=reason)
            (tmp_path / f"test_{way}_{name}.py").write_text(written)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    around = {name: value for name, value in os.environ.items() if "PYTEST" not in name}

    ended = subprocess.run(
        command, capture_output=True, text=True, check=False, env=around | {"CI": ci}
    )

    told = ended.stdout.splitlines()[-1]
    counted = {what: int(number) for number, what in re.findall(r"(\d+) ([a-z]+)", told)}
    assert counted == expected, ended.stdout
