import gc
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
import requests
import urllib3
from requests.adapters import HTTPAdapter

from tests.end_to_end.sessions import quick
from tests.end_to_end.wire import Wirer, answer
from verto_resilience import Event, VertoAdapter, VertoPoolManager
from verto_resilience.pipeline import WaitBegan

pytestmark = pytest.mark.end_to_end

Get = Callable[..., object]

SHORT = {"connect_timeout": 2.0, "read_timeout": 2.0, "call_timeout": 2.0}


class OverError(BaseException):
    """What a worker's soft time limit raises, wherever the program stands."""


class Breaks:
    """Breaks off the first wait, as a signal would."""

    def __init__(self) -> None:
        """Wait for the first one."""
        self.has_broken = False

    def on_event(self, event: Event) -> None:
        """Break it off."""
        if isinstance(event, WaitBegan) and not self.has_broken:
            self.has_broken = True
            raise OverError


def by_requests(stack: ExitStack) -> Get:
    """Give a session whose pool has one connection."""
    session = stack.enter_context(requests.Session())
    session.trust_env = False
    inner = HTTPAdapter(pool_maxsize=1, pool_block=True)
    session.mount("http://", VertoAdapter(policy=quick(**SHORT), inner=inner, observer=Breaks()))
    return lambda url, *, stream: session.get(url, stream=stream).content


def by_urllib3(stack: ExitStack) -> Get:
    """Give a pool manager whose pools have one connection."""
    inner = urllib3.PoolManager(maxsize=1, block=True)
    manager = VertoPoolManager(inner=inner, policy=quick(**SHORT), observer=Breaks())
    stack.enter_context(manager)
    return lambda url, *, stream: manager.request("GET", url, preload_content=not stream).data


@pytest.fixture(params=[by_requests, by_urllib3])
def get(request: pytest.FixtureRequest) -> Iterator[Get]:
    """Give what gets a body through a pool of one connection, and waits once in vain."""
    with ExitStack() as stack:
        yield request.param(stack)


def test_a_wait_that_is_broken_off_frees_its_connection(wired: Wirer, get: Get) -> None:
    """The unread answer that was to be sent again leaves its place in the pool to the next call."""
    wire = wired(answer(b"no", status=503), answer(b"whole"))
    with pytest.raises(OverError):
        get(wire.url, stream=True)
    # What nobody refers to any more does not give its place back by itself.
    gc.collect()

    body = get(wire.url, stream=False)

    assert body == b"whole"
