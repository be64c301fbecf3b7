import subprocess
import sys
from pathlib import Path

import pytest

from docs.generate.dashboard_picture import PANELS
from tests.prometheus.asked import questions

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    "picture",
    ["state_diagram", pytest.param("trace_picture", marks=pytest.mark.end_to_end)],
)
def test_pictures_are_those_of_the_code(picture: str) -> None:
    """The states are drawn from the table of moves, the trace from spans as they are today."""
    checked = subprocess.run(
        [sys.executable, "-m", f"docs.generate.{picture}", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_drawn_panels_are_those_of_the_dashboard() -> None:
    """Each panel of the picture is one that the package ships, under the title it has there."""
    picture = (ROOT / "docs" / "pictures" / "dashboard.svg").read_text(encoding="utf-8")
    shipped = {f"{question.row}: {question.panel}" for question in questions()}

    assert set(PANELS) <= shipped
    assert [name for name in PANELS if f">{name.partition(': ')[2]}</text>" not in picture] == []
