"""Pools whose connections keep the limit of the thread that uses them.

Which class they have is asked when a connection is made. Tests that play recordings put another
class in the place of urllib3's for a while, on the class of the pool, and that is the one to be
guarded then.
"""

import http.client
import os
import threading
import weakref
from contextlib import nullcontext
from functools import lru_cache
from typing import Any

from urllib3 import HTTPConnectionPool

from verto_resilience.transports._limits import Guarded, guarded, time_left

_NAME = "ConnectionCls"
_made: weakref.WeakValueDictionary[type, type] = weakref.WeakValueDictionary()
_making = threading.RLock()


class GuardedPool:
    """Marks a pool whose connections keep limits."""

    @property
    def ConnectionCls(self) -> Any:  # noqa: N802 - urllib3's name
        """The class of the next connection."""
        own = vars(self).get(_NAME)
        return _guarded(super().ConnectionCls if own is None else own)  # type: ignore[misc]

    @ConnectionCls.setter
    def ConnectionCls(self, kind: Any) -> None:  # noqa: N802 - urllib3's name
        vars(self)[_NAME] = kind

    @ConnectionCls.deleter
    def ConnectionCls(self) -> None:  # noqa: N802 - urllib3's name
        del vars(self)[_NAME]

    def _get_conn(self, timeout: float | None = None) -> Any:
        if timeout is None and self.block:  # type: ignore[attr-defined]
            # A pool that blocks would wait for a free connection beyond every deadline.
            timeout = time_left()
        return super()._get_conn(timeout)  # type: ignore[misc]


def guard(pool: Any) -> None:
    """Have a pool's connections keep the limit of the thread that uses them."""
    kind: Any = type(pool)
    if issubclass(kind, GuardedPool) or not issubclass(kind, HTTPConnectionPool):
        return
    pool.__class__ = _guarding(kind)
    idle: Any = pool.pool
    if idle is not None:
        # Connections from before are used again, and each reconnects as what it is. Under gevent
        # the queue has no lock, and needs none: nothing here lets others run.
        with getattr(idle, "mutex", None) or nullcontext():
            for connection in idle.queue:
                if connection is not None:
                    # Not by the connection's own way to set, which may be meant for another one.
                    object.__setattr__(connection, "__class__", _guarded(type(connection)))


def guard_manager(manager: Any) -> None:
    """Do so with every pool that a pool manager has, and will make."""
    kinds = manager.pool_classes_by_scheme
    if not all(issubclass(kind, GuardedPool) for kind in kinds.values()):
        manager.pool_classes_by_scheme = {name: _guarded_kind(kind) for name, kind in kinds.items()}
    pools = manager.pools
    # Its keys could be asked for, but asking for a pool by its key makes it the last to be evicted.
    with pools.lock:
        for pool in list(getattr(pools, "_container", {}).values()):
            guard(pool)


def _guarded_kind(kind: type) -> type:
    is_plain = issubclass(kind, HTTPConnectionPool) and not issubclass(kind, GuardedPool)
    return _guarding(kind) if is_plain else kind


@lru_cache(maxsize=64)
def _guarding(base: type) -> type:
    # Messages of urllib3 show the class by its name, and the caller's must not change.
    names = {"__module__": base.__module__, "__qualname__": base.__qualname__}
    return type(base.__name__, (GuardedPool, base), names)


def _guarded(base: Any) -> Any:
    """Give a class that is guarded, always the same for as long as there are connections of it."""
    if not isinstance(base, type) or not issubclass(base, http.client.HTTPConnection):
        return base
    if issubclass(base, Guarded):
        return base
    made = _made.get(base)
    if made is None:
        with _making:
            # Two would be as bad as none to code that asks whether a connection is of the class.
            made = _made.get(base)
            if made is None:
                made = _made[base] = guarded(base)
    return made


def _start_over() -> None:
    global _making  # noqa: PLW0603 - another thread may have held it at the instant of a fork
    _making = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_over)
