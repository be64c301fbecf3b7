"""Calls through the machines: the classes that carry them in production, under another clock.

What ``pipeline/_drive.py`` does with a thread that sleeps is done here with an agenda. It obeys
the same answers in the same order, and decides nothing.
"""

from collections.abc import Callable

from verto_resilience.outcome import (
    Catalogue,
    Category,
    Failure,
    Outcome,
    classify_failure,
    classify_response,
)
from verto_resilience.pipeline import (
    Call,
    CallRequest,
    CircuitMoved,
    Circuits,
    Event,
    Finish,
    Origin,
    Policy,
    Refresh,
    Rejection,
    Send,
    Wait,
)
from verto_resilience.simulation._fleet import Fleet
from verto_resilience.simulation._server import Answer
from verto_resilience.simulation._tally import Ending
from verto_resilience.simulation._world import World

_ORIGIN = "https://api.example.com:443"
# A host of Verto's, so that the documented wait after a 5xx is kept.
_READ = CallRequest("GET", f"{_ORIGIN}/fx/health", _ORIGIN, repeatable=True, verto=True)


class OurClient:
    """One process: a registry of circuits, and the calls that share it.

    Args:
        world: Where to.
        policy: The settings.
        chance: Gives numbers from 0 up to 1.
        outcomes: What each answer means.
        fleet: Shares what its members find out; ``None`` for a client by itself.
    """

    __slots__ = (
        "_circuits",
        "_world",
        "chance",
        "fleet",
        "member",
        "outcomes",
        "policy",
    )

    def __init__(
        self,
        world: World,
        policy: Policy,
        *,
        chance: Callable[[], float],
        outcomes: "Outcomes",
        fleet: Fleet | None = None,
    ) -> None:
        """Start with every circuit closed."""
        self._world = world
        self.policy = policy
        self.chance = chance
        self.outcomes = outcomes
        self.fleet = fleet
        self._circuits = Circuits(policy, chance=chance)
        self.member = None if fleet is None else fleet.join(self)

    @property
    def origin(self) -> Origin:
        """The machines that it has for the server."""
        return self._circuits.at(_ORIGIN, self._world.agenda.now)

    def begin(self) -> None:
        """Begin a call."""
        _OurCall(self._world, self).admit()

    def hear(self) -> None:
        """Take in what others have found out."""
        if self.fleet is not None and self.member is not None:
            self.fleet.hear(self.member)

    def note(self, event: Event) -> None:
        """Count what a circuit did, and tell the others."""
        if isinstance(event, CircuitMoved):
            self._world.tally.moved(event.transition, self._world.agenda.now)
        if self.fleet is not None and self.member is not None:
            self.fleet.say(self.member, event)


class Outcomes:
    """What each answer means to a call, classified once.

    Args:
        retry_after: Seconds told with a 429, or ``None``.
    """

    __slots__ = ("_cut_short", "_outcomes")

    def __init__(self, retry_after: float | None) -> None:
        """Classify them."""
        catalogue = Catalogue.documented()
        self._cut_short = classify_failure(Failure.READ_TIMEOUT, cut_short=True)
        self._outcomes = {
            Answer.OK: classify_response(catalogue, 200),
            Answer.ERROR: classify_response(catalogue, 503),
            Answer.THROTTLED: classify_response(catalogue, 429, retry_after=retry_after),
            Answer.REFUSED: classify_failure(Failure.CONNECT),
            Answer.RESET: classify_failure(Failure.RESET),
            Answer.TIMED_OUT: classify_failure(Failure.READ_TIMEOUT),
        }

    def of(self, answer: Answer, *, cut_short: bool) -> Outcome:
        """Give it; ``cut_short`` as in :func:`~verto_resilience.outcome.classify_failure`."""
        if cut_short and answer is Answer.TIMED_OUT:
            return self._cut_short
        return self._outcomes[answer]


class _OurCall:
    __slots__ = ("_began", "_call", "_client", "_cut_short", "_good", "_world")

    def __init__(self, world: World, client: OurClient) -> None:
        self._world = world
        self._client = client
        self._began = world.agenda.now
        self._call = Call(
            _READ,
            client.origin,
            client.policy,
            chance=client.chance,
            now=self._began,
            keeps_routine=False,
        )
        self._cut_short = False
        self._good: bool | None = None

    def admit(self) -> None:
        self._client.hear()
        self._follow(self._call.admit(self._world.agenda.now))

    def answered(self, answer: Answer) -> None:
        self._client.hear()
        outcome = self._client.outcomes.of(answer, cut_short=self._cut_short)
        self._good = outcome.category is Category.SUCCESS
        self._follow(self._call.settle(outcome, self._world.agenda.now))

    def _follow(self, step: Send | Wait | Rejection | Finish | Refresh) -> None:
        now = self._world.agenda.now
        if self._call.events:
            for event in self._call.take_events():
                self._client.note(event)
        match step:
            case Send():
                self._send(now)
            case Wait(seconds):
                self._world.agenda.at(now + seconds, _OurCall.admit, self)
            case Rejection() | Finish():
                self._world.tally.ended(self._ending, self._began, now)
            case Refresh():
                self._follow(self._call.refreshed(now, renewed=False))

    @property
    def _ending(self) -> Ending:
        if self._good is None:
            return Ending.REFUSED
        return Ending.SUCCEEDED if self._good else Ending.FAILED

    def _send(self, now: float) -> None:
        timeout, left = self._world.scenario.timeout, self._call.deadline - now
        self._cut_short = left < timeout
        answer = self._world.send(self, min(timeout, left))
        if answer is not None:
            self.answered(answer)
