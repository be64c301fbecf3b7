import math
from dataclasses import dataclass
from itertools import pairwise

import pytest

from tests.simulation.makers import POLICY, scenario
from verto_resilience.machines import Permit
from verto_resilience.pipeline import CircuitMoved, Circuits, Origin
from verto_resilience.simulation import (
    Ending,
    IncidentKind,
    Played,
    Scenario,
    Strategy,
    figures,
    play,
)
from verto_resilience.simulation._fleet import DELAY, Fleet
from verto_resilience.simulation._world import World


class Bench:
    """Three clients whose first one sees five failures at second 1."""

    def __init__(self) -> None:
        """Let it see them."""
        self.world = World(scenario(incident=IncidentKind.NONE))
        self.fleet = Fleet(self.world, lambda: 0.0)
        self.origins = [
            Circuits(POLICY, chance=lambda: 0.0).at("https://api.example.com:443", 0.0)
            for _ in range(3)
        ]
        self.members = [self.fleet.join(_Process(origin)) for origin in self.origins]
        self.fails(0, 1.0)

    def fails(self, number: int, at: float) -> None:
        """Have a client see five failures in a row at an instant."""
        self.world.agenda.run(until=at)
        breaker = self.origins[number].breaker
        for _ in range(5):
            permit = breaker.try_acquire(at)
            assert isinstance(permit, Permit)
            moved = breaker.record(permit, bad=True, now=at)
        assert moved is not None
        self.fleet.say(self.members[number], CircuitMoved("origin", "circuit", moved))

    def is_believed(self) -> None:
        """Have nobody doubt what has been heard."""
        self.world.agenda.run(until=1.0 + 2.0 * DELAY)
        for origin in self.origins:
            origin.breaker.hold_opinions(math.inf)

    def tries(self, number: int, at: float) -> Permit:
        """Have a client give a second opinion at an instant."""
        self.world.agenda.run(until=at)
        permit = self.origins[number].breaker.try_acquire(at)
        assert isinstance(permit, Permit)
        assert permit.transition is not None
        self.fleet.say(self.members[number], CircuitMoved("origin", "circuit", permit.transition))
        return permit

    def answers(self, number: int, permit: Permit, at: float, *, bad: bool) -> None:
        """Have it be answered at an instant."""
        self.world.agenda.run(until=at)
        moved = self.origins[number].breaker.record(permit, bad=bad, now=at)
        assert moved is not None
        self.fleet.say(self.members[number], CircuitMoved("origin", "circuit", moved))

    def lets_through(self, at: float) -> list[bool]:
        """Say which clients may send at an instant; each asks, and a probe stays out."""
        self.world.agenda.run(until=at)
        return [isinstance(origin.breaker.try_acquire(at), Permit) for origin in self.origins]


@dataclass
class _Process:
    origin: Origin


def test_a_finding_takes_its_time() -> None:
    """The others hear of it after the delay, and not before."""
    assert Bench().lets_through(1.0 + DELAY * 0.9) == [False, True, True]
    assert Bench().lets_through(1.0 + DELAY * 1.1) == [False, False, False]


def test_of_two_findings_that_cross_the_first_holds() -> None:
    """Who finds out the same a moment later goes by the break that was there before."""
    bench = Bench()
    bench.fails(1, 1.001)
    bench.world.agenda.run(until=2.0)

    ends = [2.0 + origin.breaker.refuses_for(2.0) for origin in bench.origins]
    assert ends == pytest.approx([6.0, 6.0, 6.0], abs=1e-6)


def test_nobody_probes_without_leave_until_the_grace_is_over() -> None:
    """A break of five seconds that ends while nobody calls is followed by a second of grace."""
    assert Bench().lets_through(6.9) == [False, False, False]
    assert Bench().lets_through(7.1) == [True, True, True]


def test_leave_to_probe_goes_to_one_that_was_asked() -> None:
    """Of those that have refused a call lately one may try, and the others go on refusing."""
    bench = Bench()
    bench.is_believed()
    bench.lets_through(5.5)

    assert sum(bench.lets_through(6.1)) == 1


def test_unused_leave_goes_on_to_another() -> None:
    """Who does not send within a second makes room, and those who are asked are given leave."""
    bench = Bench()
    bench.is_believed()
    bench.world.agenda.run(until=5.5)
    for origin in bench.origins:
        origin.breaker.try_acquire(5.5)
    bench.world.agenda.run(until=6.9)
    bench.origins[2].breaker.try_acquire(6.9)

    assert bench.lets_through(7.2)[1:] == [False, True]


def test_while_one_gives_a_second_opinion_the_others_wait() -> None:
    """They hear of it after the delay, and wait for as long as it is out, which is renewed."""
    bench = Bench()
    bench.tries(1, 1.5)

    assert bench.lets_through(1.5 + DELAY * 1.1) == [False, False, False]
    assert bench.lets_through(5.9) == [False, False, False]


def test_a_lost_opinion_holds_nobody_up() -> None:
    """Three seconds and a little after it was last renewed another may try, in the same break."""
    bench = Bench()
    permit = bench.tries(1, 1.5)
    bench.world.agenda.run(until=2.0)
    bench.origins[1].breaker.release(permit)
    bench.origins[1].breaker.open(2.0)

    assert bench.lets_through(4.4) == [False, False, False]
    assert bench.lets_through(4.7) == [False, False, True]


