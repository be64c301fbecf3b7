import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TextIO

import pytest

from tests.cli.conftest import PYTHON
from verto_resilience.cli import _watch, run
from verto_resilience.cli._output import NOBODY_READS, UNWRITTEN, carry_out
from verto_resilience.cli._watch import watch
from verto_resilience.pipeline import StoreAddress
from verto_resilience.state import Place, Standing
from verto_resilience.testing import Reply, Sandbox

Shell = Callable[..., subprocess.CompletedProcess[str]]

FULL = Path("/dev/full")
PAGE = Path(__file__).resolve().parents[1] / "outcome" / "pages" / "status-page.md"
ERROR = "error: standard output cannot be written: "
PLACE = Place(StoreAddress("unix:///run/redis.sock"), "default")

pytestmark = pytest.mark.skipif(not FULL.exists(), reason="there is no device that is full")

SIMULATE = "simulate --clients 5 --rate 10 --seconds 140 --only none"
COMMANDS = (
    "",
    "--version",
    "codes --help",
    "codes list",
    "codes list --json",
    "codes show 1",
    "codes import PAGE",
    "codes diff PAGE",
    "explain 503",
    "operations",
    "operations --json",
    "config",
    "config --schema",
    "doctor",
    "doctor --json",
    "dashboard",
    SIMULATE,
    f"{SIMULATE} --json",
    f"{SIMULATE} --csv -",
)


