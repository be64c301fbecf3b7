"""A second opinion before a whole fleet goes by one process's verdict."""

import math
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest

from tests.fleet.server import RedisServer
from tests.fleet.sharing import Shop, connected, shop, wait_until
from verto_resilience.machines._doubt import OPINIONS
from verto_resilience.pipeline import StoreAddress
from verto_resilience.state import Place, force_open
from verto_resilience.state._link import Link
from verto_resilience.state._scripts import CLAIM, SAY
from verto_resilience.testing import Reply, Sandbox

pytestmark = pytest.mark.fleet

NAME = "verto:resilience:v1:default:verdicts"
FAILURES = 5
# So long that whatever happens before its end happens in doubt.
BREAK = 20.0
LONG = {"break_duration": BREAK, "max_break_duration": BREAK}
DOUBTED = 1.5


@pytest.fixture
def many(server: RedisServer, verto: Sandbox) -> Iterator[list[Shop]]:
    """Give four sessions with a store in common and long breaks, all of which have called."""
    with ExitStack() as stack:
        shops = [stack.enter_context(shop(server.url, **LONG)) for _ in range(4)]
        for one in shops:
            assert one.get(verto.url) == "404"
        connected(*shops)
        verto.clear()
        yield shops


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """Give threads for calls that hang."""
    with ThreadPoolExecutor(2) as threads:
        yield threads


def _trip(shops: list[Shop], verto: Sandbox, *afterwards: Reply | int) -> None:
    """Have the first see five failures in a row, and the others hear of it."""
    verto.script(None, [503] * FAILURES + list(afterwards))
    for _ in range(FAILURES):
        assert shops[0].get(verto.url) == "503"
    assert wait_until(lambda: all(one.is_open(verto.url) for one in shops))


