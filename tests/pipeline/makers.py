"""Calls with a scripted edge and a clock that jumps, so that nothing is sent and nobody waits."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from verto_resilience.machines import State
from verto_resilience.outcome import (
    Catalogue,
    Category,
    Failure,
    Health,
    Operation,
    OperationKind,
    Outcome,
    Repeatable,
    Resend,
    classify_failure,
    classify_response,
)
from verto_resilience.pipeline import (
    SILENT_TRACING,
    AttemptScope,
    Call,
    CallReport,
    CallRequest,
    Circuits,
    Event,
    Observer,
    Origin,
    Policy,
    Rejection,
    Result,
    Tracing,
    drive,
)
from verto_resilience.testing import FakeClock

START = 1000.0
KEY = "https://api.example.com:443"

READ = CallRequest(method="GET", url=f"{KEY}/rates", origin=KEY, repeatable=True)
WRITE = CallRequest(method="POST", url=f"{KEY}/payments", origin=KEY)
KEYED_WRITE = CallRequest(method="POST", url=f"{KEY}/payments", origin=KEY, repeatable=True)
VERTO_READ = CallRequest(method="GET", url=f"{KEY}/rates", origin=KEY, repeatable=True, verto=True)
REFRESHABLE = CallRequest(
    method="POST", url=f"{KEY}/payments", origin=KEY, verto=True, refreshable=True
)
TRADE = Operation(
    "POST", "/fx", kind=OperationKind.MOVES_MONEY, repeatable=Repeatable.NEVER, reason="it trades"
)

API_FAILURE = Outcome(Category.API_FAILURE, Health.GOOD, Resend.NEVER, status=200)


def answer(status: int, *, retry_after: float | None = None) -> Outcome:
    """Classify a response with this status."""
    return classify_response(Catalogue.documented(), status, retry_after=retry_after)


def failure(kind: Failure) -> Outcome:
    """Classify a send that brought no response."""
    return classify_failure(kind)


def half() -> float:
    """Stand in for chance."""
    return 0.5


def locks_of(origin: Origin) -> list[Any]:
    """Give the locks of its machines."""
    circuits = [breaker.lock for _, breaker in origin.circuits()]
    return [origin.pause.lock, origin.budget.lock, *circuits]


def are_locked(*locks: Any) -> list[bool]:
    """Say for each lock whether another thread would have to wait for it."""

    def is_held(lock: Any) -> bool:
        got = lock.acquire(blocking=False)
        if got:
            lock.release()
        return not got

    with ThreadPoolExecutor(1) as pool:
        return list(pool.map(is_held, locks))


class Notes:
    """Writes down every event."""

    def __init__(self) -> None:
        """Start with none."""
        self.events: list[Event] = []

    def on_event(self, event: Event) -> None:
        """Write it down."""
        self.events.append(event)

    def names(self) -> list[str]:
        """Give the kinds of the events, in order."""
        return [type(event).__name__ for event in self.events]


@dataclass
class Bench:
    """One origin, its registry and a clock; makes calls and notes what they publish."""

    policy: Policy = field(default_factory=Policy)
    chance: Callable[[], float] = half
    clock: FakeClock = field(default_factory=lambda: FakeClock(monotonic=START))
    observer: Notes = field(default_factory=Notes)

    def __post_init__(self) -> None:
        """Make the registry."""
        self.circuits = Circuits(self.policy, chance=self.chance)

    @property
    def origin(self) -> Origin:
        """The origin that the requests above go to."""
        return self.circuits.at(KEY, self.now)

    @property
    def now(self) -> float:
        """What the clock shows."""
        return self.clock.monotonic()

    def call(self, request: CallRequest = READ) -> Call:
        """Begin a call."""
        return Call(request, self.origin, self.policy, chance=self.chance, now=self.now)

    def drive(
        self,
        script: "Script",
        request: CallRequest = READ,
        *,
        observer: Observer | None = None,
        tracing: Tracing = SILENT_TRACING,
        call: Call | None = None,
    ) -> str:
        """Carry a call through."""
        return drive(
            self.call(request) if call is None else call,
            script,
            clock=self.clock,
            observer=self.observer if observer is None else observer,
            tracing=tracing,
        )

    def script(self, *steps: "Step", takes: float = 0.0) -> "Script":
        """Write what the edge will bring, send by send; each takes this many seconds."""
        return Script(list(steps), clock=self.clock, takes=takes)

    def open_circuit(self) -> None:
        """Open the origin's circuit by hand."""
        self.origin.breaker.open(self.now)

    def pause(self, seconds: float) -> None:
        """Have the origin ask for quiet."""
        self.origin.pause.hold(seconds, sent_at=self.now, now=self.now)

    def spend_budget(self) -> None:
        """Leave nothing in the retry budget."""
        while self.origin.budget.try_withdraw(self.now):
            pass

    def snapshot(self) -> tuple[Any, ...]:
        """Give the state of every machine."""
        origin = self.origin
        return (
            tuple((key, breaker.snapshot(self.now)) for key, breaker in origin.circuits()),
            origin.pause.snapshot(self.now),
            origin.budget.balance(self.now),
        )

    @property
    def state(self) -> State:
        """The state of the origin's circuit."""
        return self.origin.breaker.state


