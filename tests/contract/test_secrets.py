"""Secrets planted in every place of a request and an answer, looked for in all that is ours."""

import json
import logging
import pickle
import re
import traceback
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

import verto_resilience
from tests.contract.edges import Answer, Client, Edge, Stream
from tests.contract.seen import circuit
from tests.end_to_end.sessions import Told, quick
from tests.telemetry.makers import Sdk
from tests.telemetry.records import kept_records
from verto_resilience import CallRejectedError, OutcomeError
from verto_resilience.flight import FlightRecorder
from verto_resilience.testing import Reply, Sandbox

pytestmark = pytest.mark.end_to_end

CANARY = "k4n4ry9"
QUERY = urlencode({"token": f"{CANARY}-query", "x": f"{CANARY}-x"})
HEADERS = {
    "Authorization": f"Bearer {CANARY}-bearer",
    "Proxy-Authorization": f"Basic {CANARY}-proxy",
    "X-Api-Key": f"{CANARY}-key",
    "Cookie": f"session={CANARY}-cookie",
    "Content-Type": "application/json",
}
BODY = json.dumps({"apiKey": f"{CANARY}-body", "password": f"{CANARY}-password"}).encode()
QUOTED = Reply(
    400,
    json={"code": 1, "message": f"bad key {CANARY}-key of {CANARY}-body, {CANARY}-query"},
    headers={
        "Set-Cookie": f"sid={CANARY}-set",
        "X-Echo": f"{CANARY}-cookie",
        "Vfx-Api-Call-Id": f"{CANARY}-key",
        "Vfx-Api-Stack-Id": f"{CANARY}-cookie",
        "Vfx-Correlation-Id": f"{CANARY}-body",
    },
)
QUOTED_LATE = Reply(400, json={"code": 1, "message": f"bad {CANARY}-key, {CANARY}-query"})


class Everything:
    """What is ours and came by in a few calls with secrets: answers, errors, reports, events."""

    def __init__(self, edge: Edge, verto: Sandbox) -> None:
        """Make the calls: a refusal by the server, its failure, a circuit, a pause, no server."""
        self.told = Told()
        self.recorder = FlightRecorder()
        self.errors: list[Exception] = []
        self.answers: list[Answer] = []
        self.streams: list[Stream] = []
        self._host_errors = edge.errors
        policy = quick(max_attempts=2, consecutive_failures=4, call_timeout=35.0)
        self.client: Client = edge.client(policy, self)
        named = verto.url.replace("http://", f"http://{CANARY}-user:{CANARY}-pass@")
        verto.script("/a", [QUOTED_LATE, QUOTED, QUOTED])
        verto.script("/b", [503] * 4)
        verto.script("/c", [Reply(429, retry_after=99)])
        self._read(f"{verto.url}/a")
        for url in (f"{verto.url}/a", *[f"{named}/{path}" for path in "abbx"]):
            self._call("PUT", url)
        for _ in range(2):
            self._call("GET", f"{verto.url.replace('127.0.0.1', 'localhost')}/c")
        self._call("GET", f"http://{CANARY}-user:{CANARY}-pass@127.0.0.1:1/x")
        assert f"{CANARY}-bearer" in verto.log[0].headers["Authorization"]

    def on_event(self, event: verto_resilience.Event) -> None:
        """Hand on."""
        self.told.on_event(event)
        self.recorder.on_event(event)

    def close(self) -> None:
        """Be done with it."""
        for stream in self.streams:
            stream.close()
        self.client.close()

    def _call(self, method: str, url: str) -> None:
        try:
            answer = self.client.send(
                method, f"{url}?{QUERY}#{CANARY}-fragment", body=BODY, headers=HEADERS
            )
        except self._host_errors as error:
            self.errors.append(error)
        else:
            self.answers.append(answer)

    def _read(self, url: str) -> None:
        """Read a body whose call has ended already."""
        stream = self.client.stream("GET", f"{url}?{QUERY}", headers=HEADERS)
        self.streams.append(stream)
        with suppress(self._host_errors):
            stream.read()

    @property
    def responses(self) -> list[Any]:
        """The host library's own."""
        came = [one.bearer for one in self.answers]
        return came + [one.bearer for one in self.streams]

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
def log() -> Iterator[list[logging.LogRecord]]:
    """Give every record the library writes, down to DEBUG."""
    with kept_records() as records:
        yield records


@pytest.fixture
def everything(
    edge: Edge, verto: Sandbox, log: list[logging.LogRecord], sdk: Sdk
) -> Iterator[Everything]:
    """Give what is left of calls with secrets."""
    calls = Everything(edge, verto)
    yield calls
    calls.close()


def test_nothing_that_is_said_holds_a_secret(
    everything: Everything, log: list[logging.LogRecord], sdk: Sdk, tmp_path: Path
) -> None:
    """No text, ``repr``, log line, span, metric, report and page of ours quotes one."""
    ours = list(everything.ours())
    bearers: list[Any] = [*everything.responses, *everything.errors]
    client = everything.client
    page = everything.recorder.write(tmp_path / "flight.html").read_text(encoding="utf-8")
    texts = {
        "log": "".join(f"{logging.Formatter().format(one)}{vars(one)}" for one in log),
        "errors": "".join(f"{error}{error!r}{getattr(error, '__notes__', '')}" for error in ours),
        "notes": str([getattr(error, "__notes__", None) for error in everything.errors]),
        "reports": "".join(f"{one}{one!r}" for one in map(verto_resilience.report, bearers)),
        "outcomes": "".join(f"{one}{one!r}" for one in map(verto_resilience.outcome, bearers)),
        "events": str(everything.told.events),
        "spans": "".join(span.to_json() for span in sdk.spans),
        "metrics": str(sdk.data()),
        "flight": f"{page}{everything.recorder!r}{everything.recorder.flight()!r}",
        "edge": f"{client.edge!r}{client.edge.policy!r}{client.pipeline!r}{client.edge.circuits!r}",
        "circuit": str(circuit(client, "http://127.0.0.1:1/")),
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
    assert found <= {b"k4n4ry9-x"}
