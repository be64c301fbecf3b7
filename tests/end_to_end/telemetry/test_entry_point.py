import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from verto_resilience.mounting import Instrumentor
from verto_resilience.testing import Sandbox

pytestmark = pytest.mark.end_to_end

SCRIPT = """
import sys, requests
session = requests.Session()
session.trust_env = False
print(session.get(sys.argv[1]).status_code, hasattr(requests.Session.send, "__wrapped__"))
"""
DISABLED = "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"
INSTALL = "VERTO_RESILIENCE_INSTALL"


def run(verto: Sandbox, **variables: str) -> str:
    """Run a program that knows nothing of us under ``opentelemetry-instrument``."""
    verto.script("/x", [503, 204])
    quickly = {"VERTO_RESILIENCE_BACKOFF_BASE": "0.02"} if INSTALL in variables else {}
    instrument = Path(sys.executable).with_name("opentelemetry-instrument")
    ran = subprocess.run(
        [instrument, sys.executable, "-c", SCRIPT, f"{verto.url}/x"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={"PATH": str(Path(sys.executable).parent)} | quickly | variables,
    )
    assert ran.stderr == ""
    assert ran.returncode == 0
    return ran.stdout.strip()


def test_the_entry_point_is_there() -> None:
    """The installed package names the class that ``opentelemetry-instrument`` loads."""
    (point,) = entry_points(group="opentelemetry_instrumentor", name="verto_resilience")

    assert point.load() is Instrumentor


def test_it_is_off_by_default(verto: Sandbox) -> None:
    """Nothing is resent in a program that did not ask; the other instrumentations are in force."""
    assert run(verto) == "503 True"
    assert verto.arrived == 1


@pytest.mark.parametrize("value", ["true", "1", "yes"])
def test_a_variable_switches_it_on(verto: Sandbox, value: str) -> None:
    """With ``VERTO_RESILIENCE_INSTALL`` a program resends without a changed line."""
    assert run(verto, **{INSTALL: value}) == "204 True"
    assert verto.arrived == 2


def test_opentelemetrys_own_variable_switches_it_off(verto: Sandbox) -> None:
    """What is named in ``OTEL_PYTHON_DISABLED_INSTRUMENTATIONS`` is not installed."""
    assert run(verto, **{INSTALL: "true", DISABLED: "verto_resilience"}) == "503 True"


def test_the_policy_comes_from_the_environment(verto: Sandbox) -> None:
    """The other variables hold as well."""
    assert run(verto, **{INSTALL: "true", "VERTO_RESILIENCE_MAX_ATTEMPTS": "1"}) == "503 True"
