"""What a recorder kept, as frozen values; all instants are seconds of one monotonic clock.

Nothing here can hold a URL, a header or a body: calls are told apart by method, origin and the
template of a known operation.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from verto_resilience.machines import State
from verto_resilience.outcome import Category
from verto_resilience.pipeline import End, WaitSource


class Verdict(StrEnum):
    """What became of a call, in one word."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REFUSED = "refused"
    OUTCOME_UNKNOWN = "outcome unknown"
    NOT_ENDED = "not ended"


@dataclass(frozen=True, slots=True)
class Sent:
    """An attempt: sent at ``at``, over after ``seconds``; ``cause`` is its status or failure."""

    at: float
    seconds: float
    category: Category
    cause: str


@dataclass(frozen=True, slots=True)
class Waited:
    """A wait that began at ``at``.

    Attributes:
        at: When it began.
        seconds: How long it was to be; it may have been cut short.
        source: What set its length; ``pause`` is a wait at the origin's gate.
    """

    at: float
    seconds: float
    source: WaitSource


Step = Sent | Waited


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One call.

    Attributes:
        number: 1 for the first call of the record.
        method: As sent.
        origin: Scheme, host and port.
        operation: Template of the known operation, or ``None``.
        began: When it began.
        ended: When it was over; ``None`` while it goes on, and for one that was broken off.
        steps: Its attempts and waits, in order.
        end: Why it ended; ``None`` when it has not.
        ambiguous: Whether a write may have been executed although it was not seen to succeed.
        error: Name of the exception raised, or ``None`` when a response was returned.
    """

    number: int
    method: str
    origin: str
    operation: str | None
    began: float
    ended: float | None
    steps: tuple[Step, ...]
    end: End | None = None
    ambiguous: bool = False
    error: str | None = None

    @property
    def attempts(self) -> tuple[Sent, ...]:
        """Its sends."""
        return tuple(step for step in self.steps if isinstance(step, Sent))

    @property
    def verdict(self) -> Verdict:
        """What became of it."""
        if self.ended is None:
            return Verdict.NOT_ENDED
        if self.ambiguous:
            return Verdict.OUTCOME_UNKNOWN
        attempts = self.attempts
        if not attempts:
            return Verdict.REFUSED
        return Verdict.SUCCEEDED if attempts[-1].category in _WELL else Verdict.FAILED

    @property
    def is_eventful(self) -> bool:
        """Whether there is more to it than a first attempt that succeeded, or a refusal."""
        if not self.steps:
            return self.verdict is not Verdict.REFUSED
        return len(self.steps) != 1 or self.verdict is not Verdict.SUCCEEDED


_WELL = frozenset({Category.SUCCESS, Category.REDIRECT})


@dataclass(frozen=True, slots=True)
class Moved:
    """A circuit changed state; ``reason`` and ``last_failure`` say why it opened."""

    at: float
    key: str
    before: State
    after: State
    reason: str | None = None
    last_failure: str | None = None


@dataclass(frozen=True, slots=True)
class Paused:
    """An origin answered ``status`` and was left alone for ``seconds``.

    ``told`` is whether the server named the time.
    """

    at: float
    origin: str
    seconds: float
    told: bool
    status: int


@dataclass(frozen=True, slots=True)
class Totals:
    """Counts over every call that ended, those no longer kept included.

    Attributes:
        calls: Calls that ended.
        attempts: Sends.
        resends: Sends after the first of a call.
        refused: Calls of which nothing was sent.
        unknown: Writes that nobody knows whether they were executed.
        waited: Seconds waited before sends.
        causes: How often each status or failure came back.
    """

    calls: int = 0
    attempts: int = 0
    resends: int = 0
    refused: int = 0
    unknown: int = 0
    waited: float = 0.0
    causes: Mapping[tuple[Category, str], int] | None = None


@dataclass(frozen=True, slots=True)
class Flight:
    """Everything kept.

    Attributes:
        began: When recording began.
        until: When this was taken.
        wall: Seconds since 1970-01-01 UTC at ``began``.
        calls: The calls kept, in the order of their beginning.
        moves: The newest changes of circuits, oldest first.
        pauses: The newest pauses, oldest first.
        totals: Counts over everything.
        calls_left_out: Calls that ended and are no longer kept.
        moments_left_out: Changes of circuits and pauses that are no longer kept.
    """

    began: float
    until: float
    wall: float
    calls: tuple[CallRecord, ...]
    moves: tuple[Moved, ...]
    pauses: tuple[Paused, ...]
    totals: Totals
    calls_left_out: int = 0
    moments_left_out: int = 0
