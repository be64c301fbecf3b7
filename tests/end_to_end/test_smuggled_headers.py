"""Header lines that somebody tries to smuggle in: by an identifier, by the environment."""

from typing import Any

import pytest
import requests

import verto_resilience
from tests.end_to_end.sessions import Mounter
from verto_resilience import VertoAdapter
from verto_resilience.testing import Sandbox

pytestmark = pytest.mark.end_to_end

HEADERS = ["Vfx-Correlation-Id", "Idempotency-Key"]
BREAKS = [
    "a\r\nX-Injected: 1",
    "a\nX-Injected: 1",
    "a\rX-Injected: 1",
    "a\r\n X-Injected: 1",
    "a\r\n\r\nGET /x HTTP/1.1",
    "a\x00X-Injected: 1",
]


@pytest.mark.parametrize("name", HEADERS)
@pytest.mark.parametrize("value", BREAKS, ids=repr)
@pytest.mark.parametrize("kind", [str, bytes], ids=["text", "bytes"])
def test_identifier_cannot_inject_a_header(
    verto: Sandbox, mounted: Mounter, name: str, value: str, kind: type
) -> None:
    """An identifier that would end its line is refused, also where it goes past requests."""
    given: Any = value if kind is str else value.encode()
    session = mounted(verto_hosts=("127.0.0.1",))
    with pytest.raises(requests.exceptions.InvalidHeader):
        session.post(f"{verto.url}/x", headers={name: given})

    prepared = session.prepare_request(requests.Request("POST", f"{verto.url}/x"))
    prepared.headers[name] = given
    with pytest.raises(requests.exceptions.InvalidHeader) as refused:
        session.send(prepared)

    assert verto.arrived == 0
    assert "Injected" not in str(refused.value)


def test_environment_cannot_inject_headers(
    verto: Sandbox, plain: requests.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the environment says, what goes out has the headers that a plain call has."""
    plain.get(f"{verto.url}/status/200")
    line = "a\r\nX-Injected: 1"
    for name in ("TRACEPARENT", "TRACESTATE", "BAGGAGE", "OTEL_RESOURCE_ATTRIBUTES"):
        monkeypatch.setenv(name, line)
    for name in ("HEADERS", "CORRELATION_ID", "IDEMPOTENCY_KEY", "AUTHORIZATION"):
        monkeypatch.setenv(f"VERTO_{name}", line)
    monkeypatch.setenv("VERTO_RESILIENCE_ALLOWED_QUERY", line)
    monkeypatch.setenv("VERTO_RESILIENCE_CODE_KEYS", line)
    with requests.Session() as session:
        session.trust_env = False
        verto_resilience.mount(session).get(f"{verto.url}/status/200")

    first, second = verto.log
    assert set(second.headers) == set(first.headers)
    assert "X-Injected" not in str(second.headers)


@pytest.mark.parametrize(
    "variable",
    ["VERTO_RESILIENCE_HEADERS", "VERTO_RESILIENCE_CORRELATION_ID", "VERTO_RESILIENCE_AUTH"],
)
def test_no_variable_sets_a_header(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    """A variable that would is unknown, and so refused."""
    monkeypatch.setenv(variable, "X-Injected: 1")

    with pytest.raises(verto_resilience.ConfigurationError):
        VertoAdapter()
