"""Keeps sandboxes usable across ``os.fork``.

A child gets a copy of memory and descriptors, but none of the server's threads. Locks are held
while forking, so that the child finds the log whole and no lock taken for ever; then the child
gives its copies of the sockets back, so that closing in the parent really closes them.
"""

import os
import threading
from typing import Protocol
from weakref import WeakSet


class Forkable(Protocol):
    """Something that must be told of forks."""

    lock: threading.RLock

    def leave_to_parent(self) -> None:
        """Let go of what belongs to the parent process; called in the child."""


_guard = threading.RLock()
_live: WeakSet[Forkable] = WeakSet()
_held: list[Forkable] = []
_hooked = False


def watch(forkable: Forkable) -> None:
    """Take part in forks from now on, for as long as the object lives."""
    global _hooked  # noqa: PLW0603  hooks cannot be taken out again, so they go in once
    with _guard:
        _live.add(forkable)
        if not _hooked and hasattr(os, "register_at_fork"):
            os.register_at_fork(
                before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child
            )
            _hooked = True


def _before() -> None:
    _guard.acquire()
    _held.extend(_live)
    for forkable in _held:
        forkable.lock.acquire()


def _after_in_parent() -> None:
    for forkable in _held:
        forkable.lock.release()
    _held.clear()
    _guard.release()


def _after_in_child() -> None:
    for forkable in _held:
        forkable.leave_to_parent()
    _after_in_parent()
