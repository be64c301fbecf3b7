import time
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter

import verto_resilience
from tests.end_to_end.sessions import quick, report
from tests.end_to_end.wire import STALLED, Wirer
from verto_resilience import Failure
from verto_resilience.testing import Sandbox

pytestmark = pytest.mark.end_to_end

SOON = 2.0
"""Seconds that a busy machine may add."""


class WithDefault(HTTPAdapter):
    """Fills in a timeout where the caller gave none, as recipes for requests have it."""

    def __init__(self, default: float | None) -> None:
        """Keep the default, and what ``send`` was asked for."""
        super().__init__()
        self.default = default
        self.given: list[Any] = []

    def send(  # noqa: PLR0917 - as requests calls it
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> requests.Response:
        """Send with the default."""
        self.given.append(timeout)
        timeout = self.default if timeout is None else timeout
        return super().send(request, stream, timeout, verify, cert, proxies)


def mounted_on(session: requests.Session, inner: HTTPAdapter, **settings: Any) -> requests.Session:
    """Mount around an adapter of the caller's."""
    session.mount("http://", inner)
    return verto_resilience.mount(session, policy=quick(max_attempts=1, **settings))


@pytest.mark.parametrize("timeout", [None, 7, (3, 7)], ids=str)
def test_an_adapter_with_its_own_send_gets_what_requests_gives_it(
    verto: Sandbox, plain: requests.Session, timeout: Any
) -> None:
    """With the adapter mounted and without, ``send`` below has the caller's timeout or ``None``."""
    inner = WithDefault(5.0)
    plain.mount("http://", inner)
    plain.get(f"{verto.url}/status/200", timeout=timeout)

    mounted_on(plain, inner).get(f"{verto.url}/status/200", timeout=timeout)

    assert inner.given == [timeout, timeout]


def test_a_default_of_an_inner_adapter_goes_before_the_policys(
    plain: requests.Session, wired: Wirer
) -> None:
    """A silent server is given up when the caller's own adapter says so."""
    wire = wired(STALLED)
    session = mounted_on(plain, WithDefault(0.3), read_timeout=30, call_timeout=60)
    began = time.monotonic()

    with pytest.raises(requests.exceptions.ReadTimeout):
        session.get(wire.url)

    assert 0.3 <= time.monotonic() - began < 0.3 + SOON


def test_an_inner_adapter_without_a_default_is_bounded_all_the_same(
    plain: requests.Session, wired: Wirer
) -> None:
    """One that only looks on and passes ``None`` down waits no longer than the call may last."""
    wire = wired(STALLED)
    inner = WithDefault(None)
    session = mounted_on(plain, inner, connect_timeout=0.5, read_timeout=0.5, call_timeout=0.5)
    began = time.monotonic()

    with pytest.raises(requests.exceptions.RequestException) as failed:
        session.get(wire.url)

    assert inner.given == [None]
    assert 0.4 < time.monotonic() - began < 0.5 + SOON
    assert report(failed.value).attempts[0].outcome.failure is Failure.READ_TIMEOUT


def test_a_timeout_of_the_caller_is_cut_for_an_inner_adapter_too(
    verto: Sandbox, plain: requests.Session
) -> None:
    """What the call has left is the most that an attempt may take."""
    inner = WithDefault(None)
    session = mounted_on(plain, inner, call_timeout=10, connect_timeout=1, read_timeout=1)

    session.get(f"{verto.url}/status/200", timeout=(3, 100))

    connect, read = inner.given[0]
    assert connect == 3
    assert 0 < read <= 10


def test_an_adapter_without_a_send_of_its_own_gets_the_policys(
    plain: requests.Session, wired: Wirer
) -> None:
    """An adapter that differs in other things than sending has the policy's timeouts."""

    class Named(HTTPAdapter):
        """Has a name."""

    wire = wired(STALLED)
    session = mounted_on(plain, Named(), read_timeout=0.3, call_timeout=60)
    began = time.monotonic()

    with pytest.raises(requests.exceptions.ReadTimeout):
        session.get(wire.url)

    assert 0.3 <= time.monotonic() - began < 0.3 + SOON
