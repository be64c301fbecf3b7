"""One run of a suite: bare, or with the adapter in every session."""

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from xml.etree import ElementTree as ET

from tests.downstream.sources import unpacked
from tests.downstream.suites import Suite

PLUGINS = Path(__file__).with_name("plugins")
_A_TEST = 90
"""Seconds that a single test may take."""

_FROM_OUTSIDE = ("PYTEST", "PYTHON", "OTEL_", "VERTO_", "REQUESTS_", "CURL_", "SSL_", "COV_")


class Way(StrEnum):
    """How the adapter gets into the sessions of a suite."""

    BARE = "bare"
    MOUNTED = "mounted"
    INSTALLED = "installed"


PLUGIN_OF = {
    Way.BARE: (),
    Way.MOUNTED: ("verto_mounted",),
    Way.INSTALLED: ("verto_installed",),
}

_running: set[subprocess.Popen[bytes]] = set()

_WORST_FIRST = ("error", "failed", "skipped", "passed")


@dataclass(frozen=True, slots=True)
class Run:
    """What came of a run.

    Attributes:
        outcomes: What came of each test, by its id.
        trouble: Why the run is no good; empty when it is.
    """

    outcomes: Mapping[str, str]
    trouble: str = ""


def run(suite: Suite, way: Way, *, source: Path, python: Path, folder: Path) -> Run:
    """Run a suite in a fresh copy of its source; log and report stay in the folder."""
    shutil.rmtree(folder, ignore_errors=True)
    copy = folder / "source"
    copy.mkdir(parents=True)
    # Else pytest would look for its settings further up, and find those of this project.
    (copy / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    report, log = folder / "report.xml", folder / "log.txt"
    top = unpacked(source, copy)
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(python), "-m", "pytest", *_arguments(suite, way, report)],
            cwd=top,
            env=_environment(suite, folder),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        _running.add(process)
        try:
            code = process.wait(suite.seconds)
        except subprocess.TimeoutExpired:
            return Run({}, f"not at its end after {suite.seconds:g} s")
        finally:
            _end(process)
    if code not in {0, 1}:
        return Run({}, f"pytest ended with {code}: see {log}")
    outcomes = outcomes_in(report, top)
    return Run(outcomes, "" if outcomes else f"no test was run: see {log}")


def outcomes_in(report: Path, top: Path) -> dict[str, str]:
    """Read a report in the form of JUnit; of tests with one id the worst outcome counts.

    Paths are shortened where they begin with the folder of the run, which is another each time.
    """
    outcomes: dict[str, str] = {}
    for case in ET.parse(report).iter("testcase"):  # noqa: S314 - pytest wrote it
        name = f"{case.get('classname')}::{case.get('name')}".replace(f"{top}/", "")
        tags = {child.tag for child in case}
        outcome = "failed" if "failure" in tags else "passed"
        outcome = "skipped" if "skipped" in tags else outcome
        outcome = "error" if "error" in tags else outcome
        outcomes[name] = min(outcome, outcomes.get(name, "passed"), key=_WORST_FIRST.index)
    return outcomes


def _arguments(suite: Suite, way: Way, report: Path) -> list[str]:
    loaded = ("loopback_only", *suite.plugins, *PLUGIN_OF[way], "pytest_timeout")
    return [
        "-q",
        "--rootdir=.",
        *(f"-p{plugin}" for plugin in (*loaded, "no:cacheprovider")),
        f"--timeout={_A_TEST}",
        f"--junitxml={report}",
        *suite.arguments,
        *suite.tests,
    ]


def _environment(suite: Suite, folder: Path) -> dict[str, str]:
    temporary = folder / "tmp"
    temporary.mkdir()
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(_FROM_OUTSIDE) and not name.lower().endswith("_proxy")
    }
    return kept | {
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHONPATH": str(PLUGINS),
        "PYTHONDONTWRITEBYTECODE": "1",
        "TMPDIR": str(temporary),
        **suite.environment,
    }


def end_all() -> None:
    """End the runs under way, as an interrupt does not reach them: each has its own session."""
    for process in tuple(_running):
        _kill(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End what is left of a run: its session holds all that it started."""
    _kill(process)
    process.wait()
    _running.discard(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
