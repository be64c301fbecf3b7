"""The server: workers, a queue, and an incident.

It works a request off although its client has gone, for nothing tells it so: that work is wasted,
and is what keeps an overload alive once its cause is gone.
"""

import math
from collections import deque
from collections.abc import Callable
from enum import StrEnum
from random import Random
from typing import Protocol

from verto_resilience.simulation._agenda import Agenda
from verto_resilience.simulation._scenario import IncidentKind, Scenario, ServiceTimes
from verto_resilience.simulation._tally import Tally


class Answer(StrEnum):
    """What comes of a request."""

    OK = "200"
    ERROR = "503"
    THROTTLED = "429"
    REFUSED = "connect"
    RESET = "reset"
    TIMED_OUT = "read_timeout"


class Sender(Protocol):
    """Who waits for an answer."""

    def answered(self, answer: Answer) -> None:
        """Take it."""
        ...


class Request:
    """One request on the wire; ``sender`` is ``None`` once nobody waits for it any more."""

    __slots__ = ("sender",)

    def __init__(self, sender: Sender) -> None:
        """Wait for an answer."""
        self.sender: Sender | None = sender

    def answer(self, answer: Answer) -> bool:
        """Give the answer to whoever waits; ``False`` when nobody does."""
        sender, self.sender = self.sender, None
        if sender is None:
            return False
        sender.answered(answer)
        return True


class Server:
    """Answers requests in the order of their arrival.

    Args:
        scenario: How large it is, and what goes wrong.
        agenda: When things happen.
        tally: Who counts.
        chance: For service times, and for whom an incident meets.
    """

    def __init__(self, scenario: Scenario, agenda: Agenda, tally: Tally, chance: Random) -> None:
        """Start idle."""
        self._scenario = scenario
        self._agenda = agenda
        self._tally = tally
        self._chance = chance
        self._draw = _drawer(scenario, chance)
        self._workers = scenario.workers
        self._queue: deque[Request] = deque()
        self._working: dict[Request, None] = {}
        self._incident = IncidentKind.NONE
        if scenario.incident is not IncidentKind.NONE:
            agenda.at(scenario.start, self._begin, scenario.incident)
            agenda.at(scenario.end, self._recover, scenario.incident)

    @property
    def waiting(self) -> int:
        """How many requests are in the queue."""
        return len(self._queue)

    def take(self, request: Request) -> Answer | None:
        """Take a request in.

        Returns:
            The answer given at the door, or ``None`` when it comes later.
        """
        self._tally.reached(self._agenda.now)
        if self._incident is IncidentKind.OUTAGE and self._is_met():
            return Answer.REFUSED
        if self._incident is IncidentKind.THROTTLING and self._is_met():
            return Answer.THROTTLED
        if len(self._working) < self._workers:
            self._work_on(request)
        elif self._scenario.queue is None or len(self._queue) < self._scenario.queue:
            self._queue.append(request)
        else:
            return Answer.ERROR
        return None

    def _work_on(self, request: Request) -> None:
        seconds = self._draw()
        if self._incident is IncidentKind.BROWNOUT:
            seconds /= 1.0 - self._scenario.severity
        self._working[request] = None
        self._agenda.at(self._agenda.now + seconds, self._finish, request)

    def _finish(self, request: Request) -> None:
        if self._working.pop(request, self) is self:
            # It went down with the server.
            return
        self._fill()
        failing = self._incident is IncidentKind.ERRORS and self._is_met()
        now = self._agenda.now
        self._tally.worked(now, wasted=not request.answer(Answer.ERROR if failing else Answer.OK))

    def _fill(self) -> None:
        while self._queue and len(self._working) < self._workers:
            self._work_on(self._queue.popleft())

    def _is_met(self) -> bool:
        severity = self._scenario.severity
        return severity >= 1.0 or self._chance.random() < severity

    def _begin(self, incident: IncidentKind) -> None:
        self._incident = incident
        if incident is IncidentKind.CAPACITY:
            self._workers -= round(self._workers * self._scenario.severity)
        elif incident is IncidentKind.OUTAGE:
            self._crash()

    def _crash(self) -> None:
        lost = [*self._working, *self._queue]
        self._working.clear()
        self._queue.clear()
        for request in lost:
            request.answer(Answer.RESET)

    def _recover(self, _: IncidentKind) -> None:
        self._incident = IncidentKind.NONE
        self._workers = self._scenario.workers
        self._fill()


def _drawer(scenario: Scenario, chance: Random) -> Callable[[], float]:
    """Give what draws service times, with the scenario's mean."""
    mean, draw = scenario.service, chance.random
    match scenario.service_times:
        case ServiceTimes.CONSTANT:
            return lambda: mean
        case ServiceTimes.EXPONENTIAL:
            # 1 - u, for the logarithm of 0 is none.
            return lambda: -mean * math.log(1.0 - draw())
        case ServiceTimes.LOGNORMAL:
            centre = math.log(mean) - _SPREAD**2 / 2.0
            return lambda: chance.lognormvariate(centre, _SPREAD)


# The 99th percentile is then exp(2.326 - 0.5) = 6.2 times the mean.
_SPREAD = 1.0
