from pathlib import Path

import pytest
import requests

import verto_resilience
from tests.end_to_end.sessions import QUICK, Told, adapter_of, circuit, quick, report
from verto_resilience import CircuitOpenError, ConfigurationError
from verto_resilience.machines import State
from verto_resilience.pipeline import CircuitMoved
from verto_resilience.testing import Sandbox

pytestmark = pytest.mark.end_to_end


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a policy file with short times that the environment names."""
    path = tmp_path / "policy.toml"
    _write(path)
    monkeypatch.setenv("VERTO_RESILIENCE_POLICY_FILE", str(path))
    return path


def _write(path: Path, *lines: str, **settings: float) -> None:
    rows = (f"{name} = {value}" for name, value in (QUICK | settings).items())
    path.write_text("\n".join([*rows, *lines]))


def test_each_origin_goes_by_its_own_settings(
    file: Path, verto: Sandbox, plain: requests.Session
) -> None:
    """Of two servers that fail alike, the one that the file names is sent to once."""
    with Sandbox() as other:
        verto.script("/x", [503, 503])
        other.script("/x", [503, 503])
        _write(file, f'[origins."{verto.url}"]', "max_attempts = 1")
        verto_resilience.mount(plain)

        statuses = [plain.get(f"{server.url}/x").status_code for server in (verto, other)]

        assert statuses == [503, 404]
        assert (verto.arrived, other.arrived) == (1, 3)


def test_a_circuit_that_is_open_stays_open(
    file: Path, verto: Sandbox, plain: requests.Session
) -> None:
    """Settings change between two calls; the server that was down is not asked anew."""
    told = Told()
    verto_resilience.mount(plain, observer=told)
    verto.play("down")
    _write(file, consecutive_failures=2, break_duration=60, max_attempts=2)
    adapter = adapter_of(plain, verto.url)
    adapter.reload()

    plain.get(f"{verto.url}/x")
    arrived = verto.arrived
    _write(file, consecutive_failures=4, break_duration=90, max_attempts=3)
    adapter.reload()
    with pytest.raises(CircuitOpenError) as refused:
        plain.get(f"{verto.url}/x")

    assert (arrived, verto.arrived) == (2, 2)
    assert circuit(plain, verto.url).state is State.OPEN
    assert refused.value.retry_after is not None
    assert refused.value.retry_after <= 60
    assert len(told.of(CircuitMoved)) == 1


def test_a_bad_file_is_refused_and_calls_go_on(
    file: Path, verto: Sandbox, plain: requests.Session
) -> None:
    """A mistake while reloading is told, and the next call is made by the old settings."""
    _write(file, max_attempts=2)
    verto_resilience.mount(plain)
    verto.script("/x", [503, 503, 503])
    _write(file, max_attempts=99)

    with pytest.raises(ConfigurationError, match="max_attempts is 99"):
        adapter_of(plain, verto.url).reload()
    response = plain.get(f"{verto.url}/x")

    assert len(report(response).attempts) == 2


def test_what_runs_can_be_switched_off_and_on(verto: Sandbox, plain: requests.Session) -> None:
    """Switched off the first answer is returned; switched on again it is resent."""
    verto_resilience.mount(plain, policy=quick())
    adapter = adapter_of(plain, verto.url)
    verto.script("/x", [503, 503])

    adapter.reconfigure(quick(disabled=True))
    off = plain.get(f"{verto.url}/x")
    adapter.reconfigure(quick())
    on = plain.get(f"{verto.url}/x")

    assert (off.status_code, on.status_code) == (503, 404)
    assert verto_resilience.report(off) is None
    assert len(report(on).attempts) == 2
