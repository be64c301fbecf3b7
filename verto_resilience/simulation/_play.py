"""Plays a scenario with one kind of client."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Protocol

from verto_resilience.pipeline import Policy
from verto_resilience.simulation._fleet import Fleet
from verto_resilience.simulation._ours import OurClient, Outcomes
from verto_resilience.simulation._plain import PlainClient, Retry
from verto_resilience.simulation._scenario import Scenario
from verto_resilience.simulation._tally import Tally
from verto_resilience.simulation._world import World


class Strategy(StrEnum):
    """What clients do about failures.

    ``NONE``: each call is sent once. ``RETRY``: ``Retry(3)`` as it stands. ``RETRY_BACKOFF``:
    ``Retry(3, backoff_factor=0.5, status_forcelist=(429, 500, 502, 503, 504))``, as it is often
    copied. ``OURS``: the machines of this library, each client by itself. ``SHARED``: the same, and
    clients go by each other's verdicts.
    """

    NONE = "none"
    RETRY = "retry"
    RETRY_BACKOFF = "retry_backoff"
    OURS = "ours"
    SHARED = "shared"

    @property
    def words(self) -> str:
        """Name it to a person."""
        return _WORDS[self]

    @property
    def is_ours(self) -> bool:
        """Whether its clients call through this library."""
        return self not in _RETRIES


_WORDS = {
    Strategy.NONE: "no resends",
    Strategy.RETRY: "Retry(3)",
    Strategy.RETRY_BACKOFF: "Retry(3), backoff",
    Strategy.OURS: "verto_resilience",
    Strategy.SHARED: "shared verdicts",
}
_RETRIES = {
    Strategy.NONE: Retry(),
    Strategy.RETRY: Retry(3),
    Strategy.RETRY_BACKOFF: Retry(3, 0.5, frozenset({429, 500, 502, 503, 504})),
}


@dataclass(frozen=True, slots=True)
class Played:
    """A run that is over."""

    scenario: Scenario
    strategy: Strategy
    tally: Tally


class Client(Protocol):
    """Who makes calls."""

    def begin(self) -> None:
        """Begin one."""
        ...


def play(
    scenario: Scenario,
    strategy: Strategy,
    policy: Policy,
    *,
    progress: Callable[[float], None] | None = None,
) -> Played:
    """Play it once; the same arguments give the same run.

    Args:
        scenario: The story.
        strategy: What its clients do about failures.
        policy: The settings of those that are ours.
        progress: Told the share that is done, once for each simulated second.
    """
    world = World(scenario)
    _Arrivals(world, _clients(world, strategy, policy))
    for second in range(scenario.seconds):
        world.agenda.run(until=second + 1.0)
        world.tally.second_over(second, queued=world.server.waiting)
        if progress is not None:
            progress((second + 1) / scenario.seconds)
    return Played(scenario, strategy, world.tally)


def _clients(world: World, strategy: Strategy, policy: Policy) -> list[Client]:
    count = world.scenario.clients
    retry = _RETRIES.get(strategy)
    if retry is not None:
        return [PlainClient(world, retry)] * count
    chance = Random(f"{world.scenario.seed} clients").random
    outcomes = Outcomes(world.scenario.retry_after)
    fleet = Fleet(world, chance) if strategy is Strategy.SHARED else None
    return [
        OurClient(world, policy, chance=chance, outcomes=outcomes, fleet=fleet)
        for _ in range(count)
    ]


class _Arrivals:
    """Calls in a Poisson stream, each at a client chosen evenly: the same for every strategy."""

    def __init__(self, world: World, clients: list[Client]) -> None:
        self._world = world
        self._clients = clients
        self._chance = Random(f"{world.scenario.seed} arrivals").random
        self._next(None)

    def _next(self, client: Client | None) -> None:
        agenda, chance = self._world.agenda, self._chance
        if client is not None:
            self._world.tally.begun(agenda.now)
            client.begin()
        gap = -math.log(1.0 - chance()) / self._world.scenario.rate
        agenda.at(agenda.now + gap, self._next, self._clients[int(chance() * len(self._clients))])
