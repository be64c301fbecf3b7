"""Failures of the telemetry itself: noted once, never passed on."""

import logging

from verto_resilience.pipeline import class_name, traceback_of

_log = logging.getLogger("verto_resilience")


class Mishaps:
    """Notes each place where telemetry failed, once; the request goes on as if nothing happened."""

    __slots__ = ("_noted",)

    def __init__(self) -> None:
        """Start with nothing noted."""
        self._noted: set[str] = set()

    def note(self, doing: str, error: Exception) -> None:
        """Log it at the first time.

        The exception's message is left out, for nobody knows what it quotes; its traceback is
        shown where the logger is set to DEBUG.
        """
        if doing in self._noted:
            return
        self._noted.add(doing)
        _log.warning(
            "telemetry failed while %s: %s; the request is not affected, further failures of "
            "this kind are not logged",
            doing,
            class_name(type(error)),
            exc_info=traceback_of(error) if _log.isEnabledFor(logging.DEBUG) else None,
        )
