"""What happens to calls while the store is absent, slow, full, read-only, emptied or cut off."""

import socket
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from tests.fleet.proxy import Wire
from tests.fleet.server import RedisServer, free_port
from tests.fleet.sharing import Shop, connected, shop, wait_until
from verto_resilience.pipeline import StoreAddress
from verto_resilience.state._link import Link, Place
from verto_resilience.state._scripts import MOST_FIELDS
from verto_resilience.testing import Sandbox

pytestmark = pytest.mark.fleet

NAME = "verto:resilience:v1:default:verdicts"


def _works_alone(one: Shop, verto: Sandbox) -> None:
    """Have a circuit open, probe and close without a store; takes a break and no longer."""
    verto.outage(60, from_now=True)
    for _ in range(5):
        assert one.get(verto.url) == "503"
    assert one.get(verto.url) == "RequestsCircuitOpenError"
    verto.healthy()
    began = time.monotonic()
    assert wait_until(lambda: one.get(verto.url) == "404", 5.0)
    assert time.monotonic() - began < 3.0
    one.get(verto.url)
    assert one.breaker(verto.url).state == "closed"


def test_absent_at_the_start_it_is_gone_without(tmp_path: Path, verto: Sandbox) -> None:
    """Circuits work alone, and the store is taken up once it is there."""
    server = RedisServer(tmp_path)
    with shop(server.url) as one:
        one.get(verto.url)
        assert wait_until(lambda: one.heard.store() == [("lost", "nobody_listens")])

        _works_alone(one, verto)

        with server:
            connected(one)
            assert one.heard.store() == [("lost", "nobody_listens"), ("connected", "")]


@pytest.fixture
def one(server: RedisServer, verto: Sandbox) -> Iterator[Shop]:
    """Give a session that is connected."""
    with shop(server.url) as mounted:
        mounted.get(verto.url)
        connected(mounted)
        verto.clear()
        yield mounted


def _freeze(server: RedisServer) -> None:
    server.freeze()


def _kill(server: RedisServer) -> None:
    server.kill()


def _fill(server: RedisServer) -> None:
    with server.client() as client:
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("maxmemory", "1")


def _make_replica(server: RedisServer) -> None:
    with server.client() as client:
        client.replicaof("127.0.0.1", str(free_port()))


def _empty(server: RedisServer) -> None:
    with server.client() as client:
        client.flushall()


def _forbid(server: RedisServer) -> None:
    with server.client() as client:
        client.acl_setuser("default", enabled=True, nopass=True, commands=["-hset"])


TROUBLES: dict[Callable[[RedisServer], None], set[tuple[str, str]]] = {
    _freeze: {("lost", "timeout")},
    _kill: {("lost", "unreachable"), ("lost", "nobody_listens")},
    _fill: {("refused", "full")},
    _make_replica: {("refused", "read_only"), ("lost", "loading")},
    _forbid: {("refused", "not_permitted")},
    _empty: set(),
}


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda trouble: trouble.__name__)
def test_in_trouble_circuits_go_on_alone(
    one: Shop, server: RedisServer, verto: Sandbox, trouble: Callable[[RedisServer], None]
) -> None:
    """Open, refuse, probe, close: at the pace of a process without a store."""
    trouble(server)

    _works_alone(one, verto)

    def new() -> set[tuple[str, str]]:
        return set(one.heard.store()) - {("connected", "")}

    # A server that is silent is given up after a second, which may be when the break is over.
    assert wait_until(lambda: new() or not TROUBLES[trouble])
    assert new() <= TROUBLES[trouble]


@pytest.mark.parametrize(
    ("trouble", "over"),
    [
        (_freeze, RedisServer.thaw),
        (_kill, RedisServer.start),
        (_fill, lambda server: server.client().config_set("maxmemory", "0")),
        (_make_replica, lambda server: server.client().replicaof("NO", "ONE")),
        (
            _forbid,
            lambda server: server.client().acl_setuser(
                "default", enabled=True, nopass=True, commands=["+hset"]
            ),
        ),
    ],
    ids=["frozen", "killed", "full", "read_only", "forbidden"],
)
def test_it_heals_by_itself(
    one: Shop,
    server: RedisServer,
    verto: Sandbox,
    trouble: Callable[[RedisServer], None],
    over: Callable[[RedisServer], object],
) -> None:
    """Once the trouble is over verdicts travel again, and every change was told once."""
    trouble(server)
    verto.outage(60, from_now=True)
    for _ in range(5):
        one.get(verto.url)
    assert wait_until(lambda: one.heard.store()[-1][0] != "connected")

    over(server)

    assert wait_until(lambda: one.heard.store()[-1] == ("connected", ""))
    told = one.heard.store()
    assert all(before != after for before, after in pairwise(told))
    with server.client() as client:
        verto.healthy()
        assert wait_until(lambda: one.get(verto.url) == "404")
        one.get(verto.url)
        assert wait_until(lambda: b" closed " in (client.hget(NAME, f"c:{verto.url}") or b""))


def test_a_wire_that_is_cut_is_noticed_and_taken_up_again(tmp_path: Path, verto: Sandbox) -> None:
    """No answer, no error: the process goes on alone, and is back when the wire is."""
    with (
        RedisServer(tmp_path, tcp=True) as server,
        Wire(server.port) as wire,
        shop(f"redis://127.0.0.1:{wire.port}") as one,
    ):
        one.get(verto.url)
        connected(one)

        wire.cut()
        _works_alone(one, verto)
        assert wait_until(lambda: one.heard.store()[-1][0] == "lost")

        wire.mend()
        assert wait_until(lambda: one.heard.store()[-1] == ("connected", ""))


