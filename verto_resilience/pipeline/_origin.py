"""One origin and its machines."""

import math
import weakref
from collections.abc import Callable
from threading import RLock
from typing import Protocol

from verto_resilience.machines import CircuitBreaker, Pause, RetryBudget
from verto_resilience.outcome import Operation
from verto_resilience.pipeline._policy import CircuitKey, Policy


class Lockable(Protocol):
    """A lock of either kind."""

    def acquire(self) -> bool:
        """Take it."""
        ...

    def release(self) -> None:
        """Free it."""
        ...


class Newcomers(Protocol):
    """Who is told of machines made."""

    def greet(self, origin: "Origin", key: str, breaker: CircuitBreaker) -> None:
        """Have a new circuit begin with what is known of it; must be quick, and do no I/O."""
        ...


class Registry(Protocol):
    """Who remembers origins."""

    newcomers: Newcomers | None

    def keep(self, origin: "Origin", now: float) -> None:
        """Remember an origin, if it was forgotten."""
        ...


class Origin:
    """The machines of one origin.

    Attributes:
        key: Scheme, host and port.
        policy: The settings that hold for it.
        pause: Until when it must not be called.
        budget: How many resends it may get.
        breaker: Its circuit, where circuits are kept for each origin.
        asked_for: Whether it was asked for again since the registry last looked for one to let
            go.
    """

    __slots__ = (
        "__weakref__",
        "_breakers",
        "_chance",
        "_making",
        "_registry",
        "asked_for",
        "breaker",
        "budget",
        "key",
        "pause",
        "policy",
    )

    def __init__(
        self, key: str, policy: Policy, *, chance: Callable[[], float], registry: Registry
    ) -> None:
        """Start with everything closed, open and full, in that order."""
        self.key = key
        self.policy = policy
        self.asked_for = False
        self._chance = chance
        # Weak, so that neither keeps the other alive.
        self._registry = weakref.ref(registry)
        self._making = RLock()
        self.breaker = self._make_breaker()
        self.pause = Pause(policy.pause_settings(), chance=chance)
        self.budget = RetryBudget(policy.budget_settings())
        self._breakers: dict[str, CircuitBreaker] | None = (
            {} if policy.circuit_key is CircuitKey.OPERATION else None
        )

    def circuit(self, operation: Operation | None) -> tuple[str, CircuitBreaker]:
        """Give the circuit that answers for an operation, and its key.

        Without an operation, or where circuits are kept for each origin, that is the origin's own.
        """
        breakers = self._breakers
        if breakers is None or operation is None:
            return self.key, self.breaker
        name = f"{operation.method} {operation.template}"
        breaker = breakers.get(name)
        if breaker is None:
            with self._making:
                breakers = self._breakers
                if breakers is None:
                    # The settings changed in this very instant.
                    return self.key, self.breaker
                # Operations are a table, so there are only so many.
                breaker = breakers.get(name) or breakers.setdefault(name, self._make_breaker())
                registry = self._registry()
                if registry is not None and registry.newcomers is not None:
                    registry.newcomers.greet(self, f"{self.key} {name}", breaker)
        return f"{self.key} {name}", breaker

    def circuits(self) -> tuple[tuple[str, CircuitBreaker], ...]:
        """Give every circuit of this origin with its key."""
        breakers = self._breakers
        named = [] if breakers is None else list(breakers.items())
        own = ((self.key, self.breaker),)
        return own + tuple((f"{self.key} {name}", breaker) for name, breaker in named)

    def hold_still(self) -> list[Lockable]:
        """Take every lock, so that a fork finds nothing half done; gives them, to be released."""
        # The first keeps new circuits away, whose locks nobody would have taken.
        taken: list[Lockable] = [self._making]
        self._making.acquire()
        for lock in (self.pause.lock, self.budget.lock, *(b.lock for _, b in self.circuits())):
            lock.acquire()
            taken.append(lock)
        return taken

    def busy_until(self) -> float:
        """Say until when more than counts would be lost by forgetting it (monotonic seconds).

        It is busy while it is paused, while a circuit is open or half-open and somebody may yet
        come to probe it, and for ever while a circuit is in a mode that somebody set by hand. Takes
        no lock: each machine's answer is one look.
        """
        until = self.pause.busy_until()
        breakers = self._breakers
        others = () if breakers is None else tuple(breakers.values())
        for breaker in (self.breaker, *others):
            if breaker.mode is not self.policy.breaker_mode:
                return math.inf
            until = max(until, breaker.busy_until())
        return until

    def stay(self, now: float) -> None:
        """Be remembered, now that there is more to lose than counts.

        It may have left the registry while it was idle but for a call under way. What that call
        has learnt (a pause, an open circuit) must not be lost with the call.
        """
        registry = self._registry()
        if registry is not None:
            registry.keep(self, now)

    def reconfigure(self, policy: Policy) -> None:
        """Go on under other settings; what the machines know is kept.

        Where circuits are no longer kept for each operation, those of the operations are dropped.
        """
        with self._making:
            self.policy = policy
            per_operation = policy.circuit_key is CircuitKey.OPERATION
            if per_operation != (self._breakers is not None):
                self._breakers = {} if per_operation else None
            for _, breaker in self.circuits():
                breaker.settings = policy.breaker_settings()
                breaker.mode = policy.breaker_mode
        self.pause.settings = policy.pause_settings()
        self.budget.settings = policy.budget_settings()

    def _make_breaker(self) -> CircuitBreaker:
        policy = self.policy
        return CircuitBreaker(
            policy.breaker_settings(), chance=self._chance, mode=policy.breaker_mode
        )
