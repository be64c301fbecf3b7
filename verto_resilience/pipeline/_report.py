"""What became of a call: its attempts, why it ended, and what may have happened at the server."""

import textwrap
from enum import StrEnum
from typing import NamedTuple

from verto_resilience.outcome import Operation, Outcome

OUTCOME_UNKNOWN = (
    "verto_resilience: outcome unknown: the server may have executed this request; "
    "reconcile before doing it again"
)
"""The note on an exception that leaves it open whether a write was carried out."""

_COLUMNS = 80


class WaitSource(StrEnum):
    """What set the length of a wait."""

    RETRY_AFTER = "retry_after"
    BACKOFF = "backoff"
    SERVER_ERROR_BAND = "server_error_band"
    PAUSE = "pause"
    NONE = "none"


class End(StrEnum):
    """Why a call ended where it did.

    ``ANSWERED``: the answer asked for no resend. The others say why a resend that the answer
    allowed was not made, or why nothing was sent at all.
    """

    __module__ = "verto_resilience"

    ANSWERED = "answered"
    NOT_REPEATABLE = "not_repeatable"
    BODY_NOT_REPLAYABLE = "body_not_replayable"
    ATTEMPTS_SPENT = "attempts_spent"
    DEADLINE = "deadline"
    BUDGET_SPENT = "budget_spent"
    CIRCUIT_OPEN = "circuit_open"
    PAUSED = "paused"
    INTERRUPTED = "interrupted"

    @property
    def sentence(self) -> str:
        """Say it to a person."""
        return _SENTENCES[self]


_SENTENCES = {
    End.ANSWERED: "the answer asks for no resend",
    End.NOT_REPEATABLE: (
        "a resend could execute it twice: it is not idempotent, "
        "and no Idempotency-Key is known to protect this call"
    ),
    End.BODY_NOT_REPLAYABLE: "its body cannot be rewound, so it could not be sent again unchanged",
    End.ATTEMPTS_SPENT: "max_attempts is reached",
    End.DEADLINE: "the wait would pass the call's deadline",
    End.BUDGET_SPENT: "the retry budget of the origin is empty",
    End.CIRCUIT_OPEN: "the circuit of the origin is open",
    End.PAUSED: "the origin is paused for longer than this call may last",
    End.INTERRUPTED: "the wait was interrupted",
}


class Attempt(NamedTuple):
    """One send and what came of it.

    Attributes:
        number: 1 for the first send of the call.
        outcome: How it was classified.
        seconds: How long it took.
        waited: Seconds waited before it, since the attempt before or the start of the call.
        wait_source: What set that wait.
    """

    number: int
    outcome: Outcome
    seconds: float
    waited: float
    wait_source: WaitSource

    def __str__(self) -> str:
        """Tell it in one line, without the server's own words."""
        error = self.outcome.api_error
        code = "" if error is None or error.code is None else f", API error code {error.code},"
        told = f"{self.number}: {self.outcome.cause}{code} in {_told(self.seconds)}"
        if self.waited <= 0:
            return told
        source = "" if self.wait_source is WaitSource.NONE else f" ({self.wait_source.value})"
        return f"{told}, after a wait of {_told(self.waited)}{source}"


class CallReport(NamedTuple):
    """A call that ended.

    ``str()`` of it is for people: 80 columns, and nothing that the caller or the server wrote.

    Attributes:
        attempts: Every send, in order; empty when the call was refused at once.
        end: Why it ended.
        operation: The known operation it was, or ``None``.
        ambiguous: Whether a write may have been executed although it was not seen to succeed.
        possibly_executed: Whether the last answer, a 4xx, may speak of an earlier attempt of this
            very call having succeeded: reconcile before doing it anew.
        correlation_id: The ``Vfx-Correlation-Id`` sent, or ``None``.
        idempotency_key: The ``Idempotency-Key`` sent, or ``None``; doing the same again in a new
            call is safe under the same one.
    """

    attempts: tuple[Attempt, ...]
    end: End
    operation: Operation | None
    ambiguous: bool
    possibly_executed: bool
    correlation_id: str | None = None
    idempotency_key: str | None = None

    @property
    def outcome(self) -> Outcome | None:
        """The last attempt's outcome; ``None`` when nothing was sent."""
        return self.attempts[-1].outcome if self.attempts else None

    @property
    def waited(self) -> float:
        """Seconds spent waiting before attempts."""
        return sum(attempt.waited for attempt in self.attempts)

    def __str__(self) -> str:
        """Tell it attempt by attempt, and why it ended."""
        operation = self.operation
        asked = "" if operation is None else f"{operation.method} {operation.template}: "
        if not self.attempts:
            return "\n".join(_wrapped(f"{asked}nothing was sent: {self.end.sentence}"))
        count = len(self.attempts)
        waited = f", {_told(self.waited)} waited" if self.waited > 0 else ""
        lines = [f"{asked}{count} attempt{'s' if count > 1 else ''}{waited}"]
        lines += [f"  {attempt}" for attempt in self.attempts]
        lines.append(f"  ended: {self.end.sentence}")
        if self.possibly_executed:
            lines.append(
                "  an earlier attempt may have been executed, and the answer be about that"
            )
        elif self.ambiguous:
            lines.append("  outcome unknown: the server may have executed it")
        return "\n".join(part for line in lines for part in _wrapped(line))


# Not in the bodies: there a type checker takes it for a field.
Attempt.__module__ = CallReport.__module__ = "verto_resilience"


def _wrapped(line: str) -> list[str]:
    return textwrap.wrap(line, _COLUMNS, subsequent_indent="    ", break_on_hyphens=False)


def _told(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds >= _WHOLE else f"{round(seconds, 3):.3g} s"


# From here on the decimals of a time tell nobody anything.
_WHOLE = 100
