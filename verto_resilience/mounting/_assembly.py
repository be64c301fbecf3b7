"""Puts the parts together: settings, machines, telemetry and an edge."""

import os
import random
import weakref
from contextlib import ExitStack
from dataclasses import dataclass, replace
from threading import RLock
from typing import TYPE_CHECKING, Any, Protocol

from verto_resilience.config import (
    is_switched_off,
    known_methods,
    load_catalogue,
    load_operations,
    load_policies,
    load_policy,
    open_store,
)
from verto_resilience.errors import ConfigurationError
from verto_resilience.mounting._given import insist_on_parts
from verto_resilience.mounting._instrumented import calls_hooks
from verto_resilience.outcome import Catalogue, Operations
from verto_resilience.pipeline import (
    Circuits,
    Observer,
    Observers,
    Pipeline,
    Policies,
    Policy,
    SystemClock,
)
from verto_resilience.telemetry import LogObserver, OtelMetrics, OtelTracing
from verto_resilience.transports import Refresher, RefreshHook, RenewsCredentials

if TYPE_CHECKING:
    from verto_resilience.state import Store


class Follower(Protocol):
    """Something that makes calls with the pipeline of an assembly."""

    def go_on_with(self, pipeline: Pipeline) -> None:
        """Make the next calls with this one."""
        ...


@dataclass(frozen=True, slots=True)
class Parts:
    """What was given in code, and the settings that were read."""

    policy: Policy | None
    observer: Observer | None
    catalogue: Catalogue | None
    operations: Operations | None
    policies: Policies
    catalogue_in_force: Catalogue | None
    operations_in_force: Operations | None
    refresh: RefreshHook | RenewsCredentials | None


class Assembly:
    """What adapters are built from; pickles as its settings, and is put together anew.

    Args:
        policy: Written in code; ``None`` reads the environment and the policy file. The kill switch
            ``VERTO_RESILIENCE_DISABLED`` holds for both.
        observer: Is told what happens, beside metrics and log.
        catalogue: Statuses and API error codes; by default the documented ones, with the file
            that the policy's ``catalogue`` names merged over them.
        operations: Known operations; by default the documented ones, with those of the file that
            the policy's ``operations`` names before them.
        refresh: Gives new credentials after a 401 of a Verto host.

    Raises:
        ConfigurationError: The environment or a file holds a bad value.
        TypeError: A part is of another kind, or ``refresh`` cannot be called.
    """

    def __init__(
        self,
        *,
        policy: Policy | None = None,
        observer: Observer | None = None,
        catalogue: Catalogue | None = None,
        operations: Operations | None = None,
        refresh: RefreshHook | RenewsCredentials | None = None,
    ) -> None:
        """Read the settings and build the pipeline."""
        self._parts = _read(policy, observer, catalogue, operations, refresh)
        self._build()

    def _build(self) -> None:
        self.clock = SystemClock()
        refresh = self._parts.refresh
        self.refresher: Refresher | None = None
        if refresh is not None:
            self.refresher = Refresher(refresh, clock=self.clock.monotonic)
        # Garbage that is collected while it is held may mount adapters of its own.
        self._swapping = RLock()
        self._turn = 0
        self._turn_in_force = 0
        self._followers: weakref.WeakSet[Follower] = weakref.WeakSet()
        circuits = Circuits(self._parts.policies, chance=random.random)
        with _registering:
            _registries.add(circuits)
        _assemblies.add(self)
        self._metrics = OtelMetrics(circuits)
        self._circuits = circuits
        self._share(open_store(self._parts.policies.general))
        self.pipeline = self._pipeline(self._parts)

    def _share(self, store: "Store | None") -> None:
        """Say who listens; with a store, the verdicts of this registry are shared through it."""
        listeners: list[Observer] = [LogObserver(), self._metrics]
        if self._parts.observer is not None:
            listeners.append(self._parts.observer)
        self._store = store
        self._circuits.newcomers = None
        if store is None:
            self._observer = Observers(*listeners)
            return
        member = store.join(self._circuits)
        # Those who listen are told of what others have found out too, the member is not.
        member.observer = Observers(*listeners)
        self._observer = Observers(member.observer, member)

    def _pipeline(self, parts: Parts) -> Pipeline:
        return Pipeline(
            parts.policies,
            clock=self.clock,
            chance=random.random,
            circuits=self._circuits,
            catalogue=parts.catalogue_in_force,
            operations=parts.operations_in_force,
            observer=self._observer,
            tracing=OtelTracing(
                parts.policies.general,
                known_methods=known_methods(),
                hooked_below=calls_hooks,
                on_sdk=self._metrics.look,
            ),
        )

    def is_built_of(self, name: str, part: object) -> bool:
        """Say whether it was given this part in code; one that is equal will do."""
        # A bound method is another object each time.
        return bool(part == getattr(self._parts, name))

    def follow(self, follower: Follower) -> None:
        """Have it told of every other pipeline that takes this one's place."""
        with self._swapping:
            self._followers.add(follower)
            follower.go_on_with(self.pipeline)

    def reload(self) -> Policy:
        """Read environment and files anew; see :meth:`VertoAdapter.reload`."""
        return self._swap(self._parts.policy)

    def reconfigure(self, policy: Policy | None) -> Policy:
        """Take another policy; see :meth:`VertoAdapter.reconfigure`."""
        return self._swap(policy)

    def _swap(self, policy: Policy | None) -> Policy:
        with self._swapping:
            self._turn += 1
            turn, before = self._turn, self._parts
        # All that can fail comes first: what is refused changes nothing.
        parts = _read(policy, before.observer, before.catalogue, before.operations, before.refresh)
        store = open_store(parts.policies.general)
        with self._swapping:
            if turn < self._turn_in_force:
                # Read before what is in force by now.
                return self._parts.policies.general
            self._turn_in_force = turn
            self._parts = parts
            if store is not self._store:
                self._share(store)
            pipeline = self._pipeline(parts)
            self._circuits.reconfigure(parts.policies)
            self.pipeline = pipeline
            with ExitStack() as all_of_them:
                # One may warn of retries below it, and where that is an error the others go on too.
                for follower in list(self._followers):
                    all_of_them.callback(follower.go_on_with, pipeline)
        return parts.policies.general

    def __getstate__(self) -> Any:
        """Give the settings; locks, counts and clocks are not carried along."""
        return self._parts

    def __setstate__(self, parts: Any) -> None:
        """Put it together anew, by the kill switch of this process."""
        if is_switched_off() is not parts.policies.general.disabled:
            parts = _read(
                parts.policy, parts.observer, parts.catalogue, parts.operations, parts.refresh
            )
        self._parts = parts
        self._build()


