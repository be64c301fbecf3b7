"""Tells a method that stands in on an instance whose it is."""

import sys
from typing import Any


def owner_of(stands_in: object, name: str) -> Any:
    """Give the object on which ``stands_in`` has the place of a method, once its reference is dead.

    A weak reference to it may be dead while it still makes calls: those to garbage are cleared
    before ``__del__`` runs, where a client logs out. It is the ``self`` of whoever calls, then.

    Args:
        stands_in: Whose method it is that is called.
        name: The name that it goes by on the object.

    Returns:
        The object; ``None`` where it is gone, and what calls is no method of it.
    """
    frame: Any = sys._getframe(1)  # noqa: SLF001 - inspect.stack reads source files
    while frame is not None and frame.f_locals.get("self") is stands_in:
        frame = frame.f_back
    caller = None if frame is None else frame.f_locals.get("self")
    method = getattr(caller, "__dict__", {}).get(name)
    return caller if getattr(method, "__self__", None) is stands_in else None