def _calls(shops: list[Shop], verto: Sandbox, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for one in shops:
            one.get(verto.url)
        time.sleep(0.005)


def _hangs(one: Shop, verto: Sandbox, pool: ThreadPoolExecutor) -> "Future[str]":
    """Have one call until its second opinion is out, which the origin is slow to answer."""

    def until_answered() -> str:
        while (end := one.get(verto.url)) == "RequestsCircuitOpenError":
            time.sleep(0.01)
        return end

    before = verto.arrived
    answer = pool.submit(until_answered)
    assert verto.wait_for(before + 1, 10.0)
    return answer


def test_bad_luck_of_one_is_overturned_by_another(many: list[Shop], verto: Sandbox) -> None:
    """One good answer closes every circuit long before the break ends, and counts no trip."""
    _trip(many, verto)
    began = time.monotonic()

    assert wait_until(lambda: many[1].get(verto.url) == "404")

    assert wait_until(lambda: all(not one.is_open(verto.url) for one in many))
    assert time.monotonic() - began < BREAK / 2.0
    assert verto.arrived == FAILURES + 1
    heard = [
        ["trip", "closed_elsewhere"],
        ["opened_elsewhere", "break_over", "probes_good"],
        ["opened_elsewhere", "closed_elsewhere"],
        ["opened_elsewhere", "closed_elsewhere"],
    ]
    assert wait_until(lambda: [one.heard.triggers() for one in many] == heard)
    assert [one.breaker(verto.url).snapshot(time.monotonic()).trips for one in many] == [0] * 4


def test_an_outage_costs_no_more_than_the_opinions(many: list[Shop], verto: Sandbox) -> None:
    """Two more failures, of two processes, and the fleet refuses until the break ends."""
    _trip(many, verto)
    verto.outage(60, from_now=True)

    _calls(many, verto, 2.0 * DOUBTED)

    # One more where two begin within the milliseconds until the first is heard of.
    assert FAILURES + OPINIONS <= verto.arrived <= FAILURES + OPINIONS + 1
    reached = verto.arrived
    _calls(many, verto, DOUBTED)
    assert verto.arrived == reached
    now = time.monotonic()
    standing = [one.breaker(verto.url).snapshot(now) for one in many]
    assert {snapshot.trips for snapshot in standing} == {1}
    assert max(snapshot.open_for for snapshot in standing) < BREAK - 3.0 * DOUBTED + 0.5


def test_who_has_tripped_asks_no_second_time(many: list[Shop], verto: Sandbox) -> None:
    """The opinion is another's: alone with its verdict a process refuses as it would alone."""
    _trip(many, verto)

    _calls(many[:1], verto, DOUBTED)

    assert verto.arrived == FAILURES


def test_one_tries_and_the_others_wait(
    many: list[Shop], verto: Sandbox, server: RedisServer, pool: ThreadPoolExecutor
) -> None:
    """Whoever tries says so at once, by the lease of a probe, and renews it."""
    _trip(many, verto, Reply(404, delay=4.0))
    answer = _hangs(many[1], verto, pool)
    with server.client() as client:
        assert wait_until(lambda: client.hexists(NAME, f"l:{verto.url}"))
    # Later than chance alone would have it.
    began = time.monotonic()
    assert wait_until(
        lambda: began + DOUBTED < many[2].breaker(verto.url)._doubt.begins < math.inf, DOUBTED
    )

    while not answer.done():
        for one in many[2:]:
            one.get(verto.url)
        assert verto.arrived == FAILURES + 1

    assert answer.result() == "404"
    assert wait_until(lambda: all(not one.is_open(verto.url) for one in many))


def test_a_newcomer_does_not_try_while_another_does(
    many: list[Shop], verto: Sandbox, server: RedisServer, pool: ThreadPoolExecutor
) -> None:
    """It begins with the lease that the store holds, as it does with the verdict."""
    _trip(many, verto, Reply(404, delay=3.0))
    answer = _hangs(many[1], verto, pool)
    assert wait_until(lambda: _knows(many[2], "l", verto.url))

    with shop(server.url, **LONG) as newcomer:
        _calls([newcomer], verto, DOUBTED)

        assert verto.arrived == FAILURES + 1
    assert answer.result() == "404"


def _knows(one: Shop, kind: str, key: str) -> bool:
    member: Any = one.adapter.circuits.newcomers
    return member._desk.known(kind, key) is not None


def test_a_killed_owner_holds_nobody_up(
    many: list[Shop], verto: Sandbox, server: RedisServer
) -> None:
    """Its lease ends by itself, and another tries; the break is far from over."""
    end = int(time.time() * 1000) + 2500
    with server.client() as client:
        lease = f"{end - 3000} leased {end} {end - 3000} {end} 0 gone:1"
        client.hset(NAME, f"l:{verto.url}", lease)
    _trip(many, verto)
    began = time.monotonic()

    assert wait_until(lambda: many[1].get(verto.url) == "404")

    assert time.time() * 1000 > end - 10
    assert time.monotonic() - began < BREAK / 2.0


def test_one_that_hangs_holds_nobody_up_when_the_break_is_over(
    server: RedisServer, verto: Sandbox, pool: ThreadPoolExecutor
) -> None:
    """The others probe when they would have, and do not wait for its timeout."""
    with ExitStack() as stack:
        # Long enough that nobody has asked lately when it ends.
        breaks = {"break_duration": 3.0, "max_break_duration": 3.0}
        shops = [stack.enter_context(shop(server.url, **breaks)) for _ in range(3)]
        _, hanging, third = shops
        for each in shops:
            each.get(verto.url)
        connected(*shops)
        verto.clear()
        _trip(shops, verto, Reply(404, delay=4.8))
        answer = _hangs(hanging, verto, pool)
        assert wait_until(lambda: third.breaker(verto.url).refuses_for(time.monotonic()) == 0.0)
        time.sleep(0.3)

        assert not _is_leased(server, verto)
        assert wait_until(
            lambda: third.get(verto.url) == "404" and third.breaker(verto.url).state == "closed"
        )
        assert wait_until(lambda: hanging.breaker(verto.url).state == "closed")

        assert not answer.done()


def _is_leased(server: RedisServer, verto: Sandbox) -> bool:
    with server.client() as client:
        lease = client.hget(NAME, f"l:{verto.url}")
    return lease is not None and int(lease.split()[2]) > time.time() * 1000


def test_a_persons_word_is_not_tried(many: list[Shop], verto: Sandbox, server: RedisServer) -> None:
    """What was opened by hand stays so until its time is up."""
    place = Place(StoreAddress(server.url), "default")
    force_open(place, verto.url, BREAK, by="somebody@here")
    assert wait_until(lambda: all(one.is_open(verto.url) for one in many))

    _calls(many, verto, DOUBTED)

    assert verto.arrived == 0


def test_without_a_store_nobody_tries_early(
    many: list[Shop], verto: Sandbox, server: RedisServer
) -> None:
    """Nobody could be told of it, and every process would."""
    _trip(many, verto)
    server.kill()
    assert wait_until(lambda: any(("lost", "unreachable") in one.heard.store() for one in many))
    reached = verto.arrived

    _calls(many, verto, DOUBTED)

    assert verto.arrived == reached


@pytest.fixture
def link(server: RedisServer) -> Iterator[Link]:
    """Give a connection to a store in which a circuit is open for two seconds."""
    opened = Link(Place(StoreAddress(server.url), "default"), timeout=5.0)
    opened.open()
    yield opened
    opened.close()


def _say_open(link: Link, length: int) -> int:
    about = '{"by":"a:1","told":false,"status":429}'
    generation, _ = link.run(SAY, link.key, "c", 0, "open", length, 60_000, 1, about, "a:1/1")
    return int(generation)


def test_a_lease_before_the_end_goes_to_one_who_knows_of_the_verdict(link: Link) -> None:
    """Who says that it is early, and only one; an older verdict than the one in force is none."""
    known = _say_open(link, 20_000)

    assert link.run(CLAIM, link.key, "c", known, "b:1/1", 3000, 0)[0] == 0
    assert link.run(CLAIM, link.key, "c", known - 1, "b:1/1", 3000, 1)[0] == 0
    assert link.run(CLAIM, link.key, "c", known, "b:1/1", 3000, 1)[0] > 0
    assert link.run(CLAIM, link.key, "c", known, "c:1/1", 3000, 1)[0] == -2
    assert link.run(CLAIM, link.key, "c", known, "b:1/1", 3000, 1)[0] > 0


def test_a_lease_before_the_end_ends_with_the_break(link: Link, server: RedisServer) -> None:
    """At that end it is anybody's."""
    known = _say_open(link, 2000)

    link.run(CLAIM, link.key, "c", known, "b:1/1", 3000, 1)

    with server.client() as client:
        until, lease = (int(client.hget(NAME, f).split()[2]) for f in ("c:c", "l:c"))
    assert lease == until
