"""Exceptions as events and logs show them: by class and place, never by their message.

Nobody knows what a message quotes: a URL with its query, a header, a body.
"""

from contextlib import suppress
from types import TracebackType


def class_name(kind: type[BaseException]) -> str:
    """Name an exception class as ``error.type`` does: with its module, bare for builtins."""
    module = kind.__module__
    return kind.__qualname__ if module == "builtins" else f"{module}.{kind.__qualname__}"


def add_note(error: BaseException, note: str) -> None:
    """Add a note to an exception, once; one that takes no notes goes without."""
    # Whatever is in place of its notes is no reason to raise something else.
    with suppress(TypeError):
        if note not in getattr(error, "__notes__", ()):
            error.add_note(note)


def traceback_of(error: Exception) -> tuple[type[Exception], Exception, TracebackType | None]:
    """Give what ``exc_info`` of a log record takes: class and traceback, without the message.

    What it was caused by is left out as well.
    """
    kind = type(error)
    members = {"__module__": kind.__module__, "__qualname__": kind.__qualname__}
    silent: type[Exception] = type(kind.__name__, (Exception,), members)
    return silent, silent(), error.__traceback__
