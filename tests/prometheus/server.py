"""A real Prometheus of the test's own: started on a free port, asked through its HTTP API."""

import json
import re
import shutil
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import requests

ROOT = Path(__file__).resolve().parents[2]
UNPACKED = ROOT / "build" / "prometheus" / "usr" / "bin"
SCRAPED_EACH = 0.2

_PATIENCE = 20.0
_LISTENS = re.compile(r'msg="Listening on" address=(\S+)')
_NO_NUMBER = "NaN"


class Sample(NamedTuple):
    """A series of an answer: its labels, and its values oldest first."""

    labels: dict[str, str]
    values: list[float]


def find(tool: str) -> str | None:
    """Find ``prometheus`` or ``promtool``: the one that was unpacked, or the machine's own."""
    unpacked = UNPACKED / tool
    return str(unpacked) if unpacked.exists() else shutil.which(tool)


class Prometheus:
    """Scrapes one program and evaluates rules, until it is left.

    Args:
        program: Path of ``prometheus``.
        folder: Where it may keep its data.
        target: Host and port of what it scrapes.
        rules: The file of rules.
    """

    def __init__(self, program: str, folder: Path, target: str, rules: Path) -> None:
        """Write down what it shall do."""
        every = f"{SCRAPED_EACH * 1000:.0f}ms"
        job = {"job_name": "shop", "static_configs": [{"targets": [target]}]}
        given = {
            "global": {
                "scrape_interval": every,
                "scrape_timeout": every,
                "evaluation_interval": every,
            },
            "rule_files": [str(rules)],
            "scrape_configs": [job],
        }
        config = folder / "prometheus.yml"
        config.write_text(json.dumps(given), encoding="utf-8")  # JSON is YAML
        self._log = folder / "prometheus.log"
        self._command = [
            program,
            f"--config.file={config}",
            f"--storage.tsdb.path={folder / 'data'}",
            "--web.listen-address=127.0.0.1:0",
        ]
        self._session = requests.Session()
        self._session.trust_env = False
        self._url = ""

    def __enter__(self) -> Self:
        """Start it and wait for its first scrape."""
        with self._log.open("w") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)
        try:
            self._wait(self._listens, "it does not listen")
            self._wait(lambda: bool(self._is_up()), "it does not scrape")
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop it."""
        self._end()

    def at(self, expression: str, instant: float) -> list[Sample]:
        """Evaluate an expression at one instant."""
        found = self.api("query", query=expression, time=instant)["result"]
        return [_sample(series["metric"], [series["value"]]) for series in found]

    def over(self, expression: str, start: float, end: float) -> list[Sample]:
        """Evaluate an expression over a time, at every scrape."""
        asked = {"query": expression, "start": start, "end": end, "step": SCRAPED_EACH}
        found = self.api("query_range", **asked)["result"]
        return [_sample(series["metric"], series["values"]) for series in found]

    def total(self, expression: str, instant: float) -> float:
        """Evaluate an expression that gives one number; nothing at all is 0."""
        found = self.at(expression, instant)
        assert len(found) <= 1
        return found[0].values[0] if found else 0.0

    def api(self, what: str, **asked: Any) -> dict[str, Any]:
        """Ask the HTTP API."""
        response = self._session.get(f"{self._url}/api/v1/{what}", params=asked, timeout=10)
        answer = response.json()
        assert answer["status"] == "success", (asked, answer)
        data: dict[str, Any] = answer["data"]
        return data

    def _listens(self) -> bool:
        found = _LISTENS.search(self._log.read_text(encoding="utf-8"))
        if found:
            self._url = f"http://{found[1]}"
        return bool(found)

    def _is_up(self) -> bool:
        try:
            return self.total("up", time.time()) == 1.0
        except (requests.RequestException, AssertionError):
            return False

    def _wait(self, ready: Any, what: str) -> None:
        end = time.monotonic() + _PATIENCE
        while not ready():
            if time.monotonic() > end or self._process.poll() is not None:
                raise RuntimeError(f"{what}: {self._log.read_text(encoding='utf-8')}")
            time.sleep(0.05)

    def _end(self) -> None:
        self._session.close()
        self._process.terminate()
        self._process.wait(_PATIENCE)


def _sample(labels: dict[str, str], values: list[tuple[float, str]]) -> Sample:
    return Sample(labels, [float(value) for _, value in values if value != _NO_NUMBER])
