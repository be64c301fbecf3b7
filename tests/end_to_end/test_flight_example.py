import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.end_to_end

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "flight_report.py"


def test_example_writes_a_report_of_its_run(tmp_path: Path) -> None:
    """The example runs as printed, and its page counts what it says."""
    target = tmp_path / "flight.html"

    result = subprocess.run(
        [sys.executable, "-W", "error", EXAMPLE, target],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert result.returncode == 0, result.stderr
    calls, _, rest = result.stdout.splitlines()[-2].partition(" calls, ")
    attempts = rest.partition(" ")[0]
    page = target.read_text(encoding="utf-8")
    assert f'id="figure-calls">{calls}<' in page
    assert f'id="figure-attempts">{attempts}<' in page
    assert 'id="figure-unknown">1<' in page
