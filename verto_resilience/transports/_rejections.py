"""What a refusal to send says, in the words that all edges share."""

from collections.abc import Callable
from typing import TypeVar

from verto_resilience.errors import CallRejectedError
from verto_resilience.pipeline import End, Rejection

E = TypeVar("E", bound=CallRejectedError)


def error_of(
    rejection: Rejection,
    *,
    rejected: Callable[..., E],
    circuit_open: Callable[..., E],
    paused: Callable[..., E],
) -> E:
    """Give the exception for a refusal; a new one each time, so that no traceback grows.

    Args:
        rejection: The refusal.
        rejected: The edge's ``CallRejectedError``.
        circuit_open: Its ``CircuitOpenError``.
        paused: Its ``PausedError``.
    """
    key, retry_after = rejection.key, rejection.retry_after
    when = "" if retry_after is None else f"; ask again in {retry_after:.3g} s"
    refusal = rejection.refusal
    if refusal is not None:
        why = "" if refusal.last_failure is None else f", last failure {refusal.last_failure}"
        return circuit_open(
            f"not sent: the circuit of {key} is {refusal.state} ({refusal.reason}{why}){when}",
            key=key,
            retry_after=retry_after,
            reason=refusal.reason,
            last_failure=refusal.last_failure,
        )
    if rejection.end is End.PAUSED:
        return paused(
            f"not sent: {key} asked not to be called, for longer than this call may last{when}",
            key=key,
            retry_after=retry_after,
        )
    return rejected(f"not sent: {rejection.end.sentence}", key=key)
