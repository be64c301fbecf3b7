"""Counts the sends of one request of the user over redirects and re-sends with credentials.

Each of those comes to the adapter as a request of its own. What they share is the ``hooks``
dictionary, which ``PreparedRequest.copy`` passes on as it is; hooks with unknown names are ignored
by requests and never sent.
"""

import weakref
from typing import Any

from requests.models import PreparedRequest

_NAME = "verto_resilience_sends"


class _Sends:
    """How often a request was sent, and which request object was the first."""

    __slots__ = ("count", "first")

    def __init__(self, first: PreparedRequest | None = None) -> None:
        self.count = 0
        self.first = None if first is None else weakref.ref(first)

    def __reduce__(self) -> tuple[Any, ...]:
        # A request that is pickled starts over: a weak reference cannot go along.
        return type(self), ()


def sends_before(prepared: PreparedRequest) -> int:
    """Say how often the user's request was sent before; 0 when this is the user's own send."""
    hooks = prepared.hooks
    if not isinstance(hooks, dict):
        return 0
    sends = hooks.get(_NAME)
    if not isinstance(sends, _Sends) or sends.first is None or sends.first() is prepared:
        hooks[_NAME] = _Sends(prepared)
        return 0
    return sends.count


def count_send(prepared: PreparedRequest) -> None:
    """Count one send."""
    sends = prepared.hooks.get(_NAME) if isinstance(prepared.hooks, dict) else None
    if isinstance(sends, _Sends):
        sends.count += 1
