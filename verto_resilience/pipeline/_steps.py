"""What a call tells the loop to do next."""

from dataclasses import dataclass
from typing import NamedTuple

from verto_resilience.machines import Refusal
from verto_resilience.pipeline._report import End, WaitSource


@dataclass(frozen=True, slots=True)
class Send:
    """Send now."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait this many seconds, then ask to be admitted (again)."""

    seconds: float
    source: WaitSource


class Rejection(NamedTuple):
    """Do not send.

    Attributes:
        end: ``circuit_open`` or ``paused``; ``deadline`` or ``interrupted`` for a call that had
            waited.
        key: Whose verdict it is.
        retry_after: Seconds after which asking again makes sense, or ``None``.
        refusal: What the circuit said, when it was the circuit.
    """

    end: End
    key: str
    retry_after: float | None
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True)
class Refresh:
    """Ask for new credentials, and tell :meth:`Call.refreshed` whether there are any."""


@dataclass(frozen=True, slots=True)
class Finish:
    """The call is over; what the last attempt brought is its result."""

    end: End


Admission = Send | Wait | Rejection
"""What may come of asking to send."""

Settlement = Finish | Wait | Refresh
"""What may follow an attempt."""

# Made once: those that say the same in every call.
SEND = Send()
REFRESH = Refresh()
ANSWERED = Finish(End.ANSWERED)
