"""What the calls of one run share."""

from random import Random

from verto_resilience.simulation._agenda import Agenda
from verto_resilience.simulation._scenario import Scenario
from verto_resilience.simulation._server import Answer, Request, Sender, Server
from verto_resilience.simulation._tally import Tally


class World:
    """A server, its time, and who counts.

    Attributes:
        scenario: The story.
        agenda: When things happen.
        tally: Who counts.
        server: Who answers.
    """

    __slots__ = ("agenda", "scenario", "server", "tally")

    def __init__(self, scenario: Scenario) -> None:
        """Start at 0, with an idle server."""
        self.scenario = scenario
        self.agenda = Agenda()
        self.tally = Tally(scenario.seconds)
        self.server = Server(scenario, self.agenda, self.tally, Random(f"{scenario.seed} server"))

    def send(self, sender: Sender, timeout: float) -> Answer | None:
        """Send one request.

        Args:
            sender: Who is told the answer that comes later.
            timeout: Seconds until it is told that none came.

        Returns:
            The answer given at the door, or ``None`` when the sender will be told.
        """
        request = Request(sender)
        answer = self.server.take(request)
        if answer is None:
            self.agenda.at(self.agenda.now + timeout, _give_up, request)
        return answer


def _give_up(request: Request) -> None:
    request.answer(Answer.TIMED_OUT)
