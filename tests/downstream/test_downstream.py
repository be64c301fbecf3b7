import hashlib
import io
import sys
import tarfile
from pathlib import Path

import pytest

from tests.downstream.__main__ import main
from tests.downstream.differences import Difference, Found, differences, reasons, unexplained
from tests.downstream.page import Result, page, table
from tests.downstream.plugins.loopback_only import is_here
from tests.downstream.runs import Run, Way, outcomes_in, run
from tests.downstream.sources import MissingSourceError, source_of
from tests.downstream.suites import Suite, read_suites

ROOT = Path(__file__).resolve().parent.parent.parent
TESTS = b"""
import socket, sys, tempfile
import pytest

def test_passes(): pass
def test_fails(): assert False
def test_is_skipped(): pytest.skip("so")
def test_stays_here():
    with pytest.raises(OSError):
        socket.create_connection(("example.invalid", 80), timeout=0.1)
    with pytest.raises(TimeoutError):
        socket.create_connection(("192.0.2.1", 80), timeout=0.1)
@pytest.mark.parametrize("path", [__file__], ids=[__file__])
def test_paths(path): pass
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Give a source distribution with a suite of a few tests."""
    path = tmp_path / "sources" / "small-1.tar.gz"
    path.parent.mkdir()
    with tarfile.open(path, "w:gz") as archive:
        member = tarfile.TarInfo("small-1/tests/test_small.py")
        member.size = len(TESTS)
        archive.addfile(member, io.BytesIO(TESTS))
    return path


def small(source: Path, **fields: object) -> Suite:
    """Make a row of the table for it."""
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    row = {"name": "small", "version": "1", "sha256": digest, "tests": ("tests",), "seconds": 60}
    return Suite(**(row | fields))  # type: ignore[arg-type]


def test_every_suite_of_the_table_has_a_source_distribution_in_the_lock() -> None:
    """The table names suites that uv.lock can give, requests' own the first."""
    suites = read_suites()

    assert suites[0].name == "requests"
    assert all(len(suite.sha256) == 64 and suite.version for suite in suites)


def test_reasons_are_for_suites_of_the_table() -> None:
    """Each reason is for a suite that is run and a way it is run in, and says something."""
    known = reasons()

    assert {one.suite for one in known} <= {suite.name for suite in read_suites()}
    assert {one.way for one in known} <= {Way.MOUNTED, Way.INSTALLED}
    assert all(len(reason) > 20 for reason in known.values())


def test_difference_is_what_ends_otherwise() -> None:
    """Tests that end otherwise or run in one run only differ; that fail in both tell nothing."""
    bare = {"a": "passed", "b": "passed", "c": "failed", "d": "failed", "e": "passed"}
    ours = {"a": "passed", "b": "error", "c": "error", "d": "passed", "f": "passed"}

    found = differences("s", Way.MOUNTED, bare, ours)

    assert [(one.difference.test, one.bare, one.ours) for one in found] == [
        ("b", "passed", "error"),
        ("d", "failed", "passed"),
        ("e", "passed", "missing"),
        ("f", "missing", "passed"),
    ]
    assert unexplained(found, {found[0].difference: "so"}) == found[1:]


def test_worst_outcome_of_an_id_counts(tmp_path: Path) -> None:
    """Tests with the same id are told as one, and paths without the folder of the run."""
    report = tmp_path / "report.xml"
    report.write_text(
        f'<testsuite><testcase classname="t" name="a[{tmp_path}/x]"><failure/></testcase>'
        f'<testcase classname="t" name="a[{tmp_path}/x]"/>'
        '<testcase classname="t" name="b"><skipped/></testcase></testsuite>',
        encoding="utf-8",
    )

    assert outcomes_in(report, tmp_path) == {"t::a[x]": "failed", "t::b": "skipped"}


@pytest.mark.parametrize("host", ["localhost", "127.0.0.2", "::1", b"127.0.0.1", None, "0.0.0.0"])  # noqa: S104
def test_this_machine_is_reached(host: object) -> None:
    """Names and addresses of loopback stay open."""
    assert is_here(host)


