"""Thirty-two threads against origins that misbehave at random, and what must hold all the while."""

import json
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import requests
from opentelemetry import metrics, trace
from opentelemetry.context import Context
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider
from requests.adapters import HTTPAdapter

import verto_resilience
from tests.soak.calls import call
from tests.soak.gauges import Reading, read
from verto_resilience import Policy

ROOT = Path(__file__).resolve().parents[2]
THREADS = 32
ROUNDS = 6
LONGEST_ROUND = 60.0
STUCK = 30.0
MOST_MEBIBYTES = 6.0
MOST_OBJECTS = 5_000
# Three origins, five operations, some twenty statuses and faults, and what becomes of them: in
# half a million calls some 820 came together.
MOST_SERIES = 1_000

POLICY = Policy(
    call_timeout=2.0,
    connect_timeout=1.0,
    read_timeout=0.5,
    backoff_base=0.005,
    backoff_limit=0.05,
    server_error_wait_min=0.005,
    server_error_wait_max=0.02,
    max_pause=0.05,
    pause_ramp=0.01,
    budget_trickle=10.0,
    window=1.0,
    break_duration=0.05,
    max_break_duration=0.5,
    break_decay=0.5,
    probe_lease=1.0,
    verto_hosts=("127.0.0.1",),
)
"""The policy that users get in a world about a hundred times as fast, of Verto's own hosts."""


class SpanCount(SpanProcessor):
    """Counts the spans that began and those that ended."""

    def __init__(self) -> None:
        """Start with none."""
        self._lock = threading.Lock()
        self.began = self.ended = 0

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Count."""
        with self._lock:
            self.began += 1

    def on_end(self, span: ReadableSpan) -> None:
        """Count."""
        with self._lock:
            self.ended += 1


@dataclass(slots=True)
class Soaked:
    """What came of it.

    Attributes:
        begun: Calls that were begun.
        ended: Calls by what came of them: a status, or the name of an exception of requests.
        strange: Exceptions that are not of requests, by their text.
        readings: The first is taken before any call, the last when the session is closed.
        spans_left: Spans that began and never ended.
        stuck: Threads that did not come back.
    """

    begun: int = 0
    ended: Counter[str] = field(default_factory=Counter)
    strange: Counter[str] = field(default_factory=Counter)
    readings: list[Reading] = field(default_factory=list)
    spans_left: int = 0
    stuck: int = 0

    def problems(self) -> list[str]:
        """List what does not hold; the second half is compared with the first."""
        warm, late = self.readings[len(self.readings) // 2 - 1], self.readings[-2]
        first, last = self.readings[0], self.readings[-1]
        lost = self.begun - self.ended.total()
        found = {
            f"{lost} of {self.begun} calls brought neither response nor exception": lost,
            f"exceptions that are not of requests: {dict(self.strange)}": self.strange,
            f"{self.stuck} threads did not come back": self.stuck,
            f"{self.spans_left} spans never ended": self.spans_left,
            f"objects: {warm.objects} became {late.objects}": late.objects - warm.objects
            > MOST_OBJECTS,
            f"threads: {warm.threads} became {late.threads}": late.threads != first.threads,
            f"{late.series} series of metrics": late.series > MOST_SERIES,
        }
        if warm.resident is not None and late.resident is not None:
            words = f"memory: {warm.resident:.1f} MiB became {late.resident:.1f}"
            found[words] = late.resident - warm.resident > MOST_MEBIBYTES
        if first.sockets is not None and last.sockets is not None:
            found[f"{last.sockets} sockets are open, {first.sockets} before"] = (
                last.sockets > first.sockets
            )
        return [words for words, is_so in found.items() if is_so]


class Worker(threading.Thread):
    """Calls until the end of a round."""

    def __init__(
        self, session: requests.Session, origins: list[str], chance: random.Random, until: float
    ) -> None:
        """Prepare; nothing is called yet."""
        super().__init__(daemon=True)
        self._session, self._origins, self._chance = session, origins, chance
        self._until = until
        self.begun = 0
        self.ended: Counter[str] = Counter()
        self.strange: Counter[str] = Counter()

    def run(self) -> None:
        """Count each call before and after it."""
        while time.monotonic() < self._until:
            self.begun += 1
            try:
                what = call(self._session, self._origins, self._chance)
            except Exception as error:  # noqa: BLE001 - that there is none is what is tested
                what = repr(error)[:200]
                self.strange[what] += 1
            self.ended[what] += 1


def soak(seconds: float, seed: str) -> Soaked:
    """Go on for that long.

    Sets OpenTelemetry's global providers, so it wants a process of its own.
    """
    reader, spans = InMemoryMetricReader(), SpanCount()
    metrics.set_meter_provider(MeterProvider(metric_readers=[reader]))
    tracers = TracerProvider()
    tracers.add_span_processor(spans)
    trace.set_tracer_provider(tracers)
    serving = subprocess.Popen(
        [sys.executable, "-m", "tests.soak.server", seed],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with serving:
        assert serving.stdout is not None
        origins: list[str] = json.loads(serving.stdout.readline())
        soaked = _rounds(origins, seconds, seed, reader)
        serving.communicate()
    soaked.spans_left = spans.began - spans.ended
    return soaked


def _rounds(origins: list[str], seconds: float, seed: str, reader: InMemoryMetricReader) -> Soaked:
    soaked, began = Soaked(), time.monotonic()
    length = min(seconds / ROUNDS, LONGEST_ROUND)
    chances = [random.Random(f"{seed} {number}") for number in range(THREADS)]

    def look() -> None:
        passed = time.monotonic() - began
        soaked.readings.append(read(reader, seconds=passed, calls=soaked.begun))

    look()
    with requests.Session() as session:
        session.trust_env = False
        session.mount("http://", HTTPAdapter(pool_maxsize=THREADS))
        verto_resilience.mount(session, policy=POLICY)
        while time.monotonic() - began < seconds - length / 2 and not soaked.stuck:
            until = time.monotonic() + length
            workers = [Worker(session, origins, chance, until) for chance in chances]
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join(max(0.0, until - time.monotonic()) + STUCK)
                soaked.stuck += worker.is_alive()
                soaked.begun += worker.begun
                soaked.ended += worker.ended
                soaked.strange += worker.strange
            look()
    look()
    return soaked