@pytest.fixture
def shell(clean_environment: dict[str, str]) -> Shell:
    """Give a function that has a shell run the real command, with its outputs put elsewhere."""

    def command(arguments: str, outputs: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["/bin/sh", "-c", f'exec "$@" {outputs}', "sh", *PYTHON, *_MODULE, *arguments.split()],
            env=clean_environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return command


_MODULE = ("-m", "verto_resilience")


@pytest.mark.parametrize("command", COMMANDS, ids=[command or "none" for command in COMMANDS])
def test_a_full_disk_is_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    """Whatever is printed: the same sentence, and a status of its own."""
    monkeypatch.setenv("VERTO_RESILIENCE_MAX_ATTEMPTS", "1")

    with FULL.open("w") as output, redirect_stdout(output):
        code = run([str(PAGE) if part == "PAGE" else part for part in command.split()])

    assert (code, capsys.readouterr().err) == (UNWRITTEN, f"{ERROR}No space left on device\n")


@pytest.mark.parametrize("as_json", [[], ["--json"]], ids=["tree", "json"])
def test_a_call_whose_outcome_cannot_be_printed_is_not_made_again(
    capsys: pytest.CaptureFixture[str], as_json: list[str]
) -> None:
    """Who asked for it hears that it was made, and what came of it, before the fault."""
    told = []
    with Sandbox() as verto:
        verto.script("/a", [Reply(503)])
        for url in (f"{verto.url}/status/201", f"{verto.url}/a", "http://127.0.0.1:1/"):
            with FULL.open("w") as output, redirect_stdout(output):
                code = run(["request", "POST", url, "--policy", "max_attempts=1", *as_json])
            note, error = capsys.readouterr().err.splitlines(keepends=True)
            told.append(note)
            assert (code, error) == (UNWRITTEN, f"{ERROR}No space left on device\n")

    made = "note: the call has been made (attempts: 1); it ended with"
    answered, in_doubt, failed = told
    assert answered == f"{made} 201\n"
    assert in_doubt == f"{made} 503, and the server may have executed it\n"
    assert failed == f"{made} ConnectionError\n"


# The demo installs the SDK, and in this process others would find it.
@pytest.mark.parametrize(
    "command", ["--help", "codes list", "explain 503", "sandbox", "doctor", "demo --plain"]
)
def test_nothing_is_left_for_the_end_of_the_interpreter(shell: Shell, command: str) -> None:
    """Which would complain of it once more, with another status."""
    result = shell(command, f">{FULL}")

    told = f"{ERROR}No space left on device\n"
    assert (result.returncode, result.stderr) == (UNWRITTEN, told)


@pytest.mark.parametrize("command", ["--version", "codes list", "dashboard", "sandbox", "doctor"])
def test_a_closed_output_is_told_in_one_line(shell: Shell, command: str) -> None:
    """What was asked for is not taken for said."""
    result = shell(command, ">&-")

    assert (result.returncode, result.stderr) == (UNWRITTEN, f"{ERROR}Bad file descriptor\n")


def test_what_prints_nothing_may_find_it_closed(shell: Shell) -> None:
    """A mistake is told as ever, and with both closed it is still one."""
    told, untold = (shell("codes show 77", outputs) for outputs in (">&-", ">&- 2>&-"))

    assert (told.returncode, told.stderr) == (1, "API error code 77 is not in the table\n")
    assert untold.returncode == 1


def test_a_command_that_is_run_finds_it_closed_as_well(shell: Shell) -> None:
    """It has the outputs that it would have without ``run``."""
    result = shell("run -- cat /dev/null", ">&-")

    assert result.returncode == 1
    assert result.stderr.startswith("cat: ")


@pytest.mark.parametrize("outputs", ["2>/dev/full", "2>&-"])
def test_errors_that_cannot_be_told_leave_the_exit_code(shell: Shell, outputs: str) -> None:
    """A script still learns that it was a mistake, and nothing comes out elsewhere."""
    mistake = shell("config --nonsense", outputs)
    both = shell("--version", f"{outputs} >{FULL}")

    assert (mistake.returncode, mistake.stdout) == (2, "")
    assert both.returncode == UNWRITTEN


@contextmanager
def _unread() -> Iterator[int]:
    """Give the end of a pipe that nobody reads."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        yield writing
    finally:
        os.close(writing)


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("--help", NOBODY_READS),
        ("codes list", NOBODY_READS),
        ("config --json", NOBODY_READS),
        ("demo --plain", NOBODY_READS),
        (f"{SIMULATE} --csv -", NOBODY_READS),
        ("sandbox", 0),
    ],
)
def test_nobody_who_reads_is_nothing_to_tell(
    clean_environment: dict[str, str], command: str, code: int
) -> None:
    """It ends without a word, and as a shell would tell it; what goes on for ever ends well."""
    with _unread() as pipe:
        result = subprocess.run(
            [*PYTHON, *_MODULE, *command.split()],
            env=clean_environment,
            stdout=pipe,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )

    assert (result.returncode, result.stderr) == (code, "")


def test_the_status_is_that_of_a_broken_pipe() -> None:
    """As of any other program that a signal would have ended."""
    assert NOBODY_READS == 128 + signal.SIGPIPE


@pytest.mark.parametrize("as_json", [False, True])
def test_a_fleet_cannot_be_watched_on_a_full_disk(
    capsys: pytest.CaptureFixture[str], *, as_json: bool
) -> None:
    """It ends with the first picture that cannot be written."""

    def command() -> int:
        watch(lambda: Standing((), 0), PLACE, as_json=as_json)
        return 0

    with FULL.open("w") as output, redirect_stdout(output):
        code = carry_out(command)

    assert code == UNWRITTEN
    assert capsys.readouterr().err == f"{ERROR}No space left on device\n"


@pytest.mark.parametrize("as_json", [False, True])
def test_a_fleet_is_watched_until_nobody_reads(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *, as_json: bool
) -> None:
    """Also where it is the writing that tells."""
    monkeypatch.setattr(_watch, "_rest", lambda: None)

    def command() -> int:
        watch(lambda: Standing((), 0), PLACE, as_json=as_json)
        return 0

    with _unread() as pipe, os.fdopen(os.dup(pipe), "w") as output, redirect_stdout(output):
        code = carry_out(command)

    assert (code, capsys.readouterr().err) == (0, "")


def test_files_are_written_before_anything_is_printed(tmp_path: Path) -> None:
    """Whoever pipes into ``head`` gets the file."""
    file = tmp_path / "runs.csv"

    with FULL.open("w") as output, redirect_stdout(output):
        code = run([*SIMULATE.split(), "--csv", str(file)])

    assert code == UNWRITTEN
    assert file.stat().st_size > 0


def test_outputs_are_as_they_were_when_it_is_over() -> None:
    """Whoever calls the command line from Python goes on printing."""
    before = sys.stdout, sys.stderr

    code = carry_out(lambda: 7)

    assert (code, sys.stdout, sys.stderr) == (7, *before)
    sys.stdout.flush()


def test_whoever_took_hold_of_an_output_may_write_later(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As handlers of logging do, at the end of the interpreter."""
    taken: list[TextIO] = []

    def command() -> int:
        taken.extend((sys.stdout, sys.stderr))
        return 0

    carry_out(command)
    for stream in taken:
        stream.write("later")
        stream.flush()

    assert tuple(capsys.readouterr()) == ("later", "later")


def test_a_sign_that_the_encoding_lacks_is_no_reason_to_show_nothing(
    shell: Shell, clean_environment: dict[str, str], tmp_path: Path
) -> None:
    """It is written as an escape."""
    file = tmp_path / "codes.toml"
    file.write_text('[[code]]\ncode = 7\nstatus = 400\ndescription = "Betrag \u00fcberzogen"\n')
    clean_environment |= {"PYTHONIOENCODING": "ascii", "VERTO_RESILIENCE_CATALOGUE": str(file)}

    result = shell("codes show 7", "")

    assert (result.returncode, result.stderr) == (0, "")
    assert "Betrag \\xfcberzogen" in result.stdout
