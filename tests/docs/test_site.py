import re
import subprocess
import sys
import zlib
from collections import Counter
from pathlib import Path

import pytest

pytest.importorskip("sphinx", reason="needs sphinx: make venv")

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    path.relative_to(ROOT / "docs").with_suffix("").as_posix()
    for path in (ROOT / "docs").rglob("*.md")
    if path.parent.name != "changes"
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the site, built as ``make docs`` does it."""
    folder = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [
            *(sys.executable, "-m", "sphinx", "-n", "-W", "--keep-going", "-q", "-b", "html"),
            *("-d", folder / "doctrees", "docs", folder / "html"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert built.returncode == 0, built.stderr
    return folder / "html"


def test_every_page_can_be_reached(site: Path) -> None:
    """Each page is in the menu, whoever wrote it and whether the index names it or not."""
    menu = (site / "index.html").read_text(encoding="utf-8")

    assert [page for page in PAGES if page != "index" and f'href="{page}.html"' not in menu] == []


def test_no_two_pages_have_one_title(site: Path) -> None:
    """Who looks at the menu can tell them apart, and a page stands there once."""
    menu = (site / "index.html").read_text(encoding="utf-8")
    entries = re.findall(r'<li class="toctree-l1[^>]*><a [^>]*href="([^"]*)">(.*?)</a>', menu)
    titles = Counter(re.sub(r"<[^>]*>|\W", "", title).lower() for _, title in entries)

    assert len(entries) >= len(PAGES) - 1
    assert [page for page, _ in entries if "#" in page] == []
    assert [title for title, times in titles.items() if times > 1] == []


def test_an_option_is_one_word(site: Path) -> None:
    """A browser would end a line after each of its hyphens."""
    page = (site / "simulation.html").read_text(encoding="utf-8")

    assert '<span class="pre whole">--severity</span>' in page
    assert '<span class="pre">-' not in page
    assert ".whole { white-space: nowrap; }" in (site / "_static" / "site.css").read_text()


def test_every_block_says_what_it_is() -> None:
    """So that it is coloured as such, and nobody guesses."""
    pages = [ROOT / "README.md", *(ROOT / "docs" / f"{page}.md" for page in PAGES)]
    unnamed = [
        path.name
        for path in pages
        if "```" in re.findall("^```.*$", path.read_text(encoding="utf-8"), re.MULTILINE)[::2]
    ]

    assert unnamed == []


def test_every_public_name_is_on_the_site(site: Path) -> None:
    """What may be imported from a public package is described on the page of public names."""
    from docs.conf import public_names

    described = _inventory(site / "objects.inv")

    names = public_names()

    assert "verto_resilience.mount" in names
    assert [name for name in names if name not in described] == []


def test_nothing_is_fetched(site: Path) -> None:
    """A reader without the internet, or with an eye on who is told, sees the same pages."""
    asks = re.compile(r'<(?:script|img|link|iframe)[^>]*(?:src|href)="(https?:)?//', re.IGNORECASE)

    asking = [
        path.name for path in site.rglob("*.html") if asks.search(path.read_text(encoding="utf-8"))
    ]

    assert asking == []


def _inventory(path: Path) -> set[str]:
    """Give the names of Python things that a site describes (Sphinx inventory version 2)."""
    written = path.read_bytes().split(b"\n", 4)[4]
    lines = zlib.decompress(written).decode("utf-8").splitlines()
    return {line.split()[0] for line in lines if " py:" in line}
