"""A headless Chromium, and what a test asks of a page in it."""

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-proxy-server",
)
_BROWSERS = ("chromium", "chromium-browser")
_PATIENCE = 20.0
_DRAWN = "document.documentElement.dataset.drawn"

# The size on the screen: what plotly scales is smaller or larger than its font says.
_SMALLEST_LETTERS = """
let smallest = [Infinity, ""];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const element = walker.currentNode.parentElement;
  const words = walker.currentNode.textContent.trim();
  if (!words || element.closest("script, noscript, style") || !element.checkVisibility()) continue;
  const text = element.closest("text");
  const matrix = text && text.getScreenCTM();
  const scale = matrix ? Math.hypot(matrix.a, matrix.b) : 1;
  if (scale === 0) continue;
  const size = parseFloat(getComputedStyle(element).fontSize) * scale;
  if (size < smallest[0]) smallest = [size, words];
}
return smallest;
"""

# Letters of a drawing that would be cut off at its edge.
_CUT_OFF = """
const found = [];
for (const drawing of document.querySelectorAll(".drawing")) {
  const edge = drawing.getBoundingClientRect();
  for (const text of drawing.querySelectorAll("text")) {
    const box = text.getBoundingClientRect();
    if (box.width && (box.left < edge.left - 1 || box.right > edge.right + 1)) {
      found.push(text.textContent);
    }
  }
}
return found;
"""

# Lines of text of a drawing that stand on each other.
_OVERLAPS = """
const found = [];
for (const drawing of document.querySelectorAll(".drawing")) {
  const texts = [...drawing.querySelectorAll(".annotation text, .xtick text")];
  const boxes = texts.map((text) => [text.textContent, text.getBoundingClientRect()]);
  boxes.forEach(([words, a], place) => {
    for (const [others, b] of boxes.slice(place + 1)) {
      const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (across > 1 && down > 3) found.push([words, others]);
    }
  });
}
return found;
"""


class Page:
    """A page that is open.

    Args:
        driver: Of selenium.
    """

    def __init__(self, driver: Any) -> None:
        """Take the driver; its logs are emptied as they are read."""
        self._driver = driver

    def ask(self, script: str, *arguments: Any) -> Any:
        """Run a script in the page and give what it returns."""
        return self._driver.execute_script(script, *arguments)

    def becomes(self, script: str, *arguments: Any) -> bool:
        """Say whether a script's answer turns true while the page has time to act."""
        end = time.monotonic() + _PATIENCE
        while not self.ask(script, *arguments):
            if time.monotonic() > end:
                return False
            time.sleep(0.02)
        return True

    def text(self, selector: str) -> str:
        """Give the text of the one element that fits."""
        found: str = self.ask(f"return document.querySelector({json.dumps(selector)}).textContent")
        return found.strip()

    def complaints(self) -> list[str]:
        """Give everything that the console says."""
        return [entry["message"] for entry in self._driver.get_log("browser")]

    def requests(self) -> list[str]:
        """Give every address that was asked for, but for those that are data."""
        entries = self._driver.get_log("performance")
        messages = [json.loads(entry["message"])["message"] for entry in entries]
        asked = [
            message["params"]
            for message in messages
            if message["method"] == "Network.requestWillBeSent"
        ]
        return [
            request["request"]["url"]
            for request in asked
            if not request["request"]["url"].startswith(("data:", "blob:"))
            # what the browser shows before the page is no affair of the page
            and not request["documentURL"].startswith("chrome:")
        ]

    def overflow(self) -> int:
        """Say by how many pixels the page is wider than the window."""
        root = "document.documentElement"
        wider: int = self.ask(f"return {root}.scrollWidth - {root}.clientWidth")
        return wider

    def smallest_letters(self) -> tuple[float, str]:
        """Give the size in pixels of the smallest text to be seen, and that text."""
        size, words = self.ask(_SMALLEST_LETTERS)
        return float(size), words

    def cut_off(self) -> list[str]:
        """Give the texts of drawings that reach over the edge."""
        found: list[str] = self.ask(_CUT_OFF)
        return found

    def overlaps(self) -> list[list[str]]:
        """Give the pairs of labels that cover each other."""
        found: list[list[str]] = self.ask(_OVERLAPS)
        return found

    def prefer(self, *, dark: bool) -> None:
        """Choose the scheme, as a reader does in the browser's settings."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})

    def picture(self, place: Path) -> None:
        """Keep what the window shows, as PNG."""
        assert self._driver.save_screenshot(str(place))

    def open_tables(self) -> None:
        """Unfold the tables below the drawings."""
        self.ask("for (const fold of document.querySelectorAll('details')) fold.open = true;")


class Chromium:
    """Opens pages.

    Args:
        profiles: An empty directory for profiles; each page gets a fresh one.
    """

    def __init__(self, profiles: Path) -> None:
        """Find the programs, or skip the test and say what is needed."""
        pytest.importorskip("selenium", reason="needs selenium: make browser-tests")
        browser = next(filter(None, map(shutil.which, _BROWSERS)), None)
        driver = shutil.which("chromedriver")
        if browser is None or driver is None:
            pytest.skip("needs chromium and chromium-driver: make browser-tests")
        self._browser, self._driver = browser, driver
        self._profiles = profiles
        self._opened = 0

    @contextmanager
    def page(
        self, path: Path, *, width: int, dark: bool = False, ready: str = _DRAWN
    ) -> Iterator[Page]:
        """Open a file in a window of this width, and wait until it says that it is ready."""
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service

        self._opened += 1
        options = webdriver.ChromeOptions()
        options.binary_location = self._browser
        for flag in (*FLAGS, f"--user-data-dir={self._profiles / str(self._opened)}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        driver = webdriver.Chrome(options=options, service=Service(self._driver))
        try:
            metrics = {"width": width, "height": 900, "deviceScaleFactor": 1}
            driver.execute_cdp_cmd(
                "Emulation.setDeviceMetricsOverride", {**metrics, "mobile": width < 600}
            )
            page = Page(driver)
            page.prefer(dark=dark)
            driver.get(path.as_uri())
            end = time.monotonic() + _PATIENCE
            while not page.ask(f"return {ready}"):
                assert time.monotonic() < end, page.complaints()
                time.sleep(0.05)
            yield page
        finally:
            driver.quit()
