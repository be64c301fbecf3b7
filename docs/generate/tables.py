"""Writes the generated tables into the pages that show them; --check only compares.

A page marks the place with ``<!-- table: NAME -->`` and ``<!-- end table -->``.
"""

import re
import sys
from collections.abc import Callable
from pathlib import Path

from docs.generate import reference
from verto_resilience.config import render_main_settings, render_settings

ROOT = Path(__file__).resolve().parent.parent.parent
TABLES: dict[str, Callable[[], str]] = {
    "settings": render_settings,
    "main-settings": render_main_settings,
    "statuses": reference.statuses,
    "classes": reference.classes,
    "codes": reference.codes,
    "operations": reference.operations,
}
PLACE = re.compile(r"(<!-- table: (?P<name>[a-z-]+) -->\n).*?(\n<!-- end table -->)", re.DOTALL)


def rendered(page: str) -> str:
    """Give a page with each of its tables as it should be."""
    return PLACE.sub(lambda m: f"{m[1]}{TABLES[m['name']]()}{m[3]}", page)


def main(*, check: bool) -> int:
    """Write the pages, or say which of them are behind the code."""
    behind = []
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        page = path.read_text(encoding="utf-8")
        wanted = rendered(page)
        if page != wanted:
            behind.append(path.relative_to(ROOT))
            if not check:
                path.write_text(wanted, encoding="utf-8")
    for path in behind:
        print(f"{path}: {'behind the code; run make tables' if check else 'written'}")
    return 1 if check and behind else 0


if __name__ == "__main__":
    sys.exit(main(check="--check" in sys.argv[1:]))
