import os
import subprocess
import sys

import pytest

_CALLS = """
import logging
import sys

import requests
import verto_resilience

logging.basicConfig(stream=sys.stdout, format="%(message)s")
policy = verto_resilience.Policy(max_attempts=1)
session = verto_resilience.mount(requests.Session(), policy=policy)

class Refusing(requests.adapters.BaseAdapter):
    def send(self, request, **options):
        raise requests.ConnectionError(request=request)

    def close(self):
        pass

session.get_adapter("https://").inner = Refusing()

def call():
    try:
        session.get("https://api.example.com/rates")
    except requests.ConnectionError:
        pass
"""
_SDK_COMES_LATER = """
call()
assert "opentelemetry" not in sys.modules
from opentelemetry.metrics import set_meter_provider
from opentelemetry.trace import set_tracer_provider
from tests.telemetry.makers import Sdk
sdk = Sdk()
set_tracer_provider(sdk.tracers)
set_meter_provider(sdk.meters)
call()
assert [span.name for span in sdk.spans] == ["GET", "verto.call GET"]
assert len(sdk.points("verto.circuit_breaker.status")) == 3
for _ in range(5):
    call()
assert sdk.points("verto.circuit_breaker.transitions"), "events are not counted"
"""


def _run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", _CALLS + code],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, **environment},
    )


def test_an_sdk_is_noticed_that_comes_after_calls_were_made() -> None:
    """Spans, counts and circuits are there as soon as the program has loaded OpenTelemetry."""
    run = _run(_SDK_COMES_LATER)

    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("name", ["OTEL_PYTHON_TRACER_PROVIDER", "OTEL_PYTHON_METER_PROVIDER"])
def test_a_provider_that_the_environment_names_is_asked(name: str) -> None:
    """Who names a provider in the environment need not load OpenTelemetry in the program."""
    run = _run("call()\nassert 'opentelemetry.trace' in sys.modules", **{name: "sdk_of_mine"})

    assert run.returncode == 0, run.stderr
    assert "telemetry failed while asking for a" in run.stdout


def test_what_cannot_be_loaded_is_noted_and_calls_go_on() -> None:
    """A propagator that is not installed costs a warning, once, and no call."""
    run = _run("import opentelemetry.context\ncall()\ncall()", OTEL_PROPAGATORS="sent_by_pigeon")

    assert run.returncode == 0, run.stderr
    assert run.stdout.count("telemetry failed while loading OpenTelemetry") == 1
