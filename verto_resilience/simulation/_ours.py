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
    Finish,
    Policy,
    Refresh,
    Rejection,
    Send,
    Wait,
)
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
    """

    __slots__ = ("_world", "chance", "circuits", "outcomes", "policy")

    def __init__(
        self,
        world: World,
        policy: Policy,
        *,
        chance: Callable[[], float],
        outcomes: "Outcomes",
    ) -> None:
        """Start with every circuit closed."""
        self._world = world
        self.policy = policy
        self.chance = chance
        self.outcomes = outcomes
        self.circuits = Circuits(policy, chance=chance)

    def begin(self) -> None:
        """Begin a call."""
        now = self._world.agenda.now
        call = Call(
            _READ,
            self.circuits.at(_ORIGIN, now),
            self.policy,
            chance=self.chance,
            now=now,
            keeps_routine=False,
        )
        _OurCall(self._world, call, self.policy, self.outcomes).admit()


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
    __slots__ = ("_began", "_call", "_cut_short", "_good", "_outcomes", "_policy", "_world")

    def __init__(self, world: World, call: Call, policy: Policy, outcomes: Outcomes) -> None:
        self._world = world
        self._call = call
        self._policy = policy
        self._outcomes = outcomes
        self._began = world.agenda.now
        self._cut_short = False
        self._good: bool | None = None

    def admit(self) -> None:
        self._follow(self._call.admit(self._world.agenda.now))

    def answered(self, answer: Answer) -> None:
        outcome = self._outcomes.of(answer, cut_short=self._cut_short)
        self._good = outcome.category is Category.SUCCESS
        self._follow(self._call.settle(outcome, self._world.agenda.now))

    def _follow(self, step: Send | Wait | Rejection | Finish | Refresh) -> None:
        now = self._world.agenda.now
        if self._call.events:
            self._note(now)
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

    def _note(self, now: float) -> None:
        for event in self._call.take_events():
            if isinstance(event, CircuitMoved):
                self._world.tally.moved(event.transition, now)
