import subprocess
import sys
from pathlib import Path

import pytest

from verto_resilience.cli.demonstration import _existing_client

EXAMPLE = Path(__file__).parents[2] / "examples" / "existing_client.py"


def test_demo_takes_the_client_of_the_example() -> None:
    """The client in the package is the one that the example shows, to the letter."""
    packaged = Path(_existing_client.__file__).read_text(encoding="utf-8")

    assert EXAMPLE.read_text(encoding="utf-8").startswith(packaged)


@pytest.mark.end_to_end
def test_example_runs() -> None:
    """The example runs as it stands."""
    result = subprocess.run(
        [sys.executable, "-W", "error", EXAMPLE],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (result.returncode, result.stderr) == (0, "")
    assert "trade requested" in result.stdout
