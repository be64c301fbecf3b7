"""A process that is out of descriptors loses its store for as long as that lasts, and no call."""

import os
import threading
from contextlib import suppress

import pytest
import requests

from tests.fleet.descriptors import without_descriptors
from tests.fleet.server import RedisServer
from tests.fleet.sharing import connected, shop, wait_until
from verto_resilience.state import _store
from verto_resilience.testing import Sandbox

pytestmark = pytest.mark.fleet

NAME = "verto:resilience:v1:default:verdicts"


def test_a_thread_that_cannot_be_started_is_started_by_a_later_call(
    server: RedisServer, verto: Sandbox
) -> None:
    """The call that was to start it goes on without."""
    # Its own thread has by then what it needs.
    requests.get(verto.url, timeout=10)
    with shop(server.url) as one:
        circuits = one.adapter.circuits
        with without_descriptors():
            circuits.at(verto.url, 0.0)
        assert one.heard.store() == []

        one.get(verto.url)

        connected(one)


def test_a_thread_that_dies_is_started_by_a_later_call(
    server: RedisServer, verto: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever ended it."""
    dead: list[object] = []
    monkeypatch.setattr(threading, "excepthook", dead.append)
    with shop(server.url, store_poll=0.1) as one:
        one.get(verto.url)
        connected(one)
        with monkeypatch.context() as broken:
            broken.setattr(_store.Store, "_is_wanted", lambda _: 1 / 0)
            assert wait_until(lambda: dead)
        verto.outage(60, from_now=True)

        for _ in range(5):
            one.get(verto.url)

        with server.client() as client:
            assert wait_until(lambda: client.hexists(NAME, f"c:{verto.url}"))


def test_a_store_that_is_lost_without_descriptors_is_taken_up_with_them(
    server: RedisServer, verto: Sandbox
) -> None:
    """The thread waits without a selector, and goes on when there is one."""
    taken: list[int] = []

    def is_lost() -> bool:
        with suppress(OSError):
            while True:
                taken.append(os.open(os.devnull, os.O_RDONLY))
        return one.heard.store()[-1] == ("lost", "too_many_files")

    with shop(server.url, store_poll=0.1) as one:
        one.get(verto.url)
        connected(one)
        with server.client() as client:
            ids = [each["id"] for each in client.client_list() if each["name"]]
            with without_descriptors():
                for number in ids:
                    client.client_kill_filter(_id=number)
                assert wait_until(is_lost)
        for number in taken:
            os.close(number)

        assert wait_until(lambda: one.heard.store()[-1] == ("connected", ""))
