"""What is changed on an adapter that sends while ours are around it, and giving it back.

Several of ours may be around the same one, for sessions share adapters. What the first of them
changed is given back with the last; one that is dropped without a word goes with its memory.
"""

import os
import threading
import weakref
from collections.abc import Callable
from typing import Any

from requests.adapters import BaseAdapter, HTTPAdapter
from urllib3.util import Retry

from verto_resilience.transports._pools import forget_pools, remember_pools

# Held by the thread that collects garbage, too, at any instant.
_lock = threading.RLock()
_known: "dict[int, _TakenOver]" = {}


class _TakenOver:
    """One adapter that sends, who is around it, and the retries it had."""

    __slots__ = ("inner", "off", "retries", "users")

    def __init__(self, inner: BaseAdapter) -> None:
        self.inner = _weakly(inner)
        self.retries: Retry | None = None
        self.off: Retry | None = None
        self.users: dict[int, weakref.finalize[..., Any]] = {}

    def switch_off(self, inner: Any) -> Retry | None:
        retries = own_retries(inner)
        if retries is not None:
            self.retries = retries
            self.off = inner.max_retries = Retry(0, read=False)
        return retries

    def give_back(self) -> None:
        inner: Any = self.inner()
        if inner is None:
            return
        forget_pools(inner)
        # Whoever has set others since wants those.
        if self.retries is not None and inner.max_retries is self.off:
            inner.max_retries = self.retries


def take_over(inner: BaseAdapter, user: object) -> Retry | None:
    """Switch the retries of an adapter off and remember its pools, for as long as it has a user.

    What urllib3 resends below an adapter is seen by no circuit, waits for no deadline, and may
    send a POST twice.

    Args:
        inner: The adapter.
        user: What is around it; once more by the same one changes nothing. Held weakly.

    Returns:
        The retries that were switched off just now, or ``None``.
    """
    with _lock:
        taken = _of(inner) or _TakenOver(inner)
        if id(user) not in taken.users:
            gone = weakref.finalize(user, _let_go, taken, id(inner), id(user))
            gone.atexit = False
            taken.users[id(user)] = gone
        # Said last, and in any case: garbage collected in between may have been the last user.
        _known[id(inner)] = taken
        remember_pools(inner)
        return taken.switch_off(inner)


def give_back(inner: BaseAdapter, user: object) -> None:
    """Leave an adapter as it was found, if this was the last around it."""
    with _lock:
        taken = _of(inner)
        gone = None if taken is None else taken.users.get(id(user))
        if gone is not None:
            gone()


def retries_kept(inner: BaseAdapter) -> Retry | None:
    """Give the retries that an adapter will get back."""
    with _lock:
        taken = _of(inner)
        return None if taken is None else taken.retries


def keep_retries(inner: BaseAdapter, retries: Retry) -> None:
    """Give an adapter, a copy of one that was taken over, the retries that are its own.

    At once, or with the last that is around it.
    """
    with _lock:
        taken = _of(inner)
        if taken is None:
            inner.max_retries = retries  # type: ignore[attr-defined]
        elif taken.retries is None:
            taken.retries, taken.off = retries, inner.max_retries  # type: ignore[attr-defined]


def set_retries(inner: BaseAdapter, retries: object) -> Retry | None:
    """Set the retries of an adapter as its owner would; they rest while it has a user.

    Returns:
        What was switched off, or ``None``.
    """
    with _lock:
        inner.max_retries = retries  # type: ignore[attr-defined]
        taken = _of(inner)
        if taken is None:
            return None
        taken.retries = None
        return taken.switch_off(inner)


def own_retries(adapter: BaseAdapter) -> Retry | None:
    """Give what an adapter resends by itself; ``None`` when it sends once."""
    retries = getattr(adapter, "max_retries", 0)
    if isinstance(adapter, HTTPAdapter) and (retries is None or isinstance(retries, int)):
        # As urllib3 reads it, where somebody has set a number.
        retries = Retry.from_int(retries)
    return retries if isinstance(retries, Retry) and resends(retries) else None


def _of(inner: BaseAdapter) -> _TakenOver | None:
    taken = _known.get(id(inner))
    return taken if taken is not None and taken.inner() is inner else None


def _let_go(taken: _TakenOver, inner: int, user: int) -> None:
    with _lock:
        taken.users.pop(user)
        if taken.users:
            return
        if _known.get(inner) is taken:
            del _known[inner]
        taken.give_back()


def _weakly(inner: BaseAdapter) -> Callable[[], BaseAdapter | None]:
    try:
        return weakref.ref(inner)
    except TypeError:
        return lambda: inner


def resends(retries: Retry) -> bool:
    """Say whether urllib3 would send again by this, redirects apart."""
    if retries.total is not None:
        return retries.total is not False and retries.total > 0
    counts = (retries.connect, retries.read, retries.status, retries.other)
    return any(count is None or (count is not False and count > 0) for count in counts)


if hasattr(os, "register_at_fork"):
    # Held by another thread at the instant of a fork it would stay held in the child for ever.
    os.register_at_fork(
        before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release
    )
