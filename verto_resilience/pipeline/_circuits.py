"""Origins and their machines; bounded, and shared by every adapter that is given the same registry.

An origin with a call under way never leaves: the call holds it, and a weak table finds it again.
Among the rest one that was not asked for lately leaves first (the second-chance rule), and one that
is open or paused only when all that were looked at are.
"""

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from weakref import WeakValueDictionary

from verto_resilience.machines import CircuitBreaker, Pause, RetryBudget
from verto_resilience.outcome import Operation
from verto_resilience.pipeline._policies import Policies, as_policies
from verto_resilience.pipeline._policy import CircuitKey, Policy

# Of those that cannot be spared; with more of them the newcomer must not wait for the search.
_LOOKED_AT = 64


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
        "asked_for",
        "breaker",
        "budget",
        "key",
        "pause",
        "policy",
    )

    def __init__(self, key: str, policy: Policy, *, chance: Callable[[], float]) -> None:
        """Start with everything closed, open and full, in that order."""
        self.key = key
        self.policy = policy
        self.asked_for = False
        self._chance = chance
        self.breaker = self._make_breaker(policy)
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
            policy = self.policy
            # Operations are a table, so there are only so many. setdefault is atomic.
            breaker = breakers.setdefault(name, self._make_breaker(policy))
            if policy is not self.policy:
                # The settings changed in this very instant, before the new circuit was listed.
                _set_up(breaker, self.policy)
        return f"{self.key} {name}", breaker

    def circuits(self) -> tuple[tuple[str, CircuitBreaker], ...]:
        """Give every circuit of this origin with its key."""
        breakers = self._breakers
        named = [] if breakers is None else list(breakers.items())
        own = ((self.key, self.breaker),)
        return own + tuple((f"{self.key} {name}", breaker) for name, breaker in named)

    def locks(self) -> list[Lock]:
        """Give the locks of its machines."""
        return [self.pause.lock, self.budget.lock, *(b.lock for _, b in self.circuits())]

    def is_idle(self, now: float) -> bool:
        """Whether nothing but counts would be lost by forgetting it."""
        return self.pause.is_idle(now) and all(b.is_idle() for _, b in self.circuits())

    def reconfigure(self, policy: Policy) -> None:
        """Go on under other settings; what the machines know is kept.

        Where circuits are no longer kept for each operation, those of the operations are dropped.
        """
        self.policy = policy
        per_operation = policy.circuit_key is CircuitKey.OPERATION
        if per_operation != (self._breakers is not None):
            self._breakers = {} if per_operation else None
        for _, breaker in self.circuits():
            _set_up(breaker, policy)
        self.pause.settings = policy.pause_settings()
        self.budget.settings = policy.budget_settings()

    def _make_breaker(self, policy: Policy) -> CircuitBreaker:
        return CircuitBreaker(
            policy.breaker_settings(), chance=self._chance, mode=policy.breaker_mode
        )


def _set_up(breaker: CircuitBreaker, policy: Policy) -> None:
    breaker.settings = policy.breaker_settings()
    breaker.mode = policy.breaker_mode


class Circuits:
    """The registry of origins; safe for threads.

    Args:
        policy: Numbers for the machines it makes; the same for every origin, or not.
        chance: Gives numbers from 0 up to 1.
    """

    def __init__(self, policy: Policy | Policies, *, chance: Callable[[], float]) -> None:
        """Start empty."""
        self._policies = as_policies(policy)
        self._chance = chance
        self._lock = Lock()
        self._origins: OrderedDict[str, Origin] = OrderedDict()
        self._still: list[Lock] = []
        self._held: WeakValueDictionary[str, Origin] = WeakValueDictionary()

    @property
    def policy(self) -> Policy:
        """The settings that hold for every origin without others."""
        return self._policies.general

    def reconfigure(self, policy: Policy | Policies) -> None:
        """Go on under other settings; what is known of each origin is kept."""
        with self._lock:
            self._policies = as_policies(policy)
            # The weak table has them all: those remembered, and those that left but are in use.
            for origin in list(self._held.values()):
                origin.reconfigure(self._policies.of(origin.key))

    def at(self, key: str, now: float) -> Origin:
        """Give the origin with this key, made on first sight."""
        # A hit takes no lock: reading a dict and setting a flag are atomic.
        origin = self._origins.get(key)
        if origin is not None:
            origin.asked_for = True
            return origin
        with self._lock:
            origin = self._origins.get(key) or self._held.get(key)
            if origin is None:
                origin = Origin(key, self._policies.of(key), chance=self._chance)
            while len(self._origins) >= self.policy.max_origins:
                self._let_one_go(now)
            self._origins[key] = origin
            self._held[key] = origin
            return origin

    def hold_still(self) -> None:
        """Take every lock, so that a fork finds nothing half done; :meth:`go_on` follows."""
        self._lock.acquire()
        # The weak table has them all: those remembered, and those that left but are in use.
        self._still = [lock for origin in self._held.values() for lock in origin.locks()]
        for lock in self._still:
            lock.acquire()

    def go_on(self) -> None:
        """Release every lock that :meth:`hold_still` took; in parent and child."""
        for lock in self._still:
            lock.release()
        self._still = []
        self._lock.release()

    def known(self) -> tuple[Origin, ...]:
        """Give every origin it remembers."""
        with self._lock:
            return tuple(self._origins.values())

    def __len__(self) -> int:
        """Count the origins it remembers."""
        return len(self._origins)

    def _let_one_go(self, now: float) -> None:
        """Forget one that can be spared; lock held.

        In the order of their coming each is passed over once if it was asked for since the last
        look, and for good if it is not idle. Where nobody can be spared the first leaves.
        """
        origins, cannot = self._origins, 0
        # Twice round at the most: the first time may find everyone asked for.
        for _ in range(2 * len(origins)):
            key = next(iter(origins))
            origin = origins[key]
            is_idle = origin.is_idle(now)
            if is_idle and not origin.asked_for:
                break
            cannot += not is_idle
            if cannot > _LOOKED_AT:
                break
            origin.asked_for = False
            origins.move_to_end(key)
        del origins[next(iter(origins))]