@pytest.mark.parametrize("host", ["example.com", "10.0.0.1", "8.8.8.8", "2001:db8::1"])
def test_other_machines_are_not(host: str) -> None:
    """Everything else is closed."""
    assert not is_here(host)


def test_suite_is_run_bare(source: Path, tmp_path: Path) -> None:
    """A suite runs from its source, on loopback only, and each test's outcome is told."""
    done = run(
        small(source),
        Way.BARE,
        source=source,
        python=_python(tmp_path),
        folder=tmp_path / "run",
    )

    assert done.trouble == ""
    assert done.outcomes == {
        "tests.test_small::test_passes": "passed",
        "tests.test_small::test_fails": "failed",
        "tests.test_small::test_is_skipped": "skipped",
        "tests.test_small::test_stays_here": "passed",
        "tests.test_small::test_paths[tests/test_small.py]": "passed",
    }


@pytest.mark.parametrize(
    ("fields", "trouble"),
    [
        ({"tests": ("nothing",)}, "pytest ended with 4"),
        ({"arguments": ("-k=nothing",)}, "pytest ended with 5"),
        ({"seconds": 0.1}, "not at its end after 0.1 s"),
    ],
)
def test_run_that_is_no_good_says_so(
    source: Path, tmp_path: Path, fields: dict[str, object], trouble: str
) -> None:
    """A run without tests, with wrong arguments, or without an end is not compared."""
    suite = small(source, **fields)

    done = run(suite, Way.BARE, source=source, python=_python(tmp_path), folder=tmp_path / "run")

    assert done.outcomes == {}
    assert done.trouble.startswith(trouble)


def test_source_is_believed_by_its_hash(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is there with the right hash is taken; anything else is not, and pip is asked."""
    suite = small(source)
    assert source_of(suite, source.parent) == source
    source.write_bytes(b"something else")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)

    with pytest.raises(MissingSourceError, match="small"):
        source_of(suite, source.parent)


def test_table_and_page_tell_each_difference(source: Path) -> None:
    """A row for each suite, a row for each difference with its reason, and why one was left out."""
    bare, ours = {"t::a|b": "passed", "t::c": "failed"}, {"t::a|b": "failed", "t::c": "failed"}
    runs = {Way.BARE: Run(bare), Way.MOUNTED: Run(ours), Way.INSTALLED: Run(bare)}
    one = Found(Difference("small", "mounted", "t::a|b"), "passed", "failed")
    results = [
        Result(small(source), runs, [one]),
        Result(small(source, name="gone"), {}, missing="no index"),
        Result(small(source, name="slow"), {Way.BARE: Run({}, "not at its end")}),
    ]

    assert table(results).splitlines()[2:] == [
        "| small 1 | 2 | 1 | 1 | 1 | 0 |",
        "| gone 1 | not had | | | | |",
        "| slow 1 | not compared | | | | |",
    ]
    text = page(results, {one.difference: "a promise"}, "today")
    assert "| small | `t::a\\|b` | mounted | passed, then failed | a promise |" in text


@pytest.mark.parametrize(("in_ci", "code"), [("false", 0), ("true", 1)])
def test_suite_that_cannot_be_had_is_left_out_loudly(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    in_ci: str,
    code: int,
) -> None:
    """Without the index a suite is left out and said to be; in CI that is a failure."""
    monkeypatch.setattr("tests.downstream.__main__._BUILD", tmp_path)
    monkeypatch.setenv("CI", in_ci)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)

    assert main(["requests-file"]) == code

    assert "LEFT OUT: requests-file: " in capsys.readouterr().err


def _python(folder: Path) -> Path:
    """Give an interpreter that finds a pytest_timeout: the environment of the suites has one."""
    stand_in = folder / "python"
    stand_in.write_text(
        f'#!/bin/sh\nPYTHONPATH="{folder}:$PYTHONPATH" exec "{sys.executable}" "$@"\n',
        encoding="utf-8",
    )
    stand_in.chmod(0o755)
    (folder / "pytest_timeout.py").write_text(
        "def pytest_addoption(parser):\n    parser.addoption('--timeout')\n", encoding="utf-8"
    )
    return stand_in
