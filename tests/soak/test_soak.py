import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.end_to_end, pytest.mark.long]

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 60


def test_nothing_is_lost_and_nothing_grows() -> None:
    """In a minute of misbehaviour every call ends, and what it took is given back.

    Every call brings a response or an exception of requests; memory, threads, sockets, spans and
    metric series do not grow. It has a process of its own, whose size is looked at.
    """
    soaked = subprocess.run(
        [sys.executable, "-m", "tests.soak", "--seconds", str(SECONDS)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )

    assert soaked.returncode == 0, soaked.stdout + soaked.stderr
    assert " calls = " in soaked.stdout
