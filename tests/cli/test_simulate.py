import contextlib
import csv
import json
import os
import pty
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import PYTHON
from verto_resilience import load_policy
from verto_resilience.cli._told_runs import show_runs, watched
from verto_resilience.simulation import Scenario, Strategy, play_side_by_side

Run = Callable[..., subprocess.CompletedProcess[str]]

SMALL = ("simulate", "--clients", "20", "--rate", "40", "--workers", "4", "--seconds", "200")


def test_strategies_stand_side_by_side(run: Run) -> None:
    """A row tells for each strategy what it came to, and a line which of them stay down."""
    result = run(*SMALL, COLUMNS="80")

    lines = result.stdout.splitlines()
    assert (result.returncode, result.stderr) == (0, "")
    assert max(map(len, lines)) <= 80
    assert [line for line in lines if line.startswith("Retry(3) ") and "not seen" in line]
    assert [line for line in lines if line.startswith("verto_resilience ") and " s" in line]
    assert "Retry(3); Retry(3), backoff." in " ".join(lines)


def test_titles_are_whole_on_a_terminal_that_is_narrow(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a table would cut off stands below each strategy's name."""
    monkeypatch.setenv("COLUMNS", "60")
    scenario = Scenario(clients=20, rate=40, workers=4, seconds=200)
    policy = load_policy({})
    with watched((Strategy.NONE, Strategy.OURS)) as progress:
        runs = play_side_by_side(
            scenario, (Strategy.NONE, Strategy.OURS), policy, processes=1, progress=progress
        )

    show_runs(runs)

    lines = capsys.readouterr().out.splitlines()
    first, second = lines.index("no resends"), lines.index("verto_resilience")
    assert max(map(len, lines)) <= 60
    told = " ".join(line.strip() for line in lines[first + 1 : second])
    assert told.startswith("requests: 7,943, a call: 1.00, before: 39/s, during: ")
    assert told.endswith(", wasted: 65%, 99 %: 0.4 s, back: not seen")


def test_rows_go_to_standard_output_alone(run: Run) -> None:
    """So that they can be piped into another program."""
    result = run(*SMALL, "--only", "none", "--csv", "-")

    rows = list(csv.DictReader(result.stdout.splitlines()))
    assert (result.returncode, result.stderr) == (0, "")
    assert [int(row["second"]) for row in rows] == list(range(200))


def test_rows_and_json_are_not_mixed(run: Run) -> None:
    """It is refused before anything is played."""
    result = run("simulate", "--csv", "-", "--json", COLUMNS="200")

    assert (result.returncode, result.stdout) == (2, "")
    assert "- and --json cannot both be printed" in result.stderr


def test_json_holds_scenario_and_figures(run: Run) -> None:
    """Whoever works on with it has every figure under the name of its strategy."""
    told = json.loads(run(*SMALL, "--only", "none", "--only", "ours", "--json").stdout)

    assert told["scenario"]["clients"] == 20
    assert list(told["runs"]) == ["none", "ours"]
    assert told["runs"]["none"]["amplification"] == 1.0


def test_files_are_written_where_asked(run: Run, tmp_path: Path) -> None:
    """The CSV file has a row for each second of each strategy, and the page is one file."""
    table, report = tmp_path / "runs.csv", tmp_path / "page.html"

    result = run(*SMALL, "--only", "none", "--csv", str(table), "--report", str(report))

    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert result.returncode == 0
    assert [int(row["second"]) for row in rows] == list(range(200))
    assert sum(int(row["offered"]) for row in rows) > 1500
    assert "<h1>Simulation: brown-out</h1>" in report.read_text(encoding="utf-8")
    assert [line.split()[0] for line in result.stderr.splitlines()] == ["written:", "written:"]


def test_settings_come_from_the_file(run: Run, tmp_path: Path) -> None:
    """A policy file plays other clients than the defaults do."""
    file = tmp_path / "policy.toml"
    file.write_text("max_attempts = 1\nbreaker_mode = 'off'\n", encoding="utf-8")
    arguments = (*SMALL, "--only", "ours", "--json")

    usual = json.loads(run(*arguments).stdout)["runs"]["ours"]
    changed = json.loads(run(*arguments, "--policy", str(file)).stdout)["runs"]["ours"]

    assert usual["refused"] > 0
    assert (changed["refused"], changed["amplification"]) == (0, 1.0)


def test_settings_come_from_the_environment_when_asked(run: Run) -> None:
    """Variables count with --env, and only then."""
    arguments = (*SMALL, "--only", "ours", "--json")
    variable = {"VERTO_RESILIENCE_BREAKER_MODE": "off"}

    without = json.loads(run(*arguments, **variable).stdout)["runs"]["ours"]
    with_them = json.loads(run(*arguments, "--env", **variable).stdout)["runs"]["ours"]

    assert without["refused"] > 0
    assert with_them["refused"] == 0


def test_exit_code_says_that_ours_stay_down(run: Run) -> None:
    """A fleet that is not back by the end of the run is a 1, for a build that watches it."""
    result = run(*SMALL, "--seconds", "131", "--only", "ours")

    assert result.returncode == 1
    assert "not seen" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--clients", "0"), "clients is 0: allowed is from 1 up to 10000"),
        (("--incident", "rain"), "--incident"),
        (("--only", "hope"), "--only"),
        (("--start", "190"), "nothing after it would be seen"),
        (("--policy", "/nowhere/policy.toml"), "/nowhere/policy.toml"),
        (("--csv", "/nowhere/runs.csv"), "cannot be written there"),
        (("--report", "/"), "cannot be written there"),
        (("--report", "-"), "a page goes into a file"),
    ],
)
def test_mistake_is_told_before_anything_is_played(
    run: Run, arguments: tuple[str, ...], said: str
) -> None:
    """It is named, with exit code 2 and no traceback."""
    result = run(*SMALL, *arguments)

    assert (result.returncode, result.stdout) == (2, "")
    assert said in result.stderr
    assert "Traceback" not in result.stderr


