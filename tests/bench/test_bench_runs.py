import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.bench

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.mark.parametrize(
    ("part", "row"),
    [("breaker", "breaker, 8 threads"), ("edges", "get, AsyncVertoTransport, SDK")],
)
def test_the_bench_measures_a_row_and_writes_it(part: str, row: str, tmp_path: Path) -> None:
    """`python -m tests.bench --quick` prints its table within 100 columns and writes the figures.

    What is not installed is left out: the rivals are in the environment of `make bench` only.
    """
    figures = tmp_path / "bench.json"

    ran = subprocess.run(
        [sys.executable, "-m", "tests.bench", "--quick", "--rows", part, "--json", figures],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert ran.returncode == 0, ran.stderr
    assert f"| {row} " in ran.stdout
    table = [line for line in ran.stdout.splitlines() if line.startswith("|")]
    assert max(len(line) for line in table) <= 100
    rows = json.loads(figures.read_text(encoding="utf-8"))["rows"]
    assert row in {one["what"] for one in rows}
