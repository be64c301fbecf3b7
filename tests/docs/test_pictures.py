import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    "picture",
    ["state_diagram", pytest.param("trace_picture", marks=pytest.mark.end_to_end)],
)
def test_pictures_are_those_of_the_code(picture: str) -> None:
    """The states are drawn from the table of moves, the trace from spans as they are today."""
    checked = subprocess.run(
        [sys.executable, "-m", f"docs.generate.{picture}", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert checked.returncode == 0, checked.stdout + checked.stderr
