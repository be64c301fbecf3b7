import os
import subprocess
import sys
from collections.abc import Callable

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]
PYTHON = (sys.executable, "-W", "error")


@pytest.fixture
def clean_environment() -> dict[str, str]:
    """Give this process's environment without what would change a command's answer."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("VERTO_RESILIENCE_", "OTEL_", "COLUMNS", "FORCE_COLOR", "COV_"))
    }


@pytest.fixture
def run(clean_environment: dict[str, str]) -> Run:
    """Give a function that runs the real command; names are variables of its environment."""

    def command(*arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*PYTHON, "-m", "verto_resilience", *arguments],
            env=clean_environment | extra,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return command
