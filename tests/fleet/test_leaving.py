"""What nobody uses any more is not watched, and a process without a store keeps none."""

import time

import pytest

from tests.fleet.server import RedisServer
from tests.fleet.sharing import Shop, connected, shop, wait_until
from verto_resilience import Policy
from verto_resilience.state import _store
from verto_resilience.state._turns import Watch
from verto_resilience.testing import Sandbox

pytestmark = pytest.mark.fleet

SHORT = {"connect_timeout": 0.3, "read_timeout": 0.3, "call_timeout": 1.0, "probe_lease": 1.0}
NAME = "verto:resilience:v1:default:verdicts"


def _half_open(one: Shop, verto: Sandbox) -> None:
    """Have one good probe of the two that close a circuit."""
    verto.outage(60, from_now=True)
    for _ in range(5):
        one.get(verto.url)
    verto.healthy()
    assert wait_until(lambda: one.get(verto.url) == "404")
    assert one.breaker(verto.url).state == "half_open"


def _watches(server: RedisServer) -> list[Watch]:
    return [
        watch
        for store in list(_store._stores.values())
        if store.place.address.url == server.url
        for watch in list(store._dialogue._tending._watches.values())
    ]


def test_a_half_open_circuit_that_nobody_calls_is_forgotten(
    server: RedisServer, verto: Sandbox
) -> None:
    """Once its last probe's lease is over; the next probe goes on where it was."""
    with shop(server.url, **SHORT) as one:
        one.get(verto.url)
        connected(one)
        _half_open(one, verto)
        assert _watches(server)

        assert wait_until(lambda: not _watches(server))

        with server.client() as client:
            assert not client.hexists(NAME, f"l:{verto.url}")
            assert one.get(verto.url) == "404"
            field = f"c:{verto.url}"
            assert wait_until(lambda: b" closed " in (client.hget(NAME, field) or b""))


def test_a_store_that_is_taken_out_of_the_settings_is_left(
    server: RedisServer, verto: Sandbox
) -> None:
    """Also while a circuit is half-open: its connections are closed, and it is told nothing."""
    with shop(server.url, store_poll=0.1) as one, server.client() as client:
        one.get(verto.url)
        connected(one)
        _half_open(one, verto)

        one.adapter.reconfigure(Policy(max_attempts=1))

        assert wait_until(lambda: not [c for c in client.client_list() if c["name"]], 10.0)
        before = client.hget(NAME, f"c:{verto.url}")
        verto.outage(60, from_now=True)
        one.get(verto.url)
        assert one.breaker(verto.url).snapshot(time.monotonic()).state == "open"
        assert client.hget(NAME, f"c:{verto.url}") == before


def test_a_lease_that_is_longer_than_any_holds_up_nobody(
    server: RedisServer, verto: Sandbox
) -> None:
    """A stranger's, or one of a clock that was set back."""
    now = int(time.time() * 1000)
    end = now + 80_000_000
    with shop(server.url, store_poll=0.1) as one, server.client() as client:
        client.hset(NAME, f"l:{verto.url}", f"{now} leased {end} {now} {end} 0 gone:1")
        one.get(verto.url)
        connected(one)
        began = time.monotonic()

        _half_open(one, verto)

        assert time.monotonic() - began < 10.0
        lease = f"l:{verto.url}"
        assert wait_until(lambda: b"gone:1" not in (client.hget(NAME, lease) or b""))
