"""Trace headers: the global propagator's, checked before they go onto a request."""

from collections.abc import Collection, MutableMapping
from urllib.parse import urlsplit

from opentelemetry import propagate
from opentelemetry.context import Context


class Propagation:
    """Puts the current trace into the headers of requests that may carry it.

    Args:
        targets: Domains, subdomains included, that may be told; ``None`` for every one.
    """

    __slots__ = ("_targets",)

    @property
    def is_restricted(self) -> bool:
        """Whether there are origins that may not be told."""
        return self._targets is not None

    def names(self) -> Collection[str]:
        """Name the headers that the global propagator sets.

        Raises:
            Exception: What the propagator raised.
        """
        return tuple(propagate.get_global_textmap().fields)

    def __init__(self, targets: tuple[str, ...] | None) -> None:
        """Keep the domains in lower case."""
        self._targets = None if targets is None else tuple(t.lower().strip(".") for t in targets)

    def allows(self, origin: str) -> bool:
        """Whether an origin may be told; the ``Host`` header has no say in where it goes."""
        if self._targets is None:
            return True
        name = urlsplit(origin).hostname or ""
        return any(name == target or name.endswith(f".{target}") for target in self._targets)

    def inject(self, headers: MutableMapping[str, str], context: Context) -> None:
        """Add the headers of the global propagator for this context.

        Raises:
            ValueError: The propagator made something that could not be sent; nothing is added.
            Exception: What the propagator raised.
        """
        made: dict[str, str] = {}
        propagate.inject(made, context)
        for name, value in made.items():
            if not _is_sendable(name, value):
                raise ValueError(f"the propagator gave a header that cannot be sent: {name!r}")
        headers.update(made)


def _is_sendable(name: object, value: object) -> bool:
    if not (isinstance(name, str) and isinstance(value, str)):
        return False
    line = name + value
    # http.client would raise on these, and the request would pay for it.
    return line.isascii() and line.isprintable()
