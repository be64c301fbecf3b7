"""Operations that are known for the length of a block: what a caller says of single requests."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from verto_resilience.outcome import Operation, Operations

_here: ContextVar[Operations | None] = ContextVar("verto_resilience_operations", default=None)


@contextmanager
def knowing(*operations: Operation) -> Iterator[None]:
    """Have the calls made in this block know these operations, before all others.

    For the request of which the code that makes it knows more than the tables do: a search over
    ``POST`` that may be repeated, a payment that must not be, key or no key. Blocks nest, and the
    inner one goes first. Holds for the thread or task that is in the block, and for nobody else.

    Args:
        *operations: Rows such as a file or :class:`~verto_resilience.Operations` has. Requests that
            fit none of them are what they would be outside.

    Raises:
        TypeError: One is no :class:`~verto_resilience.Operation`.
    """
    outer = _here.get() or Operations()
    token = _here.set(outer.extend(*operations))
    try:
        yield
    finally:
        _here.reset(token)


def operation_here(
    method: str, path: str, query: str, body: bytes | str | None
) -> Operation | None:
    """Find the operation of a request among those of the block that it is made in."""
    known = _here.get()
    return None if known is None else known.match(method, path, query, body)
