import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "verto_resilience"


def _lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    command = Path(sys.executable).with_name("lint-imports")
    return subprocess.run(
        [command, "--no-cache", "--no-logo"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_every_contract_holds() -> None:
    """No module imports from a floor above it, and the pure floors stay pure."""
    result = _lint_imports(ROOT)

    assert result.returncode == 0, result.stdout + result.stderr
    assert "0 broken" in result.stdout


@pytest.mark.parametrize(
    ("path", "code", "contract"),
    [
        ("machines/_trespasser.py", "import time", "the pure floors know no clock"),
        ("outcome/_trespasser.py", f"import {PACKAGE}.machines", "only from the floors below"),
        ("trespasser.py", "", "only from the floors below"),
        ("machines/_trespasser.py", f"import {PACKAGE}.machines._pause", "do not know each other"),
        ("pipeline/_trespasser.py", "import opentelemetry.trace", "only telemetry imports"),
        ("config/_trespasser.py", "import requests", "only the edges import an HTTP client"),
    ],
)
def test_a_trespass_is_noticed(tmp_path: Path, path: str, code: str, contract: str) -> None:
    """A module that breaks a contract makes the check fail and names that contract."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(ROOT / PACKAGE, tmp_path / PACKAGE)
    trespasser = tmp_path / PACKAGE / path
    trespasser.write_text(code + "\n", encoding="utf-8")

    result = _lint_imports(tmp_path)

    assert result.returncode == 1, result.stdout + result.stderr
    broken = [line for line in result.stdout.splitlines() if " BROKEN" in line]
    assert any(contract in line for line in broken), result.stdout
