"""What all calls of one adapter have in common."""

from collections.abc import Callable
from typing import TypeVar

from verto_resilience.outcome import Catalogue, Operations
from verto_resilience.pipeline._call import Call
from verto_resilience.pipeline._chance import Chance
from verto_resilience.pipeline._circuits import Circuits
from verto_resilience.pipeline._clock import AsyncClock, Clock
from verto_resilience.pipeline._drive import Exchange, drive
from verto_resilience.pipeline._drive_async import AsyncExchange, drive_async
from verto_resilience.pipeline._observer import (
    SILENT_OBSERVER,
    SILENT_TRACING,
    Observer,
    Tracing,
    wants_routine,
)
from verto_resilience.pipeline._policies import Policies, as_policies
from verto_resilience.pipeline._policy import Policy
from verto_resilience.pipeline._request import CallRequest

R = TypeVar("R")


class Pipeline:
    """Settings, tables, machines and listeners, put together; shared by threads.

    Args:
        policy: The settings; the same for every origin, or not.
        clock: Where time comes from.
        chance: Gives numbers from 0 up to 1. Where it fails one half is taken, and that is logged
            once.
        circuits: The registry of origins; one of its own by default. Give several pipelines the
            same to have them share what they learn.
        catalogue: Statuses and API error codes; the documented ones by default.
        operations: Known operations; the documented ones by default.
        observer: Who is told what happened.
        tracing: Who draws spans.
    """

    __slots__ = (
        "_keeps_routine",
        "catalogue",
        "chance",
        "circuits",
        "clock",
        "observer",
        "operations",
        "policies",
        "policy",
        "tracing",
    )

    def __init__(
        self,
        policy: Policy | Policies,
        *,
        clock: Clock,
        chance: Callable[[], float],
        circuits: Circuits | None = None,
        catalogue: Catalogue | None = None,
        operations: Operations | None = None,
        observer: Observer = SILENT_OBSERVER,
        tracing: Tracing = SILENT_TRACING,
    ) -> None:
        """Put the parts together."""
        self.policies = as_policies(policy)
        self.policy = self.policies.general
        self.clock = clock
        self.chance = Chance.of(chance)
        self.circuits = (
            Circuits(self.policies, chance=self.chance) if circuits is None else circuits
        )
        self.catalogue = Catalogue.documented() if catalogue is None else catalogue
        self.operations = Operations.documented() if operations is None else operations
        self.observer = observer
        self._keeps_routine = wants_routine(observer)
        self.tracing = tracing

    def run(
        self, request: CallRequest, exchange: Exchange[R], *, policy: Policy | None = None
    ) -> R:
        """Carry one call through; see :func:`drive`.

        Args:
            request: What is to be sent.
            exchange: How it is sent.
            policy: The settings of its origin, where they are at hand; ``None`` looks them up.
        """
        call = self._call(request, policy)
        try:
            return drive(
                call, exchange, clock=self.clock, observer=self.observer, tracing=self.tracing
            )
        finally:
            if self.chance.mistake is not None:
                self.chance.tell()

    async def run_async(
        self,
        request: CallRequest,
        exchange: AsyncExchange[R],
        *,
        clock: AsyncClock,
        policy: Policy | None = None,
    ) -> R:
        """Carry one call of a task through; see :func:`drive_async`.

        Args:
            request: What is to be sent.
            exchange: How it is sent.
            clock: The pipeline's own clock, in which a task can sleep.
            policy: The settings of its origin, where they are at hand; ``None`` looks them up.
        """
        call = self._call(request, policy)
        try:
            return await drive_async(
                call, exchange, clock=clock, observer=self.observer, tracing=self.tracing
            )
        finally:
            if self.chance.mistake is not None:
                self.chance.tell()

    def _call(self, request: CallRequest, policy: Policy | None) -> Call:
        if policy is None:
            policy = self.policies.of(request.origin)
        now = self.clock.monotonic()
        origin = self.circuits.at(request.origin, now)
        return Call(
            request,
            origin,
            policy,
            chance=self.chance,
            now=now,
            keeps_routine=self._keeps_routine,
        )
