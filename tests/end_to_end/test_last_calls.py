import gc
from collections.abc import Callable
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter

import verto_resilience
from tests.end_to_end.sessions import quick
from tests.end_to_end.wire import Then, Wirer, answer
from verto_resilience import VertoAdapter

pytestmark = pytest.mark.end_to_end


class Own(HTTPAdapter):
    """An adapter that finds its pools in a way of its own."""

    def build_connection_pool_key_attributes(self, *args: Any, **kwargs: Any) -> Any:
        """Give what it always gives."""
        return super().build_connection_pool_key_attributes(*args, **kwargs)


class Client:
    """A client of the usual make: its session knows it, and it says goodbye."""

    def __init__(self, session: requests.Session, url: str) -> None:
        self.session, self.url = session, url
        session.hooks["response"].append(self.check)

    def check(self, response: requests.Response, **_: Any) -> None:
        """Insist on an answer."""
        response.raise_for_status()

    def __del__(self) -> None:
        """Log out."""
        self.session.post(self.url + "/logout")


def _plain(_: requests.Session) -> None:
    """Leave it plain."""


def _mounted(session: requests.Session) -> None:
    verto_resilience.mount(session, policy=quick())


def _by_hand(session: requests.Session) -> None:
    session.mount("http://", VertoAdapter(policy=quick()))


def _around_its_own(session: requests.Session) -> None:
    session.mount("http://", Own())
    _mounted(session)


@pytest.mark.parametrize("prepare", [_plain, _mounted, _by_hand, _around_its_own])
def test_a_client_that_is_garbage_still_logs_out(
    wired: Wirer, prepare: Callable[[requests.Session], None]
) -> None:
    """Its last call is made while the collector takes it apart."""
    wire = wired(*[answer(head="Connection: close\r\n", then=Then.CLOSE)] * 2)
    client = Client(requests.Session(), wire.url)
    prepare(client.session)
    client.session.get(wire.url)

    del client
    gc.collect()

    assert [heard.path for heard in wire.heard] == ["/", "/logout"]
