"""Secrets planted in every place of a request and an answer, looked for in all that is ours."""

import copy
import json
import logging
import pickle
import re
import subprocess
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

import verto_resilience
from tests.end_to_end.sessions import Told, adapter_of, circuit, quick
from tests.telemetry.test_log import Keeping
from verto_resilience import CallRejectedError, OutcomeError
from verto_resilience.flight import FlightRecorder
from verto_resilience.testing import Reply, Sandbox

pytestmark = pytest.mark.end_to_end

CANARY = "k4n4ry9"
SECRETS: dict[str, Any] = {
    "params": {"token": f"{CANARY}-query", "x": f"{CANARY}-x"},
    "headers": {
        "Authorization": f"Bearer {CANARY}-bearer",
        "Proxy-Authorization": f"Basic {CANARY}-proxy",
        "X-Api-Key": f"{CANARY}-key",
    },
    "cookies": {"session": f"{CANARY}-cookie"},
    "json": {"apiKey": f"{CANARY}-body", "password": f"{CANARY}-password"},
}
QUOTED = Reply(
    400,
    json={"code": 1, "message": f"bad key {CANARY}-key of {CANARY}-body, {CANARY}-query"},
    headers={"Set-Cookie": f"sid={CANARY}-set", "X-Echo": f"{CANARY}-cookie"},
)


class Everything:
    """What is ours and came by in a few calls with secrets: answers, errors, reports, events."""

    def __init__(self, verto: Sandbox) -> None:
        """Make the calls: a refusal by the server, its failure, a circuit, a pause, no server."""
        self.told = Told()
        self.recorder = FlightRecorder()
        self.session = requests.Session()
        self.session.trust_env = False
        verto_resilience.mount(
            self.session,
            policy=quick(max_attempts=2, consecutive_failures=4, call_timeout=35.0),
            observer=self,
        )
        self.responses: list[requests.Response] = []
        self.errors: list[requests.exceptions.RequestException] = []
        named = verto.url.replace("http://", f"http://{CANARY}-user:{CANARY}-pass@")
        verto.script("/a", [QUOTED] * 2)
        verto.script("/b", [503] * 4)
        verto.script("/c", [Reply(429, retry_after=99)])
        for url in (f"{verto.url}/a", *[f"{named}/{path}#{CANARY}-fragment" for path in "abbx"]):
            self._call("PUT", url)
        for _ in range(2):
            self._call("GET", f"{verto.url.replace('127.0.0.1', 'localhost')}/c")
        self._call("GET", f"http://{CANARY}-user:{CANARY}-pass@127.0.0.1:1/x")
        assert f"{CANARY}-bearer" in verto.log[0].headers["Authorization"]

    def on_event(self, event: verto_resilience.Event) -> None:
        """Hand on."""
        self.told.on_event(event)
        self.recorder.on_event(event)

    def _call(self, method: str, url: str) -> None:
        try:
            response = self.session.request(method, url, **copy.deepcopy(SECRETS))
        except requests.exceptions.RequestException as error:
            self.errors.append(error)
        else:
            self.responses.append(response)

    def ours(self) -> Iterator[OutcomeError | CallRejectedError]:
        """Give the errors that are of our making."""
        for error in self.errors:
            if isinstance(error, CallRejectedError):
                yield error
        for response in self.responses:
            try:
                verto_resilience.raise_for_outcome(response)
            except OutcomeError as error:
                yield error


@pytest.fixture
def everything(verto: Sandbox, log: list[logging.LogRecord]) -> Iterator[Everything]:
    """Give what is left of calls with secrets."""
    calls = Everything(verto)
    yield calls
    calls.session.close()


@pytest.fixture
def log() -> Iterator[list[logging.LogRecord]]:
    """Give every record the library writes, down to DEBUG."""
    logger, keeping = logging.getLogger("verto_resilience"), Keeping()
    logger.addHandler(keeping)
    logger.setLevel(logging.DEBUG)
    yield keeping.records
    logger.setLevel(logging.NOTSET)
    logger.removeHandler(keeping)