def test_a_good_opinion_closes_every_circuit() -> None:
    """Also that of the one that has tripped, which counts no trip."""
    bench = Bench()

    bench.answers(1, bench.tries(1, 1.5), 1.6, bad=False)

    assert bench.lets_through(1.6 + DELAY * 1.1) == [True, True, True]
    assert [one.breaker.snapshot(2.0).trips for one in bench.origins] == [0, 0, 0]


def test_of_three_that_have_failed_nobody_tries_again() -> None:
    """The second opinion that fails is the last, and the break is as long as it was."""
    bench = Bench()
    bench.answers(1, bench.tries(1, 1.5), 1.6, bad=True)
    bench.answers(2, bench.tries(2, 1.8), 1.9, bad=True)

    assert bench.lets_through(5.9) == [False, False, False]
    bench.world.agenda.run(until=6.2)
    assert sum(bench.lets_through(6.2)) == 1


def test_an_opinion_that_hangs_holds_nobody_up_when_the_break_is_over() -> None:
    """One of those that are asked is given leave, as if nobody had tried."""
    bench = Bench()
    bench.tries(1, 1.5)
    assert bench.lets_through(5.9) == [False, False, False]

    assert sum(bench.lets_through(6.1)) == 1


def test_errors_that_are_nobodys_outage_stop_no_fleet() -> None:
    """Where a fifth of the calls fail, clients that share do nearly as well as each alone.

    Without second opinions they stood still five seconds of six.
    """
    story = Scenario(
        incident=IncidentKind.ERRORS, severity=0.2, length=200.0, workers=20, seconds=300
    )

    alone, together = (
        figures(play(story, one, POLICY)).goodput_during for one in (Strategy.OURS, Strategy.SHARED)
    )

    assert together > 0.9 * alone


def _shared(story: Scenario) -> Played:
    return play(story, Strategy.SHARED, POLICY)


def test_one_finding_opens_every_circuit() -> None:
    """All circuits are open soon after the first, although most clients have seen no failure."""
    played = _shared(scenario(incident=IncidentKind.OUTAGE, severity=1.0, clients=500))

    opened = next(second for second, count in enumerate(played.tally.not_closed) if count)
    assert played.tally.not_closed[opened + 1] == 500
    # Six failures, one of them a resend, two opinions, and what was on its way to the store.
    assert sum(played.tally.arrived[30:60]) < 110


def test_one_client_probes_for_all() -> None:
    """While the origin is down hardly a request for each break reaches it, however many clients."""
    played = _shared(scenario(incident=IncidentKind.OUTAGE, severity=1.0, length=200.0))

    begun = sorted({round(at, 3) for at, _ in played.tally.breaks if 60.0 < at < 230.0})
    breaks = 1 + sum(later - earlier > 1.0 for earlier, later in pairwise(begun))
    assert 3 <= breaks <= 12
    assert sum(played.tally.arrived[60:230]) <= 2 * breaks


def test_one_429_holds_the_whole_fleet_back() -> None:
    """After the first one is told to wait nobody sends until that time has passed."""
    played = _shared(scenario(incident=IncidentKind.THROTTLING, severity=1.0, retry_after=10.0))

    assert sum(played.tally.arrived[30:32]) > 0
    assert sum(played.tally.arrived[32:40]) == 0
    assert sum(played.tally.endings[Ending.REFUSED][30:40]) == 0


def test_one_recovery_closes_every_circuit() -> None:
    """Once two probes were good, the fleet is back as one."""
    played = _shared(scenario(incident=IncidentKind.OUTAGE, severity=1.0))

    counts = played.tally.not_closed
    last = max(second for second, count in enumerate(counts) if count)
    row = figures(played)
    assert (counts[last], counts[last + 1]) == (50, 0)
    assert row.longest_break is not None
    assert row.recovered is not None
    assert row.recovered <= 2 * row.longest_break


def test_a_thousand_clients_do_better_together() -> None:
    """With one call in ten seconds each, sharing spares the server most of the failed requests.

    The fleet is back sooner than clients that learn each for itself.
    """
    story = Scenario(seconds=300)
    alone, together = (
        figures(play(story, one, POLICY)) for one in (Strategy.OURS, Strategy.SHARED)
    )

    assert alone.recovered is not None
    assert together.recovered is not None
    assert together.recovered < alone.recovered / 3
    assert together.wasted < alone.wasted / 5


def test_leave_that_nobody_uses_holds_nobody_for_ever() -> None:
    """Clients too quiet to probe within a second all try once a probe's lease has passed.

    A real store with as many registries behaved so: its first circuit closed after 66 s.
    """
    story = Scenario(
        clients=1000,
        rate=20.0,
        workers=4,
        incident=IncidentKind.OUTAGE,
        severity=1.0,
        length=10.0,
        seconds=200,
    )

    recovered = figures(_shared(story)).recovered

    assert recovered is not None
    assert 40 < recovered < POLICY.break_duration + POLICY.probe_lease + 10
