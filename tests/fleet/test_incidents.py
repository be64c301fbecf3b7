"""Eight processes with four threads each, a real server between them, a real origin behind."""

from itertools import pairwise
from pathlib import Path

import pytest

from tests.fleet.scenes import (
    BREAK,
    FAILURES,
    PROCESSES,
    Outage,
    killing,
    outage,
    throttling,
)
from tests.fleet.server import KINDS, RedisServer
from verto_resilience.machines._doubt import OPINIONS, SOONEST

pytestmark = pytest.mark.fleet

# Jitter takes a fifth off a break at the most.
SHORTEST_BREAK = 0.8 * BREAK


@pytest.fixture(scope="module", params=KINDS)
def played(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Outage:
    """Play an outage with a store."""
    with RedisServer(tmp_path_factory.mktemp("server"), kind=request.param) as server:
        return outage(server.url)


def test_fewer_requests_than_each_would_need_for_itself_open_all_circuits(played: Outage) -> None:
    """Without a store it takes at least as many failures of each process as open its circuit."""
    assert FAILURES <= played.reached < FAILURES * PROCESSES


def test_most_processes_hear_of_it_from_others(played: Outage) -> None:
    """They open without having seen enough themselves."""
    heard = [one for one in played.seen if any(m[3] == "opened_elsewhere" for m in one.moves)]

    assert len(heard) >= PROCESSES // 2


def test_one_request_in_each_break_probes_for_the_whole_fleet(played: Outage) -> None:
    """No two requests reach the origin within one break, once enough have confirmed the first."""
    first = played.open_after + SHORTEST_BREAK - 0.1
    # What was on its way when the last circuit opened comes at once, an opinion never.
    opinions = [at for at in played.probes if played.open_after + SOONEST / 2 < at < first]
    probes = [at for at in played.probes if at >= first]
    gaps = [later - earlier for earlier, later in pairwise(probes)]

    # Two may begin within the milliseconds until the first of them is heard of.
    assert len(opinions) <= 2 * OPINIONS
    assert len(probes) >= 2
    assert all(gap >= SHORTEST_BREAK - 0.1 for gap in gaps), played.probes


def test_all_are_back_within_one_break_of_the_recovery(played: Outage) -> None:
    """The probe that succeeds succeeds for all."""
    assert max(played.back_after) <= BREAK + 1.0, played.back_after


def test_nobody_comes_before_retry_after_has_passed(server: RedisServer) -> None:
    """After the first 429 has come by, the fleet is silent until its time is up."""
    played = throttling(server.url)

    assert played.first.retry_after == 3
    assert played.known_after < 1.0
    assert played.late == 0


def test_a_killed_owner_of_the_probe_holds_nobody_up(server: RedisServer) -> None:
    """Its lease ends by itself, another process probes, and all but the dead recover."""
    played = killing(server)

    assert played.next_probe_after < 7.0
    assert played.probes == 1
    assert played.back == PROCESSES - 1


def test_the_store_may_be_killed_in_the_middle_of_it(tmp_path: Path) -> None:
    """Killed and started again while the origin is down: everybody recovers all the same."""
    with RedisServer(tmp_path) as server:
        played = outage(server.url, restart=server)

    assert max(played.back_after) <= 2.0 * BREAK + 1.0, played.back_after
    assert all(("lost" in {s[1] for s in one.store}) for one in played.seen)
    assert all(one.store[-1][1] == "connected" for one in played.seen)
