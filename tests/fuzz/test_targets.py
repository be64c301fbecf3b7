from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from tests.fuzz.__main__ import main
from tests.fuzz.one import inputs
from tests.fuzz.one import main as run_one
from tests.fuzz.targets import CORPUS, TARGETS, Target

SEEDS = [(target, path) for target in TARGETS.values() for path in target.seeds()]


@pytest.mark.parametrize(
    ("target", "path"), SEEDS, ids=[f"{target.name}-{path.name}" for target, path in SEEDS]
)
def test_promises_hold_for_the_corpus(target: Target, path: Path) -> None:
    """Nothing is found with an input that is kept, those that once failed among them."""
    target.check(path.read_bytes())


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_promises_hold_for_what_is_put_together(target: Target) -> None:
    """Nothing is found with inputs made of words and of pieces of the corpus."""

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(inputs(target))
    def check(data: bytes) -> None:
        target.check(data)

    check()


def test_every_folder_of_the_corpus_has_a_target() -> None:
    """No seed is forgotten, and the corpus stays small."""
    files = [path for path in CORPUS.rglob("*") if path.is_file()]

    assert {path.parent.name for path in files} == set(TARGETS)
    assert sum(path.stat().st_size for path in files) < 100_000


def test_broken_promise_is_found_and_can_be_looked_at_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An input that breaks a promise ends the run, and can be tried by itself."""

    def retry_after(data: bytes) -> None:
        assert b"120" not in data

    monkeypatch.setitem(TARGETS, "retry_after", TARGETS["retry_after"]._replace(check=retry_after))
    good, bad = tmp_path / "good", tmp_path / "bad"
    good.write_bytes(b"12")
    bad.write_bytes(b"120")

    with pytest.raises(AssertionError):
        run_one(["retry_after", "--engine", "hypothesis", "--seconds", "60"])
    with pytest.raises(AssertionError):
        run_one(["retry_after", str(good), str(bad)])

    assert capsys.readouterr().out == f"{good}: nothing found\n"


def test_run_tells_how_much_was_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The table has a row for each target and engine, with the number of inputs."""
    monkeypatch.setattr("tests.fuzz.__main__._BUILD", tmp_path)

    code = main(["--seconds", "1", "--jobs", "1", "retry_after"])

    rows = [line.split(" | ") for line in capsys.readouterr().out.splitlines() if "after" in line]
    assert code == 0
    assert rows[-1][:2] == ["| retry_after", "hypothesis"]
    assert int(rows[-1][2]) > 0
    assert rows[-1][3] == "nothing |"
