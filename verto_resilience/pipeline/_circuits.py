"""The registry of origins; bounded, and shared by every adapter that is given the same one.

An origin with a call under way is never made a second time: the call holds it, and a weak table
finds it again even if it left. Who leaves when there are too many is decided in ``_departures.py``.
"""

from collections.abc import Callable
from threading import RLock
from typing import Any
from weakref import WeakValueDictionary

from verto_resilience.pipeline._chance import Chance
from verto_resilience.pipeline._departures import Departures
from verto_resilience.pipeline._origin import Lockable, Newcomers, Origin
from verto_resilience.pipeline._policies import Policies, as_policies
from verto_resilience.pipeline._policy import Policy


class _Unused(dict[str, Origin]):
    """Origins that nobody has asked for yet.

    It stands where a plain ``dict`` stands otherwise, so that a hit need not ask whether it is the
    first.
    """

    def __init__(self, origins: dict[str, Origin], used: Callable[[], None]) -> None:
        super().__init__(origins)
        self._used = used

    def get(self, key: str, default: Any = None) -> Any:
        self._used()
        return super().get(key, default)


class Circuits:
    """The registry of origins; safe for threads.

    Args:
        policy: Numbers for the machines it makes; the same for every origin, or not.
        chance: Gives numbers from 0 up to 1. Where it fails one half is taken.

    Attributes:
        newcomers: Who is told of each origin and each circuit made, if anybody.
    """

    def __init__(self, policy: Policy | Policies, *, chance: Callable[[], float]) -> None:
        """Start empty."""
        self.newcomers: Newcomers | None = None
        self._policies = as_policies(policy)
        self._chance = Chance.of(chance)
        self._lock = RLock()
        self._origins: dict[str, Origin] = {}
        self._departures = Departures()
        self._remembering = False
        self._still: list[Lockable] = []
        self._held: WeakValueDictionary[str, Origin] = WeakValueDictionary()

    @property
    def policy(self) -> Policy:
        """The settings that hold for every origin without others."""
        return self._policies.general

    def reconfigure(self, policy: Policy | Policies) -> None:
        """Go on under other settings; what is known of each origin is kept."""
        with self._lock:
            self._policies = as_policies(policy)
            for origin in self._all():
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
                made = Origin(key, self._policies.of(key), chance=self._chance, registry=self)
                if self.newcomers is not None:
                    self.newcomers.greet(made, key, made.breaker)
                # Looked for again: a finaliser that ran meanwhile may have called the same origin.
                origin = self._origins.get(key) or self._held.setdefault(key, made)
            self._remember(origin, now)
            return origin

    def find(self, key: str) -> Origin | None:
        """Give the origin with this key if there is one."""
        with self._lock:
            return self._origins.get(key) or self._held.get(key)

    def tell_of_use(self, used: Callable[[], None]) -> None:
        """Call back once, when somebody next asks for an origin; after that it costs nothing."""
        with self._lock:
            self._origins = _Unused(self._origins, lambda: self._used(used))

    def keep(self, origin: Origin, now: float) -> None:
        """Remember an origin again that left while a call held it; see :meth:`Origin.stay`."""
        with self._lock:
            self._remember(origin, now)

    def hold_still(self) -> None:
        """Take every lock, so that a fork finds nothing half done; :meth:`go_on` follows."""
        self._lock.acquire()
        for origin in self._all():
            self._still += origin.hold_still()

    def go_on(self) -> None:
        """Release every lock that :meth:`hold_still` took; in parent and child."""
        for lock in self._still:
            lock.release()
        self._still = []
        self._lock.release()

    def disown_calls(self) -> None:
        """Follow no call that is out: in a forked child they are the parent's."""
        for origin in self._all():
            for _, breaker in origin.circuits():
                breaker.disown_calls()

    def known(self) -> tuple[Origin, ...]:
        """Give every origin it remembers."""
        with self._lock:
            return tuple(self._origins.values())

    def __len__(self) -> int:
        """Count the origins it remembers."""
        return len(self._origins)

    def _used(self, used: Callable[[], None]) -> None:
        with self._lock:
            if not isinstance(self._origins, _Unused):
                return
            self._origins = dict(self._origins)
        used()

    def _remember(self, origin: Origin, now: float) -> None:
        """List an origin that is not listed, and let others go for it; lock held."""
        # A signal handler or a finaliser that calls another origin comes in here a second time, in
        # the same thread. That origin is known as long as its call.
        if origin.key in self._origins or self._remembering:
            return
        self._remembering = True
        try:
            while len(self._origins) >= self.policy.max_origins:
                del self._origins[self._departures.pick(now).key]
            self._departures.join(origin, now)
            self._origins[origin.key] = origin
        finally:
            self._remembering = False

    def _all(self) -> list[Origin]:
        """Give those remembered, and those that left but are in use; lock held."""
        while True:
            try:
                return list(self._held.values())
            except RuntimeError:
                # A call ended in another thread, and with it the origin that only it had held.
                continue
