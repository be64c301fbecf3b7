import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from verto_resilience.cli.demonstration._scenes import SCENES

Run = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = pytest.mark.end_to_end

DEMO = (sys.executable, "-W", "error", "-m", "verto_resilience", "demo")
SABOTAGED = """
import sys
from verto_resilience import Policy
from verto_resilience.cli.demonstration import show
from verto_resilience.cli.demonstration._plain import PlainScreen

policy = Policy(verto_hosts=("127.0.0.1",), max_attempts=1, breaker_mode="off")
sys.exit(0 if show(PlainScreen(sys.stdout), policy) else 1)
"""


def test_every_promise_holds_in_less_than_20_seconds(run: Run) -> None:
    """The demo plays every scene in time, and each of its promises holds by the server's log."""
    began = time.monotonic()

    # The last three would break it if it took them for its own.
    result = run(
        "demo",
        VERTO_RESILIENCE_MAX_ATTEMPTS="1",
        OTEL_TRACES_SAMPLER="always_off",
        HTTP_PROXY="http://127.0.0.1:9",
    )

    assert (result.returncode, result.stderr) == (0, ""), result.stdout
    assert time.monotonic() - began < 20
    assert all(f"] {scene.title}\n" in result.stdout for scene in SCENES)
    assert "FAILED" not in result.stdout
    assert "break_duration 2 s instead of 5 s" in " ".join(result.stdout.split())
    assert "http.request.resend_count=2" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_plain_text_fits_80_columns_of_ascii(run: Run) -> None:
    """Without a terminal there is plain ASCII of at most 80 columns; without spans it says why."""
    result = run("demo", "--plain", OTEL_SDK_DISABLED="true", PYTHONIOENCODING="ascii")

    assert (result.returncode, result.stderr) == (0, ""), result.stdout
    assert result.stdout.isascii()
    assert "\x1b" not in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert "OTEL_SDK_DISABLED is set" in result.stdout


def test_broken_promises_are_named(clean_environment: dict[str, str]) -> None:
    """With an adapter that never resends and never opens a circuit, the server's log tells."""
    result = subprocess.run(
        [sys.executable, "-c", SABOTAGED],
        env=clean_environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (result.returncode, result.stderr) == (1, "")
    failed = re.findall(r"FAILED +(\w+)  .*\n +(.*)", result.stdout)
    assert {scene for scene, _ in failed} == {"2", "3", "4", "5", "6", "9"}
    assert ("2", "the server answered 429, 200; resends missing: 1") in failed
    assert ("4", "only 2 of 5 failures came: resends missing") in failed
    assert ("5", "3 calls, 3 requests") in failed
    assert ("9", "sent once, trades booked: 1") in failed


def test_interrupt_ends_it_cleanly(clean_environment: dict[str, str]) -> None:
    """SIGINT in the middle of a wait ends it at once: exit code 130 and no traceback."""
    with subprocess.Popen(
        DEMO, env=clean_environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        while "until the pause is over" not in process.stdout.readline():
            pass
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=10)

    assert (process.returncode, errors) == (130, "interrupted\n")
    assert time.monotonic() - began < 5.0
    # A call of another thread may still come to its end; the demo itself goes no further.
    assert "promises held" not in output


def test_terminal_gets_movement_and_is_left_as_found(clean_environment: dict[str, str]) -> None:
    """On a terminal a panel moves below the lines; NO_COLOR and Ctrl+C are honoured."""
    settings = {"TERM": "xterm-256color", "NO_COLOR": "1", "COLUMNS": "80", "LINES": "24"}
    terminal, end = pty.openpty()
    with subprocess.Popen(
        DEMO,
        env=clean_environment | settings | {"PYTHONIOENCODING": "utf-8"},
        stdin=end,
        stdout=end,
        stderr=end,
    ) as process:
        os.close(end)
        shown = _read(terminal, until="paused 1.")
        process.send_signal(signal.SIGINT)
        # A scene says "was interrupted" before; this is the last line of all.
        shown += _read(terminal, until="interrupted\r\n")
        process.wait(10)
    os.close(terminal)

    assert process.returncode == 130
    assert "circuit ● closed" in shown
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", shown)
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")


def test_kill_switch_is_told_at_once(run: Run) -> None:
    """With the library switched off there is nothing to show; one line says so."""
    result = run("demo", VERTO_RESILIENCE_DISABLED="true")

    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.count("\n") == 1
    assert "VERTO_RESILIENCE_DISABLED" in result.stderr


def test_report_is_written(run: Run, tmp_path: Path) -> None:
    """``--report`` leaves a page with the calls of the demo, and says where."""
    target = tmp_path / "flight.html"

    result = run("demo", "--plain", "--report", str(target))

    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.endswith(f"flight report: {target}\n")
    assert 'id="figure-calls"' in target.read_text(encoding="utf-8")


def test_report_that_cannot_be_written_is_told_at_once(run: Run, tmp_path: Path) -> None:
    """A folder that is not there, or a folder in place of a file, stops before the demo begins."""
    for target in (tmp_path / "none" / "flight.html", tmp_path):
        result = run("demo", "--report", str(target))

        assert (result.returncode, result.stdout) == (2, "")
        assert "cannot be written" in result.stderr


def _read(terminal: int, *, until: str) -> str:
    """Read what a terminal shows, until a text has come; at most for 15 seconds."""
    shown = b""
    end = time.monotonic() + 15
    while until.encode() not in shown:
        left = end - time.monotonic()
        assert left > 0, shown.decode()
        if select.select([terminal], [], [], left)[0]:
            shown += os.read(terminal, 65_536)
    return shown.decode()
