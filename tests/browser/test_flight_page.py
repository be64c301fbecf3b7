"""The flight report of a real run, in a real browser."""

import time
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

import verto_resilience
from tests.browser.chromium import Chromium
from verto_resilience import Policy
from verto_resilience.flight import FlightRecorder
from verto_resilience.testing import Arrival, Reply, Sandbox

pytestmark = pytest.mark.browser

RATE = "/orders/v2.1/fx"
WIDTHS = (1280, 390)


@dataclass(frozen=True)
class Run:
    """What the server saw, what the program saw, and the page."""

    path: Path
    arrivals: tuple[Arrival, ...]
    calls: int
    refused: int
    waited: float


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Play a 429, an outage that opens the circuit, a recovery and a write of unknown outcome."""
    recorder = FlightRecorder()
    policy = Policy(backoff_base=0.05, break_duration=0.5, break_jitter=0.0, consecutive_failures=4)
    calls, refused, waited = 0, 0, 0.0
    with Sandbox() as verto, requests.Session() as session:
        session.trust_env = False
        verto_resilience.mount(session, policy=policy, observer=recorder)

        def ask(method: str = "GET") -> None:
            nonlocal calls, refused, waited
            calls += 1
            url = f"{verto.url}{RATE}?currencyFrom=USD&currencyTo=EUR"
            try:
                response = session.request(method, url, json={} if method == "POST" else None)
            except verto_resilience.CircuitOpenError:
                refused += 1
            else:
                report = verto_resilience.report(response)
                assert report is not None
                waited += report.waited

        verto.script(RATE, [200, Reply(429, retry_after=1), 200])
        ask()
        ask()
        verto.script(RATE, [503] * 4, method="GET")
        for _ in range(5):
            ask()
        time.sleep(0.6)
        for _ in range(4):
            ask()
        verto.script(RATE, [504], method="POST")
        ask("POST")
        arrivals = verto.log
    path = recorder.write(tmp_path_factory.mktemp("report") / "flight.html")
    return Run(path, arrivals, calls, refused, waited)


def test_page_loads_without_errors_and_without_network(chromium: Chromium, run: Run) -> None:
    """The console is silent, and nothing but the file itself is asked for."""
    with chromium.page(run.path, width=1280) as page:
        time.sleep(1.0)

        assert page.complaints() == []
        assert page.requests() == [run.path.as_uri()]


def test_figures_agree_with_the_server(chromium: Chromium, run: Run) -> None:
    """What stands at the top is what the server's log and the program's own reports say."""
    with chromium.page(run.path, width=1280) as page:
        figures = {
            name: page.text(f"#figure-{name}")
            for name in ("calls", "attempts", "resends", "refused", "waited", "unknown")
        }

    sends = len(run.arrivals)
    assert run.refused > 0
    assert figures == {
        "calls": str(run.calls),
        "attempts": str(sends),
        "resends": str(sends - (run.calls - run.refused)),
        "refused": str(run.refused),
        "waited": f"{run.waited:.1f} s",
        "unknown": "1",
    }


def test_every_attempt_is_drawn(chromium: Chromium, run: Run) -> None:
    """The timeline has a bar and a mark for each request that the server saw, by its outcome."""
    with chromium.page(run.path, width=1280) as page:
        drawn = page.ask(
            "return document.getElementById('timeline').data"
            ".map((trace) => [trace.type, trace.meta, trace.y.length])"
        )
        points = page.ask("return document.querySelectorAll('#timeline .points path.point').length")

    statuses = [arrival.status for arrival in run.arrivals]
    expected = {
        "success": sum(status in {200, 201} for status in statuses),
        "limited": statuses.count(429),
        "server": statuses.count(503) + statuses.count(504),
    }
    bars = {name: count for kind, name, count in drawn if kind == "bar"}
    marks = {name: count for kind, name, count in drawn if kind == "scatter"}
    assert {name: bars[name] for name in expected} == expected
    assert marks == {**expected, "refused": run.refused, "unknown": 1}
    assert (bars["open"], bars["half-open"], bars["pause"]) == (1, 1, 1)
    assert points >= sum(marks.values())


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_page_is_legible(chromium: Chromium, run: Run, width: int, dark: bool) -> None:
    """Nothing is wider than the window, smaller than 11 px, cut off, or covers another label.

    The tables below the drawings are unfolded.
    """
    with chromium.page(run.path, width=width, dark=dark) as page:
        page.open_tables()

        size, words = page.smallest_letters()
        assert size >= 11.0, words
        assert page.overflow() == 0
        assert page.cut_off() == []
        assert page.overlaps() == []


def test_colours_follow_the_scheme(chromium: Chromium, run: Run) -> None:
    """When the reader changes from light to dark, the page and what is drawn change with it."""
    look = (
        "const plot = document.getElementById('timeline');"
        "return [getComputedStyle(document.body).backgroundColor,"
        " plot.layout.font.color, plot.data[0].marker.color]"
    )
    with chromium.page(run.path, width=1280) as page:
        light = page.ask(look)
        page.prefer(dark=True)
        # The browser tells the page of the change with its next frame.
        changed = page.becomes(
            f"const now = (() => {{ {look} }})();"
            "return now.every((colour, index) => colour !== arguments[0][index]);",
            light,
        )

    assert changed
