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
from verto_resilience.pipeline._policy import CircuitKey, Policy

# Of those that cannot be spared; with more of them the newcomer must not wait for the search.
_LOOKED_AT = 64


class Origin:
    """The machines of one origin.

    Attributes:
        key: Scheme, host and port.
        pause: Until when it must not be called.
        budget: How many resends it may get.
        breaker: Its circuit, where circuits are kept for each origin.
        asked_for: Whether it was asked for again since the registry last looked for one to let
            go.
    """

    __slots__ = (
        "__weakref__",
        "_breakers",
        "_make_breaker",
        "asked_for",
        "breaker",
        "budget",
        "key",
        "pause",
    )

    def __init__(
        self, key: str, policy: Policy, make_breaker: Callable[[], CircuitBreaker], pause: Pause
    ) -> None:
        """Start with everything closed, open and full, in that order."""
        self.key = key
        self.asked_for = False
        self.pause = pause
        self.budget = RetryBudget(policy.budget_settings())
        self.breaker = make_breaker()
        self._make_breaker = make_breaker
        self._breakers: dict[str, CircuitBreaker] | None = (
            {} if policy.circuit_key is CircuitKey.OPERATION else None
        )

    def circuit(self, operation: Operation | None) -> tuple[str, CircuitBreaker]:
        """Give the circuit that answers for an operation, and its key.

        Without an operation, or where circuits are kept for each origin, that is the origin's own.
        """
        if self._breakers is None or operation is None:
            return self.key, self.breaker
        name = f"{operation.method} {operation.template}"
        # Operations are a table, so there are only so many. setdefault is atomic.
        breaker = self._breakers.get(name)
        if breaker is None:
            breaker = self._breakers.setdefault(name, self._make_breaker())
        return f"{self.key} {name}", breaker

    def circuits(self) -> tuple[tuple[str, CircuitBreaker], ...]:
        """Give every circuit of this origin with its key."""
        named = [] if self._breakers is None else list(self._breakers.items())
        own = ((self.key, self.breaker),)
        return own + tuple((f"{self.key} {name}", breaker) for name, breaker in named)

    def locks(self) -> list[Lock]:
        """Give the locks of its machines."""
        return [self.pause.lock, self.budget.lock, *(b.lock for _, b in self.circuits())]

    def is_idle(self, now: float) -> bool:
        """Whether nothing but counts would be lost by forgetting it."""
        return self.pause.is_idle(now) and all(b.is_idle() for _, b in self.circuits())


class Circuits:
    """The registry of origins; safe for threads.

    Args:
        policy: Numbers for the machines it makes.
        chance: Gives numbers from 0 up to 1.
    """

    def __init__(self, policy: Policy, *, chance: Callable[[], float]) -> None:
        """Start empty."""
        self.policy = policy
        self._chance = chance
        self._lock = Lock()
        self._origins: OrderedDict[str, Origin] = OrderedDict()
        self._still: list[Lock] = []
        self._held: WeakValueDictionary[str, Origin] = WeakValueDictionary()

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
                origin = self._make(key)
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

    def _make(self, key: str) -> Origin:
        settings = self.policy.breaker_settings()
        mode = self.policy.breaker_mode

        def make_breaker() -> CircuitBreaker:
            return CircuitBreaker(settings, chance=self._chance, mode=mode)

        pause = Pause(self.policy.pause_settings(), chance=self._chance)
        return Origin(key, self.policy, make_breaker, pause)

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
