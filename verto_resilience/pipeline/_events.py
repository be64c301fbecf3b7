"""What happened, as frozen values; published to the observer when no lock is held.

Every event names the ``origin`` it is about and the ``method`` where a request is involved. None
holds a URL, a header or a body.
"""

from dataclasses import dataclass

from verto_resilience.machines import Pausing, Refusal, Transition
from verto_resilience.outcome import Failure, Outcome
from verto_resilience.pipeline._report import Attempt, CallReport, End, WaitSource
from verto_resilience.pipeline._request import CallRequest
from verto_resilience.pipeline._store import StoreFault, StoreState


@dataclass(frozen=True, slots=True)
class AttemptEnded:
    """A request was sent and something came of it."""

    request: CallRequest
    attempt: Attempt


@dataclass(frozen=True, slots=True)
class WaitBegan:
    """The call waits: before a resend, or at its origin's gate (``source`` is then ``pause``).

    Attributes:
        request: What will be sent.
        seconds: How long.
        source: What set the length.
        outcome: The outcome that is answered by a resend; ``None`` at the gate.
    """

    request: CallRequest
    seconds: float
    source: WaitSource
    outcome: Outcome | None


@dataclass(frozen=True, slots=True)
class CallRefused:
    """Nothing was sent: the circuit is open, or the pause does not fit.

    Attributes:
        request: What was not sent.
        end: ``circuit_open`` or ``paused``.
        retry_after: Seconds after which asking again makes sense, or ``None``.
    """

    request: CallRequest
    end: End
    retry_after: float | None


@dataclass(frozen=True, slots=True)
class RefusalOverruled:
    """A circuit in ``observe_only`` would have refused this send."""

    request: CallRequest
    refusal: Refusal


@dataclass(frozen=True, slots=True)
class CircuitMoved:
    """A circuit changed state; ``key`` names it (an origin, or an origin and an operation)."""

    origin: str
    key: str
    transition: Transition


@dataclass(frozen=True, slots=True)
class PauseBegan:
    """An origin asked for quiet; ``status`` is the answer that said so.

    ``elsewhere`` is whether another process was answered so.
    """

    origin: str
    pausing: Pausing
    status: int
    elsewhere: bool = False


@dataclass(frozen=True, slots=True)
class BudgetSpent:
    """A resend was not made because the origin's retry budget is empty."""

    request: CallRequest


@dataclass(frozen=True, slots=True)
class OutcomeUnknown:
    """A write ended without anyone knowing whether it was executed."""

    request: CallRequest
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class BodyFailed:
    """The body of a good answer failed while the caller read it, after the call had ended."""

    request: CallRequest
    failure: Failure


@dataclass(frozen=True, slots=True)
class StoreMoved:
    """The fleet's store was connected, lost, or began to refuse.

    Attributes:
        store: Its address without secrets.
        after: How it stands now.
        fault: What is wrong; ``None`` when connected.
        is_back: Whether it had been connected before.
    """

    store: str
    after: StoreState
    fault: StoreFault | None
    is_back: bool = False


@dataclass(frozen=True, slots=True)
class StoreIgnored:
    """Values in the fleet's store were passed over: nothing of this library has written them."""

    store: str
    count: int


@dataclass(frozen=True, slots=True)
class CallEnded:
    """A call is over.

    Attributes:
        request: What was asked.
        report: What became of it.
        seconds: How long it took, waits included.
        error: The exception raised, named as by :func:`class_name`; ``None`` when a response was
            returned.
    """

    request: CallRequest
    report: CallReport
    seconds: float
    error: str | None


Event = (
    AttemptEnded
    | WaitBegan
    | CallRefused
    | RefusalOverruled
    | CircuitMoved
    | PauseBegan
    | BudgetSpent
    | OutcomeUnknown
    | BodyFailed
    | StoreMoved
    | StoreIgnored
    | CallEnded
)
