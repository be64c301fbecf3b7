import subprocess
import sys
from typing import Any, Self

import anyio
import httpx
import pytest

import verto_resilience
from verto_resilience import AsyncVertoTransport, ConfigurationError, Policy, VertoTransport
from verto_resilience.mounting import _httpx

WITHOUT = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("httpx", "httpcore", "anyio"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocked())
import verto_resilience
"""


def run(code: str) -> str:
    """Run code where httpx is not installed; gives what it prints."""
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", WITHOUT + code],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@pytest.mark.parametrize("name", ["VertoTransport", "AsyncVertoTransport"])
def test_without_httpx_the_error_names_the_extra(name: str) -> None:
    """Whoever asks for a transport is told what to install."""
    told = run(
        f"try:\n    verto_resilience.{name}\nexcept ModuleNotFoundError as error:\n"
        "    print(error, error.name)"
    )

    assert "pip install '.[httpx]' httpx\n" in told


def test_without_httpx_all_else_is_there() -> None:
    """A star import, and every client of another library, go on working."""
    assert run(
        "from verto_resilience import *\n"
        "import requests\n"
        "mount(requests.Session())\n"
        "VertoPoolManager()\n"
        "print('fine')"
    )


@pytest.mark.parametrize("name", ["VertoTransport", "AsyncVertoTransport"])
def test_they_are_public(name: str) -> None:
    """Each is found where users look, and says that it comes from there."""
    found = getattr(verto_resilience, name)

    assert found is getattr(_httpx, name)
    assert name in dir(verto_resilience)
    assert (found.__module__, found.__qualname__) == ("verto_resilience", name)


KINDS: list[tuple[Any, Any]] = [
    (VertoTransport, httpx.HTTPTransport),
    (AsyncVertoTransport, httpx.AsyncHTTPTransport),
]


@pytest.mark.parametrize(("kind", "inner"), KINDS)
def test_it_makes_the_transport_that_sends(kind: Any, inner: Any) -> None:
    """Without an inner one it has httpx's own, that connects once."""
    transport = kind(policy=Policy(max_attempts=2))

    assert type(transport.inner) is inner
    assert transport.inner._pool._retries == 0
    assert transport.policy.max_attempts == 2
    assert repr(transport) == f"<{kind.__name__} around {inner.__name__}>"


@pytest.mark.parametrize(("kind", "_inner"), KINDS)
def test_one_inside_another_is_refused(kind: Any, _inner: object) -> None:
    """Attempts would be multiplied."""
    with pytest.raises(ConfigurationError, match=r"inner=transport\.inner"):
        kind(inner=kind(policy=Policy()), policy=Policy())


@pytest.mark.parametrize(("kind", "other"), [(VertoTransport, 1), (AsyncVertoTransport, 0)])
def test_a_transport_of_the_other_kind_is_refused(kind: Any, other: int) -> None:
    """What blocks is no transport for tasks, nor the other way round."""
    with pytest.raises(TypeError, match=r"inner must be a httpx\."):
        kind(inner=KINDS[other][1](), policy=Policy())


class Counting(httpx.HTTPTransport):
    """Counts how it is entered, left and closed."""

    def __init__(self) -> None:
        """Start with nothing."""
        super().__init__()
        self.told: list[str] = []

    def __enter__(self) -> Self:
        """Note it."""
        self.told.append("enter")
        return self

    def __exit__(self, *_: object) -> None:
        """Note it."""
        self.told.append("exit")

    def close(self) -> None:
        """Note it."""
        self.told.append("close")
        super().close()


def test_the_inner_transport_is_closed_with_it() -> None:
    """Httpx closes its transports, and nobody else knows of the inner one."""
    inner, entered = Counting(), Counting()

    httpx.Client(transport=VertoTransport(inner=inner, policy=Policy())).close()
    with httpx.Client(transport=VertoTransport(inner=entered, policy=Policy())):
        pass

    assert inner.told == ["close"]
    assert entered.told == ["enter", "close", "exit"]


def test_a_client_may_have_it_for_some_of_its_hosts() -> None:
    """As with any transport, ``mounts`` says for which."""
    ours = VertoTransport(policy=Policy())

    with httpx.Client(mounts={"https://api.example.com": ours}, trust_env=False) as client:
        assert client._transport_for_url(httpx.URL("https://api.example.com/a")) is ours
        assert client._transport_for_url(httpx.URL("https://other.example.com/")) is not ours


def test_switched_on_again_it_keeps_the_time() -> None:
    """What was left alone while the kill switch was thrown is taken over afterwards."""
    transport = VertoTransport(policy=Policy(disabled=True))
    assert not transport._keeps_time

    transport.reconfigure(Policy())

    assert transport._keeps_time


def test_a_hook_that_cannot_be_called_is_refused() -> None:
    """Told when the transport is made, and not at the first 401."""
    broken: Any = "Bearer x"
    for kind, _ in KINDS:
        with pytest.raises(TypeError, match="refresh must be a function"):
            kind(policy=Policy(), refresh=broken)


def test_closing_for_tasks_closes_the_inner_one() -> None:
    """And ends the use of it, where it was begun."""
    transport = AsyncVertoTransport(policy=Policy())

    async def main() -> None:
        async with httpx.AsyncClient(transport=transport):
            pass

    anyio.run(main)
