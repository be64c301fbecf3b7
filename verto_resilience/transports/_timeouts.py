"""The timeouts of an attempt: the caller's or the policy's, within what the call has left."""

from functools import lru_cache
from typing import Any, NamedTuple

from urllib3.util import Timeout

from verto_resilience.pipeline import Policy


class Timeouts(NamedTuple):
    """What one attempt may take.

    Attributes:
        given: What the inner adapter is called with.
        patience: Seconds for one read or write where the call's deadline is far; ``None``: no
            bound of its own.
        cut_short: Whether the deadline leaves clearly less than the patience, so that running
            into it says nothing about the server.
    """

    given: Any
    patience: float | None
    cut_short: bool


def timeouts_of(given: Any, policy: Policy, left: float, *, fills_in: bool = False) -> Timeouts:
    """Give an attempt's timeouts.

    Args:
        given: What the caller passed to ``requests``: ``None``, seconds, a pair of connect and
            read seconds, or urllib3's ``Timeout``.
        policy: Has the timeouts for what the caller left open.
        left: Seconds until the call's deadline.
        fills_in: Whether the inner adapter has a timeout of its own where the caller has none.
    """
    connect, read = policy.connect_timeout, policy.read_timeout
    if given is None and not fills_in and connect and read and left >= max(connect, read):
        # As nearly every attempt is made.
        return _uncut(connect, read)
    match given:
        case None if fills_in:
            # It goes on doing so; the limit at the socket holds all the same.
            return Timeouts(None, None, _cuts(read, policy, left))
        case None:
            pass
        case Timeout():
            whole, given = given.clone(), given.clone()
            # It gives no read timeout out of a total before it runs.
            whole.start_connect()
            read = whole.read_timeout
            given.total = _cut(given.total, left)
            return Timeouts(given, _number(read), _cuts(read, policy, left))
        case (own_connect, own_read):
            connect = connect if own_connect is None else own_connect
            read = read if own_read is None else own_read
        case _:
            return Timeouts(_cut(given, left), _number(given), _cuts(given, policy, left))
    if _fits(connect, left) and _fits(read, left):
        # As nearly every attempt of a client is made that has timeouts of its own.
        return _uncut(connect, read)
    cut = _cut(connect, left), _cut(read, left)
    return Timeouts(cut, _number(read), _cuts(read, policy, left))


@lru_cache(maxsize=64)
def _uncut(connect: float, read: float) -> Timeouts:
    return Timeouts((connect, read), read, cut_short=False)


def _fits(timeout: Any, left: float) -> bool:
    return isinstance(timeout, _NUMBERS) and 0 < timeout <= left


def _cut(timeout: Any, left: float) -> Any:
    """Shorten a timeout to what is left; what is no number is for requests to refuse."""
    if timeout is None:
        return left
    if isinstance(timeout, int | float) and timeout > left:
        return left
    return timeout


def _cuts(read: Any, policy: Policy, left: float) -> bool:
    bounds = [bound for bound in (_number(read), policy.read_timeout) if bound is not None]
    return bool(bounds) and left < min(bounds) * _CLEARLY


def _number(timeout: Any) -> float | None:
    return timeout if isinstance(timeout, int | float) and timeout > 0 else None


_NUMBERS = (int, float)
# A first attempt has all but an instant of the whole time.
_CLEARLY = 0.9
