"""Asks the caller's own function for new credentials after a 401, once for all who need them."""

import logging
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol, runtime_checkable

from verto_resilience.errors import LoginError
from verto_resilience.pipeline import class_name, traceback_of
from verto_resilience.transports._flights import Flights
from verto_resilience.transports._header_values import is_header_value

_log = logging.getLogger("verto_resilience")

REMEMBERED = 64
"""Values that took the place of others, the newest of them."""
REMEMBERED_FOR = 3_300.0
"""Seconds; a token of Verto's lives 3,600 (docs.verto.co/reference/login)."""


@dataclass(frozen=True, slots=True)
class RefusedCredentials:
    """What a 401 was about.

    Many requests share one refresh, so it says nothing of any single one.

    Attributes:
        origin: Scheme, host and port that answered, such as ``https://api.example.com:443``.
        authorization: The value of the ``Authorization`` header that was refused; ``None`` when
            there was none. Not in the ``repr``.
    """

    __module__ = "verto_resilience"

    origin: str
    authorization: str | None = field(default=None, repr=False)


RefreshHook = Callable[[RefusedCredentials], str | None]
"""Gives the new value of the ``Authorization`` header, or ``None`` when there is none to be had."""


@runtime_checkable
class RenewsCredentials(Protocol):
    """What may be given in place of a function, as ``VertoAuth`` may.

    It is asked for each origin that refused a value, and answers for each; a function is asked once
    for a value, whichever origins refused it.
    """

    def renew(self, refused: RefusedCredentials) -> str | None:
        """Give the new value of the ``Authorization`` header, or ``None``."""
        ...


class Refresher:
    """Calls the hook: one thread for each value that was refused, while the others wait.

    A call whose 401 comes late, when the refused value has been replaced already, is given the
    replacement. What the hook raises is logged, without its message, and goes no further.

    Args:
        refresh: The hook, or what has it as its method ``renew``.
        clock: Gives monotonic seconds.

    Raises:
        TypeError: It cannot be called, or is a class.

    Attributes:
        hook: What is called.
    """

    __slots__ = ("_clock", "_each_origin", "_failing", "_flights", "_replacements", "hook")

    def __init__(
        self, refresh: RefreshHook | RenewsCredentials, *, clock: Callable[[], float]
    ) -> None:
        """Start with nothing known."""
        if isinstance(refresh, type):
            name = refresh.__name__
            message = (
                "refresh must be a function of one argument, or an object with a method "
                f"renew(refused), not the class {name}; give what {name}(...) makes"
            )
            raise TypeError(message)
        self._each_origin = isinstance(refresh, RenewsCredentials)
        hook: Any = refresh.renew if isinstance(refresh, RenewsCredentials) else refresh
        if not callable(hook):
            message = f"refresh must be a function of one argument, not {type(refresh).__name__}"
            raise TypeError(message)
        self.hook: RefreshHook = hook
        self._clock = clock
        self._flights: Flights[str | None] = Flights()
        self._replacements: dict[Hashable, tuple[str, float]] = {}
        self._failing = False

    def renew(self, refused: RefusedCredentials, patience: float) -> str | None:
        """Give another value than the refused one; ``None`` when there is none. Never raises.

        Args:
            refused: What was refused.
            patience: Seconds to wait at most while another thread asks.
        """
        key = self.key_of(refused)
        return self._flights.run(key, partial(self._replace, key, refused), patience)

    def key_of(self, refused: RefusedCredentials) -> Hashable:
        """Give what those have in common who are given the same value."""
        # A value that was sent to several origins is one; those who sent none have only theirs.
        value, origin = refused.authorization, refused.origin
        return (value, origin if value is None or self._each_origin else None)

    def forget(self, value: str) -> None:
        """Take note that a value given here was refused as well."""
        with self._flights.lock:
            for key in [key for key, known in self._replacements.items() if known[0] == value]:
                del self._replacements[key]

    def _replace(self, key: Hashable, refused: RefusedCredentials) -> str | None:
        known = self.known(key)
        return known if known is not None else self.keep(key, refused, self._ask(refused))

    def known(self, key: Hashable) -> str | None:
        """Give what took the place of a refused value lately, or ``None``."""
        value, until = self._replacements.get(key, (None, 0.0))
        return value if value is not None and self._clock() < until else None

    def keep(self, key: Hashable, refused: RefusedCredentials, value: str | None) -> str | None:
        """Remember a value, and give it; ``None`` when it is none, or the refused one."""
        if value is None or value == refused.authorization:
            return None
        with self._flights.lock:
            self._replacements.pop(key, None)
            self._replacements[key] = value, self._clock() + REMEMBERED_FOR
            while len(self._replacements) > REMEMBERED:
                del self._replacements[next(iter(self._replacements))]
        return value

    def _ask(self, refused: RefusedCredentials) -> str | None:
        try:
            value = self.hook(refused)
        except Exception as error:  # noqa: BLE001 - a stranger's code must not reach the call
            self.raised(error)
            return None
        return self.checked(value)

    def raised(self, error: Exception) -> None:
        """Log what the hook raised."""
        # The message of a login error is ours, and holds no secret.
        said = f": {error}" if isinstance(error, LoginError) else ""
        self._failed(f"{class_name(type(error))}{said}", error)

    def checked(self, value: object) -> str | None:
        """Give what the hook gave, where it can be the value of a header; else ``None``."""
        if value is None:
            return None
        if not isinstance(value, str) or not is_header_value(value) or not value.strip():
            self._failed(f"its {type(value).__name__} cannot be the value of a header", None)
            return None
        self._failing = False
        return value

    def _failed(self, what: str, error: Exception | None) -> None:
        if self._failing:
            return
        self._failing = True
        _log.error(
            "refresh hook %s failed: %s; the 401 goes back to its caller, and further failures "
            "are not logged until it has worked",
            getattr(self.hook, "__qualname__", type(self.hook).__qualname__),
            what,
            exc_info=None if error is None else traceback_of(error),
        )