def test_after_a_restart_the_scripts_are_there_again(
    one: Shop, server: RedisServer, verto: Sandbox
) -> None:
    """A server that has forgotten everything is told again what it needs to know."""
    server.kill()
    server.start()
    assert wait_until(lambda: one.heard.store().count(("connected", "")) == 2)
    verto.outage(60, from_now=True)

    for _ in range(5):
        one.get(verto.url)

    with server.client() as client:
        assert wait_until(lambda: client.hexists(NAME, f"c:{verto.url}"))


HOSTILE = {
    "c:{}": b"99999999999999 open 99999999999999 1 99999999999999 1 {}",
    "c:{}/": b"\xff\xfe\x00",
    "p:{}": b"1 paused 99999999999999 1 99999999999999 0 not json",
    "l:{}": b"1 leased 9 9 99999999999999 9 \x1b[31m",
    "c:\x1b[31m": b"1 open 1 1 99999999999999 1 {}",
    "x": b"",
    "c:https://api:443": b"x" * 100_000,
}


def test_what_strangers_have_written_is_passed_over_and_counted(
    one: Shop, server: RedisServer, verto: Sandbox
) -> None:
    """Nothing of it opens, pauses or holds anything, and what is said next takes its place."""
    with server.client() as client:
        for name, value in HOSTILE.items():
            client.hset(NAME, name.format(verto.url), value)
        client.hset(NAME, "n", "1e308")
        client.publish(NAME, b"\x00" * 1000)

        assert wait_until(one.heard.ignored)
        assert one.heard.ignored()[-1] == len(HOSTILE)
        assert one.get(verto.url) == "404"

        verto.outage(60, from_now=True)
        for _ in range(5):
            one.get(verto.url)
        field = f"c:{verto.url}"
        assert wait_until(lambda: b"consecutive_failures" in (client.hget(NAME, field) or b""))
    assert one.heard.store() == [("connected", "")]


def test_a_key_of_another_kind_is_taken_over(
    one: Shop, server: RedisServer, verto: Sandbox
) -> None:
    """Where a stranger keeps a string, the first verdict makes a hash of it."""
    with server.client() as client:
        client.set(NAME, "hello")
        verto.outage(60, from_now=True)

        for _ in range(5):
            one.get(verto.url)

        assert wait_until(lambda: client.type(NAME) == b"hash")


def _crowd(server: RedisServer, *urls: str) -> None:
    """Leave no room for another field; these have one already."""
    now = int(time.time() * 1000)
    about = '{"by":"x","reason":null,"failure":null,"told":false,"status":429}'
    value = f"{now} closed 0 {now} {now + 3_600_000} 0 {about}"
    others = [f"http://h{number}:80" for number in range(MOST_FIELDS)]
    with server.client() as client:
        client.hset(NAME, mapping={f"c:{url}": value for url in (*urls, *others)})


def _scripts_run(server: RedisServer) -> int:
    with server.client() as client:
        return int(client.info("commandstats")["cmdstat_evalsha"]["calls"])


def test_a_namespace_without_room_is_told_once_and_tried_with_each_poll(
    server: RedisServer, verto: Sandbox
) -> None:
    """It is no reason to hurry; once there is room the verdict is said."""
    with shop(server.url, store_poll=0.1, break_duration=60.0, max_break_duration=60.0) as one:
        one.get(verto.url)
        connected(one)
        _crowd(server)
        verto.outage(60, from_now=True)
        for _ in range(5):
            one.get(verto.url)
        assert wait_until(lambda: one.heard.store()[-1] == ("refused", "full"))
        began, before = time.monotonic(), _scripts_run(server)

        assert wait_until(lambda: _scripts_run(server) >= before + 30)

        # A read, a try and a verdict with each poll.
        assert time.monotonic() - began > 0.5
        assert one.heard.store() == [("connected", ""), ("refused", "full")]
        with server.client() as client:
            client.delete(NAME)
            assert wait_until(lambda: one.heard.store()[-1] == ("connected", ""))
            assert wait_until(lambda: client.hexists(NAME, f"c:{verto.url}"))


def test_the_verdict_for_which_there_is_no_room_holds_up_no_other(
    server: RedisServer, verto: Sandbox
) -> None:
    """A circuit that has its field is told of, whichever came first."""
    with (
        Sandbox() as other,
        shop(server.url, store_poll=0.1, break_duration=60.0, max_break_duration=60.0) as one,
    ):
        _crowd(server, other.url)
        one.get(verto.url)
        connected(one)
        for sandbox in (verto, other):
            sandbox.outage(60, from_now=True)
            for _ in range(5):
                one.get(sandbox.url)

        with server.client() as client:
            field = f"c:{other.url}"
            assert wait_until(lambda: b" open " in (client.hget(NAME, field) or b""))
            assert not client.hexists(NAME, f"c:{verto.url}")


def test_that_somebody_tries_whether_he_may_speak_wakes_nobody(server: RedisServer) -> None:
    """Only a verdict is a nudge."""
    link = Link(Place(StoreAddress(server.url), "default"), timeout=5.0)
    waker, other = socket.socketpair()
    with waker, other, server.client() as client:
        waker.setblocking(False)
        link.open()
        client.publish(NAME, "0")
        began = time.monotonic()

        assert not link.wait(0.2, waker)
        assert time.monotonic() - began >= 0.19

        client.publish(NAME, "1")
        assert link.wait(20.0, waker)
        link.close()