def _read(
    policy: Policy | None,
    observer: Observer | None,
    catalogue: Catalogue | None,
    operations: Operations | None,
    refresh: RefreshHook | RenewsCredentials | None,
) -> Parts:
    insist_on_parts(policy=policy, observer=observer, catalogue=catalogue, operations=operations)
    if is_switched_off():
        policies = Policies(replace(policy or _hosts_alone(), disabled=True))
    else:
        policies = load_policies(policy=policy)
    general = policies.general
    catalogue_in_force, operations_in_force = catalogue, operations
    if catalogue is None and not general.disabled:
        catalogue_in_force = load_catalogue(general.catalogue)
    if operations is None and not general.disabled:
        operations_in_force = load_operations(general.operations)
    return Parts(
        policy,
        observer,
        catalogue,
        operations,
        policies,
        catalogue_in_force,
        operations_in_force,
        refresh,
    )


def _hosts_alone() -> Policy:
    """Read what says to whom a token is given, and nothing else: all the rest is switched off.

    Whoever throws the switch must not be stopped by a bad variable.
    """
    try:
        read = load_policy()
    except ConfigurationError:
        return Policy()
    return Policy(verto_hosts=read.verto_hosts, insecure_hosts=read.insecure_hosts)


_assemblies: weakref.WeakSet[Assembly] = weakref.WeakSet()
_registries: weakref.WeakSet[Circuits] = weakref.WeakSet()
_registering = RLock()
_standing_still: list[Circuits] = []


def _before_fork() -> None:
    # Held until after the fork, so that no registry is added between taking and giving back.
    _registering.acquire()
    # A lock that another thread holds at the instant of a fork would stay held in the child for
    # ever. They guard arithmetic only, so taking all of them is a matter of microseconds.
    _standing_still.extend(list(_registries))
    for circuits in _standing_still:
        circuits.hold_still()


def _after_fork() -> None:
    while _standing_still:
        _standing_still.pop().go_on()
    _registering.release()


def _after_fork_in_child() -> None:
    for circuits in _standing_still:
        circuits.disown_calls()
    _after_fork()
    for assembly in list(_assemblies):
        assembly.clock.start_over()
        # Held while settings are swapped, which is no part of a call and may warn.
        assembly._swapping = RLock()  # noqa: SLF001 - its own module


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork_in_child
    )
