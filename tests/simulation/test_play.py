from operator import gt

import pytest

from tests.simulation.makers import POLICY, run, scenario
from verto_resilience.machines import Mode
from verto_resilience.pipeline import Policy
from verto_resilience.simulation import (
    Ending,
    IncidentKind,
    Played,
    Strategy,
    play,
    play_side_by_side,
    rows,
)


def _rows(played: Played) -> list[object]:
    return list(rows([played]))


@pytest.mark.parametrize("strategy", Strategy)
def test_the_same_seed_gives_the_same_run(strategy: Strategy) -> None:
    """Every count and latency of every second is the same, and with another seed it is not."""
    first, second, other = run(strategy), run(strategy), run(strategy, seed=2)

    assert _rows(first) == _rows(second)
    assert _rows(first) != _rows(other)


def test_every_strategy_is_offered_the_same_calls() -> None:
    """Calls begin in the same seconds whatever comes of them."""
    offered = [run(strategy).tally.offered for strategy in Strategy]

    assert offered == [offered[0]] * len(offered)
    assert sum(offered[0]) == pytest.approx(20 * 300, rel=0.05)


@pytest.mark.parametrize("incident", IncidentKind)
@pytest.mark.parametrize("strategy", Strategy)
def test_no_call_is_lost(strategy: Strategy, incident: IncidentKind) -> None:
    """Calls offered are those that succeeded, failed, were refused or are under way.

    Once no more are offered, none remains under way.
    """
    calls = scenario(incident=incident, severity=0.9, seconds=120)
    tail = 100
    played = play(calls, strategy, POLICY)
    longer = play(scenario(incident=incident, severity=0.9, seconds=120 + tail), strategy, POLICY)

    ended = sum(sum(counts) for counts in played.tally.endings.values())
    by_beginning = sum(longer.tally.begun_well[:120]) + sum(longer.tally.begun_badly[:120])
    assert sum(played.tally.offered) - ended >= 0
    assert by_beginning == sum(longer.tally.offered[:120])
    assert played.tally.offered == longer.tally.offered[:120]


def test_requests_and_work_go_together() -> None:
    """With a healthy server each call is one request, and one piece of work that nobody leaves."""
    tally = run(Strategy.NONE, incident=IncidentKind.NONE, timeout=60.0).tally

    assert tally.arrived == tally.offered
    assert sum(tally.wasted) == 0
    assert sum(tally.done) == sum(tally.endings[Ending.SUCCEEDED])


def test_machines_refuse_what_they_refuse_in_production() -> None:
    """In an outage circuits open, calls are refused, and the server is left alone."""
    ours = run(Strategy.OURS, incident=IncidentKind.OUTAGE, severity=1.0).tally
    plain = run(Strategy.NONE, incident=IncidentKind.OUTAGE, severity=1.0).tally

    assert max(ours.not_closed) == 50
    assert sum(ours.endings[Ending.REFUSED]) > 0
    assert sum(ours.arrived[45:60]) < sum(plain.arrived[45:60]) / 2


def test_settings_are_those_of_the_policy() -> None:
    """With circuits off and one attempt each call is sent once; by default it is not."""
    policy = Policy(breaker_mode=Mode.OFF, max_attempts=1)
    once, usual = play(scenario(), Strategy.OURS, policy).tally, run(Strategy.OURS).tally

    assert (sum(once.endings[Ending.REFUSED]), once.arrived) == (0, once.offered)
    assert sum(usual.endings[Ending.REFUSED]) > 0
    assert any(map(gt, usual.arrived, usual.offered))


def test_a_pause_holds_requests_back() -> None:
    """Told to wait, clients ask again at its end only, and where there is room hardly one fails."""
    told = {"incident": IncidentKind.THROTTLING, "severity": 1.0, "workers": 40, "clients": 2}
    ours, plain = run(Strategy.OURS, **told).tally, run(Strategy.NONE, **told).tally

    assert sum(ours.arrived[30:60]) < sum(plain.arrived[30:60]) / 5
    assert sum(ours.endings[Ending.FAILED]) < sum(plain.endings[Ending.FAILED]) / 5


def test_progress_is_told_for_each_second() -> None:
    """Whoever waits hears the share that is done, up to the whole."""
    told: list[float] = []

    play(scenario(seconds=100), Strategy.NONE, POLICY, progress=told.append)

    assert (len(told), told[-1]) == (100, 1.0)
    assert told == sorted(told)


@pytest.mark.parametrize("processes", [1, 2])
def test_side_by_side_gives_the_same_runs(processes: int) -> None:
    """In processes of their own or in this one, runs are the same and in the order asked for."""
    story, chosen = scenario(seconds=100), [Strategy.SHARED, Strategy.NONE, Strategy.RETRY]
    told: dict[Strategy, float] = {}

    runs = play_side_by_side(
        story,
        chosen,
        POLICY,
        processes=processes,
        progress=lambda one, done: told.update({one: done}),
    )

    assert [played.strategy for played in runs] == chosen
    assert list(rows(runs)) == list(rows([play(story, one, POLICY) for one in chosen]))
    assert told.keys() == set(chosen)
    assert min(told.values()) > 0.9
