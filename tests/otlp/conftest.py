import importlib.util
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.otlp.sink import Sink

TRAFFIC = Path(__file__).with_name("traffic.py")
_PATIENCE = 15.0
_CALM = 1.0


@dataclass(frozen=True)
class Received:
    """What a sink got of the traffic, and what the sandbox saw of it."""

    sink: Sink
    port: int
    arrivals: list[dict[str, Any]]


@pytest.fixture(scope="session", params=["straight", "through_a_collector"])
def received(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Received]:
    """Make the traffic and export it, to a sink itself or to a collector that passes it on."""
    with Sink() as sink:
        folder = tmp_path_factory.mktemp("otlp")
        through = request.param == "through_a_collector"
        with collector(sink, folder) if through else nullcontext(sink.url) as url:
            command = [sys.executable, str(TRAFFIC), url]
            ended = subprocess.run(command, capture_output=True, text=True, check=False)
            assert ended.returncode == 0, ended.stderr
            _wait_until_calm(sink)
        yield Received(sink, **json.loads(ended.stdout))


@contextmanager
def collector(sink: Sink, folder: Path) -> Iterator[str]:
    """Run a collector that passes on to a sink; give the address at which it receives."""
    found = importlib.util.find_spec("rotel")
    if found is None or found.origin is None:
        pytest.skip("needs rotel: 'make otlp-tests' installs it, where there is one")
    program = Path(found.origin).with_name("rotel-agent")
    http, grpc = _free_port(), _free_port()
    log = folder / "rotel.log"
    command = [
        str(program),
        "start",
        f"--pid-file={folder / 'rotel.pid'}",
        f"--otlp-http-endpoint=127.0.0.1:{http}",
        f"--otlp-grpc-endpoint=127.0.0.1:{grpc}",
        "--exporter=otlp",
        "--otlp-exporter-protocol=http",
        *(
            f"--otlp-exporter-{signal}-endpoint={sink.url}/v1/{signal}"
            for signal in ("traces", "metrics", "logs")
        ),
    ]
    with (
        log.open("w") as output,
        subprocess.Popen(command, stdout=output, stderr=output) as process,
    ):
        try:
            _wait_until_open(http, process, log)
            yield f"http://127.0.0.1:{http}"
        finally:
            process.terminate()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _wait_until_open(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    pytest.skip(f"needs rotel, which does not start here: {log.read_text(encoding='utf-8')}")


def _wait_until_calm(sink: Sink) -> None:
    end = time.monotonic() + _PATIENCE
    seen, since = -1, time.monotonic()
    while time.monotonic() < end:
        if len(sink.bodies) != seen:
            seen, since = len(sink.bodies), time.monotonic()
        if {"/v1/traces", "/v1/metrics", "/v1/logs"} <= set(sink.paths) and (
            time.monotonic() - since > _CALM
        ):
            return
        time.sleep(0.05)
