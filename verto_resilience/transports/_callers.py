"""Finds the line of the program that a warning is about."""

import sys

_OURS = frozenset({__name__.partition(".")[0]})


def callers_level(besides: frozenset[str] = frozenset()) -> int:
    """Count the frames up to code that is not of this library, for a warning's ``stacklevel``.

    Args:
        besides: Packages whose frames are passed over as well.
    """
    passed = _OURS | besides
    frame, level = sys._getframe(1), 1  # noqa: SLF001 - as the warnings module itself does
    while frame.f_back is not None and _package(frame.f_globals.get("__name__", "")) in passed:
        frame, level = frame.f_back, level + 1
    return level


def _package(module: str) -> str:
    return module.partition(".")[0]
