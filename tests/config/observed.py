"""What a person would see of a policy: small experiments with real parts and a clock that jumps."""

import io
import json
from typing import Any

import requests
from opentelemetry.context import attach, detach, set_value
from opentelemetry.trace import SpanKind
from requests.adapters import BaseAdapter, HTTPAdapter
from urllib3 import HTTPResponse

from tests.pipeline.makers import READ, START, Bench, RefusedError, Script, answer
from tests.telemetry.makers import Bench as TelemetryBench
from tests.telemetry.makers import Edge
from verto_resilience import VertoAdapter
from verto_resilience.config import load_policy
from verto_resilience.machines import CircuitBreaker, Permit, State
from verto_resilience.pipeline import CallRequest
from verto_resilience.telemetry._suppression import HTTP_KEY

VERTO = "https://api-payment-beta.vertofx.com"
ELSEWHERE = "https://api.example.com"


class Body(io.BytesIO):
    """Counts what is read of it."""

    taken = 0

    def read(self, size: int | None = -1, /) -> bytes:
        """Read, and count."""
        part = super().read(size)
        self.taken += len(part)
        return part


class Inner(BaseAdapter):
    """Answers without a wire, and keeps what it was asked to send."""

    def __init__(self, *answers: tuple[int, bytes]) -> None:
        """Give these in turn, then 200."""
        super().__init__()
        self.answers = list(answers)
        self.sent: list[requests.PreparedRequest] = []
        self.timeouts: list[Any] = []
        self.bodies: list[Body] = []

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # type: ignore[override]
        """Answer."""
        self.sent.append(request)
        self.timeouts.append(options["timeout"])
        status, body = self.answers.pop(0) if self.answers else (200, b"{}")
        self.bodies.append(Body(body))
        raw = HTTPResponse(
            self.bodies[-1],
            headers={"Content-Type": "application/json", "Content-Length": str(len(body))},
            status=status,
            preload_content=False,
            decode_content=False,
        )
        return HTTPAdapter().build_response(request, raw)

    def close(self) -> None:
        """Have nothing to close."""


def send(
    *answers: tuple[int, bytes],
    method: str = "GET",
    url: str = f"{ELSEWHERE}/x",
    stream: bool = False,
    body: object = None,
) -> tuple[Inner, requests.Response]:
    """Make one call by the environment's policy."""
    inner = Inner(*answers)
    adapter = VertoAdapter(inner=inner)
    with requests.Session() as session:
        session.trust_env = False
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        return inner, session.request(method, url, json=body, stream=stream)


def api_error(**body: object) -> tuple[int, bytes]:
    """Write a 400 with this body."""
    return 400, json.dumps(body).encode()


def bench() -> Bench:
    """Give an origin as an adapter makes it under the environment's policy."""
    adapter = VertoAdapter(inner=Inner())
    here = Bench(adapter.policy)
    here.circuits = adapter.circuits
    return here


def drive(here: Bench, script: Script, request: CallRequest = READ) -> str:
    """Carry a call through; a refusal is the word for it."""
    try:
        return here.drive(script, request)
    except RefusedError:
        return "refused"


def breaker() -> CircuitBreaker:
    """Give a circuit under the environment's policy."""
    return bench().origin.breaker


def call(circuit: CircuitBreaker, *, bad: bool, at: float = START, seconds: float = 0.0) -> State:
    """Send once through a circuit, and say how it stands then."""
    permit = circuit.try_acquire(at)
    assert isinstance(permit, Permit)
    circuit.record(permit, bad=bad, now=at + seconds)
    return circuit.state


def broken(circuit: CircuitBreaker, at: float = START) -> float:
    """Open a circuit, and give the instant at which it lets a probe through."""
    length = circuit.open(at).break_duration
    assert length is not None
    return at + length + 0.001


def spans(
    url: str = READ.url, *, below: bool = False
) -> tuple[list[SpanKind], dict[str, Any], dict[str, str]]:
    """Make one call with an SDK, or below another instrumentation.

    Returns:
        The kinds of its spans, all their attributes, and the headers sent.
    """
    made = TelemetryBench(policy=load_policy())
    edge = Edge(answer(200))
    token = attach(set_value(HTTP_KEY, True)) if below else None
    try:
        made.pipeline.run(READ._replace(url=url), edge)
    finally:
        if token is not None:
            detach(token)
    attributes: dict[str, Any] = {}
    for span in made.sdk.spans:
        attributes |= dict(span.attributes or {})
    return [span.kind for span in made.sdk.spans], attributes, edge.headers[-1]