def test_nothing_that_is_said_holds_a_secret(
    everything: Everything, log: list[logging.LogRecord], tmp_path: Path
) -> None:
    """No text, no ``repr``, no log line, no report and no page of ours quotes one."""
    ours = list(everything.ours())
    bearers: list[Any] = [*everything.responses, *everything.errors]
    adapter = adapter_of(everything.session, "http://")
    page = everything.recorder.write(tmp_path / "flight.html").read_text(encoding="utf-8")
    texts = {
        "log": "".join(f"{logging.Formatter().format(one)}{vars(one)}" for one in log),
        "errors": "".join(f"{error}{error!r}{getattr(error, '__notes__', '')}" for error in ours),
        "notes": str([getattr(error, "__notes__", None) for error in everything.errors]),
        "reports": "".join(f"{one}{one!r}" for one in map(verto_resilience.report, bearers)),
        "outcomes": "".join(f"{one}{one!r}" for one in map(verto_resilience.outcome, bearers)),
        "events": str(everything.told.events),
        "flight": f"{page}{everything.recorder!r}{everything.recorder.flight()!r}",
        "adapter": f"{adapter!r}{adapter.policy!r}{adapter.pipeline!r}{adapter.circuits!r}",
        "circuit": str(circuit(everything.session, "http://127.0.0.1:1/")),
    }

    refused = {type(error) for error in ours if isinstance(error, CallRejectedError)}
    assert {type(error).__name__ for error in ours} >= {"BadRequestError"}
    assert len(refused) == 2
    assert len(everything.told.events) > 10
    assert {name for name, text in texts.items() if len(text) < 50} == set()
    assert {name for name, text in texts.items() if CANARY in text} == set()


def test_tracebacks_of_our_errors_hold_no_secret(everything: Everything) -> None:
    """A traceback as it is logged shows lines of code, and nothing that they were about."""
    shown = ["".join(traceback.format_exception(error)) for error in everything.ours()]

    assert shown
    assert not [text for text in shown if CANARY in text]


def test_pickles_of_ours_hold_no_secret(everything: Everything) -> None:
    """What travels to another process takes none along, sent or received."""
    pickled = [pickle.dumps(error) for error in everything.ours()]
    pickled += [pickle.dumps(verto_resilience.report(one)) for one in everything.responses]
    pickled += [pickle.dumps(everything.recorder)]

    assert len(pickled) > 5
    found = {bytes(name) for data in pickled for name in re.findall(rb"k4n4ry9-\w+", data)}
    # A query value whose name says nothing of a secret is part of the URL.
    assert found == {b"k4n4ry9-x"}


@pytest.mark.parametrize(
    "arguments",
    [
        ("doctor",),
        ("doctor", "--json"),
        ("config",),
        ("config", "--json"),
        ("codes", "list"),
        ("codes", "list", "--json"),
        ("explain", "503", "--json"),
        ("operations", "--json"),
    ],
    ids=" ".join,
)
def test_commands_show_nothing_of_the_environment_that_may_be_secret(
    arguments: tuple[str, ...], tmp_path: Path
) -> None:
    """Credentials in the URL of a proxy or an endpoint, and foreign variables, are not printed."""
    ran = command(
        *arguments,
        HTTPS_PROXY=f"http://{CANARY}:{CANARY}@127.0.0.1:1",
        ALL_PROXY=f"http://{CANARY}@127.0.0.1:1",
        OTEL_EXPORTER_OTLP_ENDPOINT=f"http://{CANARY}:{CANARY}@127.0.0.1:1/?key={CANARY}",
        OTEL_EXPORTER_OTLP_HEADERS=f"api-key={CANARY}",
        VERTO_API_KEY=CANARY,
        AWS_SECRET_ACCESS_KEY=CANARY,
        NETRC=str(tmp_path / "none"),
    )

    assert ran.returncode in (0, 1)
    assert ran.stdout.strip()
    assert CANARY not in ran.stdout + ran.stderr


@pytest.mark.parametrize("form", [(), ("--json",)], ids=["tree", "json"])
def test_told_call_holds_no_secret(verto: Sandbox, form: tuple[str, ...]) -> None:
    """``request`` shows none of what it was given in URL, headers and body, nor what came back."""
    verto.script("/a", [QUOTED])
    url = verto.url.replace("http://", f"http://{CANARY}-user:{CANARY}-pass@")

    ran = command(
        "request", "POST", f"{url}/a?token={CANARY}-query#{CANARY}-fragment", *form,
        "-H", f"X-Api-Key: {CANARY}-key", "-H", f"Cookie: session={CANARY}-cookie",
        "-d", json.dumps(SECRETS["json"]),
    )  # fmt: skip

    assert verto.arrived == 1
    assert ran.returncode == 1
    assert ran.stdout.strip()
    assert CANARY not in ran.stdout + ran.stderr


def command(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the command with nothing else in its environment."""
    return subprocess.run(
        [sys.executable, "-m", "verto_resilience", *arguments],
        env={"PATH": "/usr/bin:/bin", "NO_PROXY": "127.0.0.1"} | environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