def test_kill_switch_leaves_nothing_to_simulate(run: Run) -> None:
    """With DISABLED in the environment that was asked for, it says so."""
    result = run(*SMALL, "--env", VERTO_RESILIENCE_DISABLED="true")

    assert result.returncode == 2
    assert "nothing to simulate" in result.stderr


def test_a_terminal_shows_how_far_it_is(clean_environment: dict[str, str]) -> None:
    """There is a bar for each strategy while it runs, on standard error alone."""
    ours, theirs = pty.openpty()
    written: list[bytes] = []
    # A terminal takes a few thousand bytes and then waits for somebody to read them.
    reader = threading.Thread(target=_read_terminal, args=(ours, written), daemon=True)
    reader.start()
    try:
        result = subprocess.run(
            [*PYTHON, "-m", "verto_resilience", *SMALL],
            env=clean_environment | {"COLUMNS": "80", "TERM": "xterm"},
            stdout=subprocess.PIPE,
            stderr=theirs,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        os.close(theirs)
        reader.join(10.0)
    shown = b"".join(written).decode()

    assert result.returncode == 0
    assert "%" in shown
    assert "Retry(3), backoff" in shown
    assert "\x1b" not in result.stdout


@pytest.mark.end_to_end
def test_an_interrupt_ends_it(clean_environment: dict[str, str]) -> None:
    """Ctrl+C leaves no process behind, no traceback, and exit code 130."""
    with subprocess.Popen(
        [*PYTHON, "-m", "verto_resilience", "simulate", "--rate", "10000", "--workers", "1000"],
        env=clean_environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        # Once both children are there: each is another process of this group.
        while len(_group(process.pid)) < 3:
            assert process.poll() is None
        os.killpg(process.pid, signal.SIGINT)
        output, errors = process.communicate(timeout=30)

    assert (process.returncode, output) == (130, "")
    assert errors == "interrupted\n"
    # What multiprocessing keeps beside the children goes when it sees that nobody is left.
    until = time.monotonic() + 5.0
    while _group(process.pid) and time.monotonic() < until:
        time.sleep(0.01)
    assert _group(process.pid) == []


def _group(number: int) -> list[int]:
    """Give the processes of a group that are alive."""
    alive = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == number and fields[0] != "Z":
            alive.append(int(entry.name))
    return alive


def _read_terminal(descriptor: int, written: list[bytes]) -> None:
    with os.fdopen(descriptor, "rb", buffering=0) as terminal, contextlib.suppress(OSError):
        # Linux ends it with an error once nobody has the other side open.
        while piece := terminal.read(4096):
            written.append(piece)
