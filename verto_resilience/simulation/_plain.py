"""Calls without us: sent once, or sent again as urllib3's ``Retry`` does."""

from dataclasses import dataclass

from verto_resilience.simulation._server import Answer
from verto_resilience.simulation._tally import Ending
from verto_resilience.simulation._world import World


@dataclass(frozen=True, slots=True)
class Retry:
    """How often and when urllib3 sends again, by the source of urllib3 2.

    Its names are kept. What is not here has urllib3's default: GET may be resent after any error,
    ``Retry-After`` is obeyed to the second, there is no jitter, and no limit to the whole call.

    Attributes:
        total: Resends at the most.
        backoff_factor: Seconds; nothing is waited before the first resend.
        status_forcelist: Statuses after which a request is sent again whatever their headers.
    """

    total: int = 0
    backoff_factor: float = 0.0
    status_forcelist: frozenset[int] = frozenset()

    def wait(self, answer: Answer, errors: int, retry_after: float | None) -> float | None:
        """Say how long to wait before the next send.

        Args:
            answer: What came of the last one.
            errors: How many have failed in this call, the last included.
            retry_after: Seconds told with a 429.

        Returns:
            Seconds, or ``None`` when it is not sent again.
        """
        if errors > self.total:
            return None
        if answer in _STATUSES:
            told = retry_after if answer is Answer.THROTTLED else None
            if told is not None:
                return told
            if _STATUSES[answer] not in self.status_forcelist:
                return None
        if errors <= 1:
            return 0.0
        return min(_LONGEST, self.backoff_factor * 2.0 ** (errors - 1))


class PlainClient:
    """Makes calls that know nothing of each other.

    Args:
        world: Where to.
        retry: How to send again.
    """

    __slots__ = ("_retry", "_world")

    def __init__(self, world: World, retry: Retry) -> None:
        """Start with no call."""
        self._world = world
        self._retry = retry

    def begin(self) -> None:
        """Begin a call."""
        _PlainCall(self._world, self._retry).send()


class _PlainCall:
    __slots__ = ("_began", "_errors", "_retry", "_world")

    def __init__(self, world: World, retry: Retry) -> None:
        self._world = world
        self._retry = retry
        self._began = world.agenda.now
        self._errors = 0

    def send(self) -> None:
        answer = self._world.send(self, self._world.scenario.timeout)
        if answer is not None:
            self.answered(answer)

    def answered(self, answer: Answer) -> None:
        world = self._world
        now = world.agenda.now
        if answer is Answer.OK:
            world.tally.ended(Ending.SUCCEEDED, self._began, now)
            return
        self._errors += 1
        wait = self._retry.wait(answer, self._errors, world.scenario.retry_after)
        if wait is None:
            world.tally.ended(Ending.FAILED, self._began, now)
        else:
            world.agenda.at(now + wait, _PlainCall.send, self)


_STATUSES = {Answer.ERROR: 503, Answer.THROTTLED: 429}
_LONGEST = 120.0
