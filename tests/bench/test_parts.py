import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench.parts import NAMES

pytestmark = pytest.mark.bench

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.mark.parametrize("name", NAMES)
def test_each_part_of_a_recording_can_be_counted(name: str) -> None:
    """What `make instructions BENCH_ARGS=--parts` counts runs, and records."""
    command = [sys.executable, "-m", "tests.bench.instructions", "--count", name]

    ran = subprocess.run(
        [*command, "http://127.0.0.1:9/", "2"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert ran.returncode == 0, ran.stderr
