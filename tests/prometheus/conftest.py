import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import pytest

from tests.prometheus.server import Prometheus, find

WORKLOAD = Path(__file__).with_name("workload.py")
DASHBOARDS = files("verto_resilience.telemetry") / "dashboards"
ROUNDS = 2
_QUIET = 0.7

Arrival = dict[str, Any]


@dataclass(frozen=True)
class Shop:
    """What one server of the workload saw, and how often it was to be called."""

    port: int
    calls: int
    arrivals: list[Arrival]
    outages: int

    @property
    def statuses(self) -> Counter[int | None]:
        """How often each status was answered; ``None``: the connection was reset."""
        return Counter(arrival["status"] for arrival in self.arrivals)

    @property
    def last_statuses(self) -> list[int | None]:
        """The last status of each call that arrived."""
        return list({arrival["call"]: arrival["status"] for arrival in self.arrivals}.values())

    @property
    def resends(self) -> int:
        """Arrivals of calls that had arrived before."""
        return len(self.arrivals) - len(self.last_statuses)

    @property
    def refused(self) -> int:
        """Calls of which nothing arrived."""
        return self.calls - len(self.last_statuses)

    @property
    def unknown(self) -> int:
        """Writes that were executed and answered with an error."""
        return sum(a["executed"] and (a["status"] or 0) >= 500 for a in self.arrivals)

    @property
    def codes(self) -> Counter[str]:
        """How often each API error code was answered."""
        asked = (a for a in self.arrivals if a["path"].startswith("/status/"))
        return Counter(arrival["query"]["code"] for arrival in asked)


@dataclass(frozen=True)
class Round:
    """What the servers saw in a round, and when it was (seconds since the epoch, quiet ones)."""

    shops: list[Shop]
    began: float
    ended: float

    @property
    def seconds(self) -> float:
        """How long it was."""
        return self.ended - self.began

    def sum(self, what: str) -> int:
        """Add up a number of each shop."""
        return sum(getattr(shop, what) for shop in self.shops)

    def count(self, what: str) -> Counter[Any]:
        """Add up the counts of each shop."""
        return sum((getattr(shop, what) for shop in self.shops), Counter())

    @property
    def arrived(self) -> int:
        """Requests that arrived."""
        return sum(len(shop.arrivals) for shop in self.shops)


@dataclass(frozen=True)
class Played:
    """A Prometheus that has scraped the workload, and what the servers say of it."""

    prometheus: Prometheus
    rounds: list[Round]

    @property
    def ended(self) -> float:
        """When all was over and scraped."""
        return self.rounds[-1].ended

    def sum(self, what: str) -> int:
        """Add up a number of each shop in all rounds."""
        return sum(played.sum(what) for played in self.rounds)


@pytest.fixture(scope="session")
def tools() -> dict[str, str]:
    """Give the paths of ``prometheus`` and ``promtool``."""
    found = {tool: find(tool) for tool in ("prometheus", "promtool")}
    missing = [tool for tool, path in found.items() if path is None]
    if missing:
        pytest.skip(f"needs {' and '.join(missing)}: 'make prometheus-tests' fetches them")
    return {tool: path for tool, path in found.items() if path is not None}


@pytest.fixture(scope="session")
def played(tools: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    """Play the workload before the eyes of a real Prometheus.

    Every counter is born in the first round, so that rates of the second one show all of it.
    """
    command = [sys.executable, str(WORKLOAD)]
    with (
        as_file(DASHBOARDS / "rules.yml") as rules,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as workload,
    ):
        target = f"127.0.0.1:{_told(workload)['port']}"
        folder = tmp_path_factory.mktemp("prometheus")
        with Prometheus(tools["prometheus"], folder, target, rules) as prometheus:
            rounds = [_play(workload) for _ in range(ROUNDS)]
            yield Played(prometheus, rounds)
        assert workload.stdin is not None
        workload.stdin.close()


def _play(workload: subprocess.Popen[str]) -> Round:
    assert workload.stdin is not None
    time.sleep(_QUIET)
    began = time.time()
    time.sleep(_QUIET)
    print("go", file=workload.stdin, flush=True)
    shops = [Shop(**seen) for seen in _told(workload)["shops"]]
    time.sleep(_QUIET)
    return Round(shops, began, time.time())


def _told(workload: subprocess.Popen[str]) -> dict[str, Any]:
    assert workload.stdout is not None
    told: dict[str, Any] = json.loads(workload.stdout.readline())
    return told
