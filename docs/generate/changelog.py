"""Puts the changes since the last release into ``CHANGELOG.md`` under a version.

``python -m docs.generate.changelog`` shows what that would be, ``... VERSION`` does it. What stands
under *Unreleased* is taken along.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_UNRELEASED = re.compile(
    r"(?<=^## \[Unreleased\]\n)(?P<text>.*?)(?=^## |\Z)", re.DOTALL | re.MULTILINE
)
_ENTRY = re.compile(r"^- (?P<text>.*(?:\n  .*)*)", re.MULTILINE)


def main(root: Path, version: str | None) -> int:
    """Release a version, or show the next one."""
    page = root / "CHANGELOG.md"
    text = page.read_text(encoding="utf-8")
    found = _UNRELEASED.search(text)
    if found is None:
        print("CHANGELOG.md has no section '## [Unreleased]'", file=sys.stderr)
        return 1
    written = []
    for number, (kind, entry) in enumerate(_entries(found["text"])):
        place = root / "docs" / "changes" / f"+{number:03}.{kind}.md"
        place.write_text(f"{entry}\n", encoding="utf-8")
        written.append(place)
    how = ["--draft", "--version", "next"] if version is None else ["--yes", "--version", version]
    if version is not None:
        page.write_text(text.replace(found["text"], "\n"), encoding="utf-8")
    tool = Path(sys.executable).with_name("towncrier")
    command = [str(tool), "build", "--dir", str(root), *how]
    built = subprocess.run(command, cwd=root, check=False)  # noqa: S603 - the project's own tool
    for place in written:
        place.unlink(missing_ok=True)
    return built.returncode


def _entries(section: str) -> Iterator[tuple[str, str]]:
    kind = "changed"
    for part in re.split(r"^(?=### )", section, flags=re.MULTILINE):
        if part.startswith("### "):
            kind = part.partition("\n")[0].removeprefix("### ").strip().lower()
        for entry in _ENTRY.finditer(part):
            yield kind, entry["text"].replace("\n  ", "\n")


if __name__ == "__main__":
    sys.exit(main(ROOT, sys.argv[1] if len(sys.argv) > 1 else None))
