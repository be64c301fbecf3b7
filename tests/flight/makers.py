"""Flights made by hand, and a recorder told by calls that send nothing."""

from contextlib import suppress
from dataclasses import dataclass, field

from tests.pipeline.makers import KEY, READ, Bench, HostError, RefusedError, Step
from verto_resilience.flight import CallRecord, Flight, FlightRecorder, Sent, Totals, Waited
from verto_resilience.machines import State
from verto_resilience.outcome import Category
from verto_resilience.pipeline import CallRequest, End, WaitSource

CLOSED, OPEN, HALF_OPEN = State.CLOSED, State.OPEN, State.HALF_OPEN


@dataclass
class Recorded:
    """A bench whose calls are recorded, on the bench's clock."""

    bench: Bench = field(default_factory=Bench)
    keep: int = 100

    def __post_init__(self) -> None:
        """Begin to record."""
        self.recorder = FlightRecorder(keep=self.keep, clock=self.bench.clock)

    def run(self, *steps: Step, request: CallRequest = READ, takes: float = 0.0) -> None:
        """Carry a call through, whatever comes of it."""
        script = self.bench.script(*steps, takes=takes)
        with suppress(HostError, RefusedError):
            self.bench.drive(script, request, observer=self.recorder)

    @property
    def flight(self) -> Flight:
        """What is kept."""
        return self.recorder.flight()


def sent(at: float, seconds: float = 0.1, cause: str = "200") -> Sent:
    """Make an attempt."""
    kinds = {"2": Category.SUCCESS, "4": Category.CLIENT_ERROR, "5": Category.SERVER_ERROR}
    category = kinds.get(cause[0], Category.TRANSPORT)
    return Sent(at, seconds, Category.RATE_LIMITED if cause == "429" else category, cause)


def waited(at: float, seconds: float, source: WaitSource = WaitSource.BACKOFF) -> Waited:
    """Make a wait."""
    return Waited(at, seconds, source)


def call(
    number: int,
    *steps: Sent | Waited,
    began: float | None = None,
    ended: float | None = None,
    end: End = End.ANSWERED,
    ambiguous: bool = False,
    operation: str | None = "/rates",
    origin: str = KEY,
    method: str = "GET",
) -> CallRecord:
    """Make a call that begins and ends with its steps unless told otherwise."""
    first = steps[0].at if began is None else began
    last = steps[-1].at + steps[-1].seconds if ended is None else ended
    return CallRecord(number, method, origin, operation, first, last, steps, end, ambiguous)


def flight(*calls: CallRecord, until: float = 100.0, **more: object) -> Flight:
    """Make a flight that began at 0."""
    given = {"moves": (), "pauses": (), "totals": Totals()} | more
    return Flight(began=0.0, until=until, wall=1_700_000_000.0, calls=calls, **given)  # type: ignore[arg-type]
