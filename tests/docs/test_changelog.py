import re
import shutil
from pathlib import Path

import pytest

from docs.generate.changelog import main

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Give a copy of what says what changed."""
    shutil.copytree(ROOT / "docs" / "changes", tmp_path / "docs" / "changes")
    for name in ("pyproject.toml", "CHANGELOG.md"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def _words(text: str) -> str:
    return " ".join(text.split())


def test_a_release_takes_everything_along(tree: Path) -> None:
    """What was unreleased, as a line or as a file, stands under the version, and nowhere else."""
    page = tree / "CHANGELOG.md"
    lines = re.findall(r"^- (.*(?:\n  .*)*)", page.read_text(encoding="utf-8"), re.MULTILINE)
    files = [path for path in (tree / "docs" / "changes").glob("*.*.md") if path.is_file()]
    told = [*lines, *(path.read_text(encoding="utf-8") for path in files)]
    assert told

    assert main(tree, "9.9.9") == 0

    before, _, released = page.read_text(encoding="utf-8").partition("## [9.9.9] - ")
    assert [one for one in map(_words, told) if one not in _words(released)] == []
    assert before.endswith("## [Unreleased]\n\n")
    assert not [path for path in files if path.exists()]


def test_a_draft_changes_nothing(tree: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Without a version it is only shown."""
    before = {path: path.read_bytes() for path in tree.rglob("*") if path.is_file()}

    assert main(tree, None) == 0

    assert "## [next] - " in capfd.readouterr().out
    assert before == {path: path.read_bytes() for path in tree.rglob("*") if path.is_file()}


def test_each_file_has_a_kind() -> None:
    """No change is lost by a name that is not understood."""
    kinds = {"added", "changed", "deprecated", "removed", "fixed", "security"}
    names = [path.name for path in (ROOT / "docs" / "changes").iterdir()]

    strange = [
        name
        for name in names
        if name not in {"README.md", "template.jinja"}
        and not (re.fullmatch(r"[\w+-]+\.(\w+)\.md", name) and name.split(".")[1] in kinds)
    ]

    assert strange == []
