import subprocess
import sys
from pathlib import Path

import pytest

from tests.browser.chromium import Chromium

pytestmark = [pytest.mark.browser, pytest.mark.end_to_end]

ROOT = Path(__file__).resolve().parents[2]
PAGES = ["index", "operations", "how-to/grafana", "flight-report"]
WIDTHS = [390, 1280]
# The theme lets the column of text scroll, not the page.
_WIDER = """
const column = document.querySelector(".content");
return column.scrollWidth - column.clientWidth;
"""
_PICTURES = """
return [...document.querySelectorAll("article img")]
  .filter((image) => !image.complete || image.naturalWidth === 0)
  .map((image) => image.src);
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the site."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-q", "-b", "html"]
    where = ["-d", str(folder / "doctrees"), "docs", str(folder / "html")]
    subprocess.run([*command, *where], cwd=ROOT, check=True, timeout=240)
    return folder / "html"


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", PAGES)
def test_pages_fit_and_are_whole(
    chromium: Chromium, site: Path, name: str, width: int, dark: bool
) -> None:
    """No page is wider than its window, lacks a picture, complains, or asks for another's file."""
    path = site / f"{name}.html"
    with chromium.page(
        path, width=width, dark=dark, ready="document.readyState === 'complete'"
    ) as (page):
        assert page.overflow() == page.ask(_WIDER) == 0
        assert page.ask(_PICTURES) == []
        assert page.complaints() == []
        assert [url for url in page.requests() if not url.startswith("file:")] == []
