"""Takes a picture of the flight report: ``python -m docs.generate.report_picture``.

It is the page that ``examples/flight_report.py`` writes, in the Chromium of the browser tests.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from tests.browser.chromium import Chromium

ROOT = Path(__file__).resolve().parents[2]
PLACE = ROOT / "docs" / "pictures" / "flight-report.png"
_WIDTH = 1100


def main() -> None:
    """Write the page, open it, and keep what is seen."""
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder, "flight.html")
        example = ROOT / "examples" / "flight_report.py"
        command = [sys.executable, str(example), str(page)]
        subprocess.run(command, check=True)  # noqa: S603 - the project's own example
        with Chromium(Path(folder)).page(page, width=_WIDTH) as opened:
            opened.picture(PLACE)
    print(f"{PLACE.name}: written")


if __name__ == "__main__":
    main()
