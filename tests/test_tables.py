import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_generated_tables_are_those_of_the_code() -> None:
    """README and docs show the settings as the code has them; `make tables` writes them anew."""
    checked = subprocess.run(
        [sys.executable, "docs/generate/tables.py", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert checked.returncode == 0, checked.stdout + checked.stderr
