"""Plays half a minute of trouble before a real Prometheus, and asks what the dashboard asks."""

import re
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

import requests
from opentelemetry import metrics
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import start_http_server

import verto_resilience
from tests.prometheus.asked import questions
from tests.prometheus.server import SCRAPED_EACH, Prometheus, find
from verto_resilience import Policy
from verto_resilience.testing import Sandbox

SECONDS = 26.0
_HOST = "127.0.0.1"
_THREADS, _PACE = 6, 0.15
_WINDOW = 2.0
_THROTTLED, _DOWN = (5.0, 2.0), (12.0, 5.0)
_PATH = "/orders/v2.1/fx?currencyFrom=USD&currencyTo=EUR"


@dataclass(frozen=True, slots=True)
class Line:
    """One series of a panel: its legend, and its values by the second of the run."""

    legend: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Panel:
    """What one panel of the dashboard shows of the run."""

    title: str
    lines: Sequence[Line]


def played(titles: Sequence[str]) -> list[Panel]:
    """Play it, and give what these panels show.

    Raises:
        FileNotFoundError: There is no Prometheus.
    """
    program = find("prometheus")
    if program is None:
        raise FileNotFoundError("needs prometheus: make prometheus-tests fetches it")
    metrics.set_meter_provider(MeterProvider([PrometheusMetricReader()], shutdown_on_exit=False))
    rules = files("verto_resilience.telemetry") / "dashboards" / "rules.yml"
    server, _ = start_http_server(0, _HOST)
    with tempfile.TemporaryDirectory() as folder, as_file(rules) as path:
        target = f"{_HOST}:{server.server_port}"
        with Prometheus(program, Path(folder), target, path) as prometheus:
            began = time.time()
            _play()
            time.sleep(2 * SCRAPED_EACH)
            shown = [_asked(prometheus, title, began) for title in titles]
    server.shutdown()
    return shown


def _play() -> None:
    """Call from some threads all the while; the server throttles, works, fails, recovers."""
    policy = Policy(
        verto_hosts=(_HOST,),
        call_timeout=4.0,
        read_timeout=2.0,
        backoff_base=0.1,
        server_error_wait_min=0.2,
        server_error_wait_max=0.5,
        pause_ramp=0.5,
        break_duration=1.0,
    )
    end = time.monotonic() + SECONDS
    with Sandbox() as verto, requests.Session() as session:
        session.trust_env = False
        verto_resilience.mount(session, policy=policy)
        with _working(session, verto.url + _PATH, end):
            for (begin, seconds), trouble in ((_THROTTLED, verto.throttle), (_DOWN, verto.outage)):
                time.sleep(max(0.0, begin - (SECONDS - (end - time.monotonic()))))
                trouble(seconds)


@contextmanager
def _working(session: requests.Session, url: str, end: float) -> Iterator[None]:
    def work() -> None:
        while time.monotonic() < end:
            try:
                session.get(url)
            except requests.ConnectionError:
                time.sleep(_PACE)
            time.sleep(_PACE)

    threads = [threading.Thread(target=work) for _ in range(_THREADS)]
    for thread in threads:
        thread.start()
    yield
    for thread in threads:
        thread.join()


def _asked(prometheus: Prometheus, title: str, began: float) -> Panel:
    lines = []
    for question in questions():
        if f"{question.row}: {question.panel}" != title:
            continue
        expression = question.filled(_WINDOW, SECONDS)
        ended = began + SECONDS
        asked = {"query": expression, "start": began, "end": ended, "step": SCRAPED_EACH}
        for series in prometheus.api("query_range", **asked)["result"]:
            points = [(at - began, float(value)) for at, value in series["values"]]
            legend = _legend(question.legend, series["metric"])
            lines.append(Line(legend, [one for one in points if one[1] == one[1]]))
    if not lines:
        raise LookupError(f"the dashboard shows nothing under {title!r}")
    return Panel(title.partition(": ")[2], lines)


def _legend(template: str, labels: dict[str, str]) -> str:
    return re.sub(r"\{\{(\w+)\}\}", lambda found: labels.get(found[1], ""), template).strip()
