"""Counts the sends of one request of the user over redirects and re-sends with credentials.

Each of those comes to the adapter as a request of its own. What they share is the ``hooks``
dictionary, which ``PreparedRequest.copy`` passes on as it is. So the count goes along with a
dictionary that is equal to the user's own.
"""

import weakref
from typing import Any

from requests.models import PreparedRequest


class _CountedHooks(dict[str, Any]):
    """The hooks of a request, how often it was sent, and which request object was the first."""

    __slots__ = ("count", "first")
    count: int
    first: weakref.ref[PreparedRequest]

    def __reduce__(self) -> tuple[Any, ...]:
        # A request that is pickled or copied starts over, and is as it was without us.
        return dict, (dict(self),)


def sends_before(prepared: PreparedRequest) -> int:
    """Say how often the user's request was sent before; 0 when this is the user's own send."""
    hooks = prepared.hooks
    if not isinstance(hooks, dict):
        return 0
    if not isinstance(hooks, _CountedHooks) or hooks.first() is prepared:
        prepared.hooks = counted = _CountedHooks(hooks)
        counted.count = 0
        counted.first = weakref.ref(prepared)
        return 0
    return hooks.count


def count_send(prepared: PreparedRequest) -> None:
    """Count one send."""
    hooks = prepared.hooks
    if isinstance(hooks, _CountedHooks):
        hooks.count += 1
