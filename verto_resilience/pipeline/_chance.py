"""Chance, from a function that may be wrong: no answer is lost for want of a number."""

import logging
from collections.abc import Callable

from verto_resilience.pipeline._exceptions import class_name, traceback_of

_log = logging.getLogger("verto_resilience")

_MIDDLE = 0.5


class Chance:
    """Draws from a function; one half where that raises, or gives no number from 0 to 1.

    A draw may be made with a lock held, where nothing is logged. So a mistake is kept, to be told
    by :meth:`tell` where none is held.

    Attributes:
        mistake: What went wrong and has not been told yet.
    """

    __slots__ = ("_draw", "_has_told", "mistake")

    def __init__(self, draw: Callable[[], float]) -> None:
        """Draw from this function."""
        self._draw = draw
        self._has_told = False
        self.mistake: Exception | None = None

    @classmethod
    def of(cls, draw: "Callable[[], float] | Chance") -> "Chance":
        """Give what draws from a function, or itself."""
        return draw if isinstance(draw, Chance) else cls(draw)

    def __call__(self) -> float:
        """Give a number from 0 to 1; never raises."""
        try:
            drawn = self._draw()
            if 0.0 <= drawn <= 1.0:
                return drawn
        except Exception as error:  # noqa: BLE001 - a stranger's code must not reach the call
            mistake = error
        else:
            mistake = ValueError()
        self.mistake = mistake
        return _MIDDLE

    def tell(self) -> None:
        """Log the first mistake: class and traceback, for nobody knows what its message quotes."""
        mistake, self.mistake = self.mistake, None
        if mistake is None or self._has_told:
            return
        self._has_told = True
        _log.error(
            "chance function %s gave no number from 0 to 1: %s; one half is taken, and further "
            "failures of it are not logged",
            getattr(self._draw, "__qualname__", type(self._draw).__qualname__),
            class_name(type(mistake)),
            exc_info=traceback_of(mistake),
        )
