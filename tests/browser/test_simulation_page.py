"""The page of a simulation, in a real browser."""

import time
from pathlib import Path

import pytest

from tests.browser.chromium import Chromium
from verto_resilience.pipeline import Policy
from verto_resilience.simulation import IncidentKind, Scenario, Strategy, page, play

pytestmark = pytest.mark.browser

WIDTHS = (1280, 390)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the page of every strategy side by side."""
    story = Scenario(clients=100, rate=50.0, workers=5, incident=IncidentKind.THROTTLING)
    policy = Policy(break_duration=7.0)
    path = tmp_path_factory.mktemp("report") / "simulation.html"
    runs = [play(story, strategy, policy) for strategy in Strategy]
    path.write_text(page(runs, policy), encoding="utf-8")
    return path


def test_page_loads_without_errors_and_without_network(chromium: Chromium, report: Path) -> None:
    """The console is silent, and nothing but the file itself is asked for."""
    with chromium.page(report, width=1280) as shown:
        time.sleep(1.0)

        assert shown.complaints() == []
        assert shown.requests() == [report.as_uri()]


def test_every_run_is_drawn(chromium: Chromium, report: Path) -> None:
    """Goodput has a line for each strategy, and each in a colour of its own."""
    with chromium.page(report, width=1280) as shown:
        drawn = shown.ask(
            "return document.getElementById('goodput').data"
            ".map((trace) => [trace.meta, trace.line.color])"
        )

    assert [name for name, _ in drawn] == [*Strategy, "limit"]
    assert len({colour for _, colour in drawn}) == len(drawn)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_page_is_legible(chromium: Chromium, report: Path, width: int, dark: bool) -> None:
    """Nothing is wider than the window, smaller than 11 px, cut off, or covers another label."""
    with chromium.page(report, width=width, dark=dark) as shown:
        size, words = shown.smallest_letters()
        assert size >= 11.0, words
        assert shown.overflow() == 0
        assert shown.cut_off() == []
        assert shown.overlaps() == []


def test_one_zoom_is_a_zoom_of_all(chromium: Chromium, report: Path) -> None:
    """Who looks closer at one drawing sees the same minutes in the others."""
    with chromium.page(report, width=1280) as shown:
        shown.ask("Plotly.relayout('goodput', {'xaxis.range[0]': 1, 'xaxis.range[1]': 3})")

        assert shown.becomes(
            "return [...document.querySelectorAll('.drawing')].every("
            "(place) => place.layout.xaxis.range.join() === '1,3')"
        )


def test_colours_follow_the_scheme(chromium: Chromium, report: Path) -> None:
    """When the reader changes from light to dark, the page and what is drawn change with it."""
    look = (
        "const plot = document.getElementById('goodput');"
        "return [getComputedStyle(document.body).backgroundColor,"
        " plot.layout.font.color, plot.data[0].line.color]"
    )
    with chromium.page(report, width=1280) as shown:
        light = shown.ask(look)
        shown.prefer(dark=True)
        changed = shown.becomes(
            f"const now = (() => {{ {look} }})();"
            "return now.every((colour, index) => colour !== arguments[0][index]);",
            light,
        )

    assert changed
