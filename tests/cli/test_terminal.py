import os
import pty
import subprocess

import pytest

from tests.cli.conftest import PYTHON


def _on_a_terminal(environment: dict[str, str], *arguments: str) -> list[str]:
    """Run a command whose errors go to a terminal, and give the lines that a person sees."""
    ours, theirs = pty.openpty()
    try:
        subprocess.run(
            [*PYTHON, "-m", "verto_resilience", *arguments],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=theirs,
            timeout=60,
            check=False,
        )
    finally:
        os.close(theirs)
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        return terminal.read(65_536).decode().splitlines()


def test_an_error_fits_the_terminal(clean_environment: dict[str, str]) -> None:
    """Each fault begins a line, goes on below it, and is never broken within a word."""
    faults = {"VERTO_RESILIENCE_MAX_ATTEMPTS": "0", "VERTO_RESILIENCE_READ_TIMEOUT": "61"}

    lines = _on_a_terminal(clean_environment | faults | {"COLUMNS": "70"}, "config")

    assert max(map(len, lines)) <= 70
    assert lines[0] == "error: environment:"
    assert [line for line in lines if line.startswith("  V")] == [
        "  VERTO_RESILIENCE_MAX_ATTEMPTS='0': allowed is a whole number from 1",
        "  VERTO_RESILIENCE_READ_TIMEOUT (61, environment) is more than",
        "  VERTO_RESILIENCE_READ_TIMEOUT (61, environment) is more than",
    ]
    assert "    to 10" in lines


def test_a_store_in_trouble_is_told_in_lines_that_fit(clean_environment: dict[str, str]) -> None:
    """Also what is no mistake in the settings."""
    store = {"VERTO_RESILIENCE_STORE": "unix:///nowhere", "COLUMNS": "50"}

    assert _on_a_terminal(clean_environment | store, "fleet") == [
        "error: store unix:///nowhere: nobody listens",
        "  there; start it, or correct the address",
    ]


def test_elsewhere_a_fault_is_one_line(clean_environment: dict[str, str]) -> None:
    """Who searches a log finds it whole."""
    result = subprocess.run(
        [*PYTHON, "-m", "verto_resilience", "config"],
        env=clean_environment | {"VERTO_RESILIENCE_READ_TIMEOUT": "61", "COLUMNS": "40"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert "no attempt could use its whole timeout" in result.stderr
    assert len(result.stderr.splitlines()) == 3


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ("request", "GET", "https://x", "--policy", "max_attempts"),
            ": max_attempts has no value: write max_attempts=VALUE",
        ),
        (
            ("simulate", "--incident", "flood"),
            ": 'flood' is not one of 'none', 'outage', ",
        ),
        (("conifg",), "No such command 'conifg'."),
    ],
)
def test_so_is_a_mistake_in_the_arguments(
    clean_environment: dict[str, str], arguments: tuple[str, ...], told: str
) -> None:
    """Below the usage, and without a frame around it."""
    result = subprocess.run(
        [*PYTHON, "-m", "verto_resilience", *arguments],
        env=clean_environment | {"COLUMNS": "60"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    usage, *_, last = result.stderr.splitlines()
    assert (result.returncode, result.stdout) == (2, "")
    assert usage.startswith("Usage: verto-resilience ")
    assert last.startswith("error: ")
    assert told in last
    assert "Value error" not in last


def test_a_mistake_in_the_arguments_fits_the_terminal(clean_environment: dict[str, str]) -> None:
    """Where a person reads it."""
    lines = _on_a_terminal(
        clean_environment | {"COLUMNS": "60"}, "request", "GET", "https://x", "-p", "max_attempts"
    )

    assert lines[-2:] == [
        "error: Invalid value for --policy: max_attempts has no",
        "  value: write max_attempts=VALUE",
    ]
