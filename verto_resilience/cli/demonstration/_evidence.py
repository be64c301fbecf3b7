"""What a scene leaves behind: what the caller saw, and what the server wrote down."""

from dataclasses import dataclass

from verto_resilience.testing import Arrival


@dataclass(frozen=True, slots=True)
class Asked:
    """One call as its caller saw it.

    Attributes:
        error: Name of the exception raised; ``None`` when there was none.
        refused: Whether nothing was sent.
        retry_after: Seconds after which a refusal said to ask again; ``None`` when it did not.
        ambiguous: Whether the caller was told that the outcome is unknown.
        attempts: Requests sent, by the library's own account.
        waited: Seconds waited, by the same account.
        seconds: How long it took.
    """

    error: str | None = None
    refused: bool = False
    retry_after: float | None = None
    ambiguous: bool = False
    attempts: int = 0
    waited: float = 0.0
    seconds: float = 0.0

    @property
    def answered(self) -> bool:
        """Whether it got what it asked for."""
        return self.error is None


@dataclass(frozen=True, slots=True)
class Act:
    """One scene after it was played.

    Attributes:
        title: Its title.
        asked: The calls, in the order in which they ended.
        arrivals: What reached the server meanwhile, by the server's log.
        booked: Trades that the server booked meanwhile.
    """

    title: str
    asked: tuple[Asked, ...] = ()
    arrivals: tuple[Arrival, ...] = ()
    booked: int = 0

    @property
    def attempts(self) -> int:
        """Requests sent, by the library's own account."""
        return sum(asked.attempts for asked in self.asked)

    @property
    def resends(self) -> int:
        """Those that were not the first of their call."""
        return sum(max(0, asked.attempts - 1) for asked in self.asked)

    @property
    def refused(self) -> int:
        """Calls for which nothing was sent."""
        return sum(asked.refused for asked in self.asked)

    @property
    def waited(self) -> float:
        """Seconds waited before attempts, over all calls."""
        return sum(asked.waited for asked in self.asked)
