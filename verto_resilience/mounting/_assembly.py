"""Puts the parts together: settings, machines, telemetry and an edge."""

import os
import random
import weakref
from dataclasses import replace
from typing import Any

from verto_resilience.config import is_switched_off, known_methods, load_catalogue, load_policy
from verto_resilience.outcome import Catalogue, Operations
from verto_resilience.pipeline import Circuits, Observer, Observers, Pipeline, Policy, SystemClock
from verto_resilience.telemetry import LogObserver, OtelMetrics, OtelTracing


class Assembly:
    """What an adapter is built from; pickles as its settings, and is put together anew.

    Args:
        policy: Written in code; ``None`` reads the environment. The kill switch
            ``VERTO_RESILIENCE_DISABLED`` holds for both.
        observer: Is told what happens, beside metrics and log.
        catalogue: Statuses and API error codes; by default the documented ones, with the file
            that the policy's ``catalogue`` names merged over them.
        operations: Known operations; the documented ones by default.

    Raises:
        ConfigurationError: The environment holds a bad value, or the catalogue's file a bad row.
    """

    def __init__(
        self,
        *,
        policy: Policy | None = None,
        observer: Observer | None = None,
        catalogue: Catalogue | None = None,
        operations: Operations | None = None,
    ) -> None:
        """Read the settings and build the pipeline."""
        policy = load_policy() if policy is None else policy
        if is_switched_off():
            policy = replace(policy, disabled=True)
        if catalogue is None and not policy.disabled:
            catalogue = load_catalogue(policy.catalogue)
        self._parts = (policy, observer, catalogue, operations)
        self._build()

    def _build(self) -> None:
        policy, observer, catalogue, operations = self._parts
        self.clock = SystemClock()
        circuits = Circuits(policy, chance=random.random)
        _registries.add(circuits)
        listeners: list[Observer] = [LogObserver(), OtelMetrics(circuits)]
        if observer is not None:
            listeners.append(observer)
        self.pipeline = Pipeline(
            policy,
            clock=self.clock,
            chance=random.random,
            circuits=circuits,
            catalogue=catalogue,
            operations=operations,
            observer=Observers(*listeners),
            tracing=OtelTracing(policy, known_methods=known_methods()),
        )

    def __getstate__(self) -> Any:
        """Give the settings; locks, counts and clocks are not carried along."""
        return self._parts

    def __setstate__(self, parts: Any) -> None:
        """Put it together anew."""
        self._parts = parts
        self._build()


_registries: weakref.WeakSet[Circuits] = weakref.WeakSet()
_standing_still: list[Circuits] = []


def _before_fork() -> None:
    # A lock that another thread holds at the instant of a fork would stay held in the child for
    # ever. They guard arithmetic only, so taking all of them is a matter of microseconds.
    _standing_still.extend(_registries)
    for circuits in _standing_still:
        circuits.hold_still()


def _after_fork() -> None:
    while _standing_still:
        _standing_still.pop().go_on()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork
    )