Step = Outcome | BaseException | Callable[[], Outcome]


class HostError(Exception):
    """What the host library of the scripted edge raises."""


class RefusedError(Exception):
    """What the scripted edge makes of a rejection."""

    def __init__(self, rejection: Rejection) -> None:
        """Keep what was said."""
        super().__init__(rejection.end)
        self.rejection = rejection


class Script:
    """An edge that sends nothing: each send brings the next outcome of the script.

    A response is the text of its status, with the number of the send: ``"503 #1"``.
    """

    def __init__(self, steps: list[Step], *, clock: FakeClock, takes: float = 0.0) -> None:
        """Take the script; each send takes this many seconds."""
        self._steps = steps
        self._clock = clock
        self._takes = takes
        self.sent_at: list[float] = []
        self.left: list[float] = []
        self.waited_on: list[Result[str]] = []
        self.rewinds = True
        self.renews: bool | Callable[[], bool] = False
        self.refreshed_at: list[float] = []
        self.left_to_refresh: list[float] = []
        self.report: CallReport | None = None
        self.rejection: Rejection | None = None
        self.fail_late: Callable[[Failure], None] | None = None

    @property
    def sends(self) -> int:
        """How often something was sent."""
        return len(self.sent_at)

    def send(self, scope: AttemptScope, left: float) -> Result[str]:
        """Bring the next outcome."""
        self.sent_at.append(self._clock.monotonic())
        self.left.append(left)
        self._clock.advance(self._takes)
        step = self._steps[self.sends - 1]
        if isinstance(step, BaseException):
            raise step
        outcome = step if isinstance(step, Outcome) else step()
        if outcome.failure is not None:
            return Result(outcome, error=HostError(f"{outcome.failure} #{self.sends}"))
        return Result(outcome, f"{outcome.status} #{self.sends}")

    def prepare_resend(self, result: Result[str]) -> bool:
        """Write down what is waited on."""
        self.waited_on.append(result)
        return self.rewinds

    def refresh(self, left: float) -> bool:
        """Write down when new credentials were asked for."""
        self.refreshed_at.append(self._clock.monotonic())
        self.left_to_refresh.append(left)
        return self.renews if isinstance(self.renews, bool) else self.renews()

    def refused(self, rejection: Rejection, report: CallReport) -> Exception:
        """Make an error of it."""
        self.rejection = rejection
        self.report = report
        return RefusedError(rejection)

    def finished(
        self, result: Result[str], report: CallReport, fail_late: Callable[[Failure], None]
    ) -> str:
        """Return the response or raise the error."""
        self.report = report
        self.fail_late = fail_late
        error, result.error = result.error, None
        if error is not None:
            try:
                raise error
            finally:
                # An exception refers to this frame: without this it would refer to itself.
                del error
        assert result.response is not None
        return result.response
