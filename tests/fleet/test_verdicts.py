import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.fleet.server import RedisServer
from tests.fleet.sharing import Shop, connected, shop, wait_until
from verto_resilience.machines import Mode
from verto_resilience.testing import Reply, Sandbox

pytestmark = pytest.mark.fleet


@pytest.fixture
def two(server: RedisServer, verto: Sandbox) -> Iterator[tuple[Shop, Shop]]:
    """Give two sessions with a store in common, both of which have called."""
    with shop(server.url) as one, shop(server.url) as other:
        assert (one.get(verto.url), other.get(verto.url)) == ("404", "404")
        connected(one, other)
        verto.clear()
        yield one, other


def _trip(one: Shop, verto: Sandbox) -> None:
    verto.outage(60, from_now=True)
    for _ in range(5):
        one.get(verto.url)
    assert one.is_open(verto.url)


def test_a_circuit_opens_for_those_who_have_seen_nothing(
    two: tuple[Shop, Shop], verto: Sandbox
) -> None:
    """What one has found out keeps the other from calling at all."""
    one, other = two

    _trip(one, verto)

    assert wait_until(lambda: other.is_open(verto.url))
    assert other.get(verto.url) == "RequestsCircuitOpenError"
    assert verto.arrived == 5
    assert wait_until(lambda: other.heard.triggers() == ["opened_elsewhere"])


def test_a_circuit_that_closes_closes_for_all(two: tuple[Shop, Shop], verto: Sandbox) -> None:
    """One probes, both call again, and nothing echoes."""
    one, other = two
    _trip(one, verto)
    assert wait_until(lambda: other.is_open(verto.url))
    verto.healthy()

    assert wait_until(lambda: one.get(verto.url) == "404" and not one.is_open(verto.url))
    one.get(verto.url)

    assert wait_until(lambda: other.breaker(verto.url).state == "closed")
    assert other.heard.triggers() == ["opened_elsewhere", "closed_elsewhere"]
    assert one.heard.triggers() == ["trip", "break_over", "probes_good"]


def test_a_pause_holds_for_all(two: tuple[Shop, Shop], verto: Sandbox) -> None:
    """Who was told nothing waits as well, no shorter than the one that was told."""
    one, other = two
    verto.script(None, [Reply(429, retry_after=2)])
    began = time.monotonic()

    assert one.get(verto.url) == "429"

    assert wait_until(lambda: other.heard.pauses() == [True])
    assert other.get(verto.url) == "404"
    answered = verto.log[0].answered
    assert answered is not None
    assert verto.log[-1].arrived >= answered + 2.0
    assert time.monotonic() - began < 10.0
    assert one.heard.pauses() == [False]


def test_a_newcomer_begins_with_what_the_fleet_knows(
    two: tuple[Shop, Shop], server: RedisServer, verto: Sandbox
) -> None:
    """An origin that a process calls for the first time is open from the start."""
    one, other = two
    with Sandbox() as second:
        second.outage(60, from_now=True)
        for _ in range(5):
            one.get(second.url)
        key = f"c:{second.url}"
        with server.client() as client:
            name = "verto:resilience:v1:default:verdicts"
            assert wait_until(lambda: client.hexists(name, key))
        # What the store says has come by when the nudge has.
        assert wait_until(lambda: _knows(other, second.url))

        assert other.get(second.url) == "RequestsCircuitOpenError"
        assert second.arrived == 5


def _knows(other: Shop, key: str) -> bool:
    member: Any = other.adapter.circuits.newcomers
    return member._desk.known("c", key) is not None


def test_namespaces_do_not_hear_each_other(server: RedisServer, verto: Sandbox) -> None:
    """Two services may share a server."""
    with (
        shop(server.url, store_namespace="one") as one,
        shop(server.url, store_namespace="other") as other,
    ):
        other.get(verto.url)
        connected(other)

        _trip(one, verto)

        with server.client() as client:
            assert wait_until(lambda: client.exists("verto:resilience:v1:one:verdicts"))
        assert other.get(verto.url) == "503"


def test_an_experiment_with_thresholds_opens_nobody_elses_circuit(
    server: RedisServer, verto: Sandbox
) -> None:
    """What a circuit in observe_only finds out stays at home."""
    with (
        shop(server.url, breaker_mode=Mode.OBSERVE_ONLY) as one,
        shop(server.url) as other,
    ):
        other.get(verto.url)
        connected(other, one)

        _trip(one, verto)

        with server.client() as client:
            fields = client.hgetall("verto:resilience:v1:default:verdicts")
        assert not [name for name in fields if name.startswith(b"c:")]


def test_a_circuit_for_each_operation_is_shared_as_such(
    server: RedisServer, verto: Sandbox
) -> None:
    """One operation that fails is refused by all, and the others are not."""
    settings = {"circuit_key": "operation", "verto_hosts": ("127.0.0.1",)}
    failing, working = f"{verto.url}/fx/health", f"{verto.url}/orders/v2.1/fx"
    with shop(server.url, **settings) as one, shop(server.url, **settings) as other:
        other.get(failing)
        other.get(working)
        connected(one, other)
        verto.outage(60, path="/fx/health", from_now=True)

        for _ in range(6):
            one.get(failing)

        assert wait_until(lambda: "opened_elsewhere" in other.heard.triggers()) or (
            other.get(failing) != "RequestsCircuitOpenError"
        )
        assert other.get(working) != "RequestsCircuitOpenError"


def test_keys_end_by_themselves(
    two: tuple[Shop, Shop], server: RedisServer, verto: Sandbox
) -> None:
    """What is written has an end, however it goes on."""
    one, _ = two
    _trip(one, verto)

    with server.client() as client:
        name = "verto:resilience:v1:default:verdicts"
        assert wait_until(lambda: client.hexists(name, f"c:{verto.url}"))
        assert 0 < client.pttl(name) <= 120_000
        assert client.keys("*") == [name.encode()]
