import time

from verto_resilience.cli.demonstration._gauges import Gauges
from verto_resilience.machines import Pausing, State, Transition, Trigger, TripReason
from verto_resilience.outcome import Catalogue, classify_response
from verto_resilience.pipeline import (
    Attempt,
    AttemptEnded,
    CallRefused,
    CallRequest,
    CircuitMoved,
    End,
    PauseBegan,
    WaitBegan,
    WaitSource,
)

REQUEST = CallRequest("GET", "http://127.0.0.1:1/", "http://127.0.0.1:1")
OK = classify_response(Catalogue.documented(), 200)
OPENED = Transition(State.CLOSED, State.OPEN, Trigger.TRIP, TripReason.MANUAL, 50.0, 2, None)


def test_counts_follow_events() -> None:
    """Attempts, resends and refusals are counted as they happen."""
    gauges = Gauges()

    for number in (1, 2):
        gauges.note(AttemptEnded(REQUEST, Attempt(number, OK, 0.0, 0.0, WaitSource.NONE)))
    gauges.note(CallRefused(REQUEST, End.CIRCUIT_OPEN, None))

    assert (gauges.sent, gauges.resent, gauges.refused) == (2, 1, 1)


def test_pause_is_counted_down_before_a_break_and_a_wait() -> None:
    """Of several things waited for, the one that holds most calls is shown."""
    gauges = Gauges()
    shown = []

    gauges.note(WaitBegan(REQUEST, 50.0, WaitSource.BACKOFF, None))
    shown.append(gauges.countdown(time.monotonic()))
    gauges.note(CircuitMoved("o", "o", OPENED))
    shown.append(gauges.countdown(time.monotonic()))
    gauges.note(PauseBegan("o", Pausing(50.0, told=True, cut=False), 429))
    shown.append(gauges.countdown(time.monotonic()))

    assert [held and held.what for held in shown] == ["waits", "open for", "paused"]
    assert gauges.circuit is State.OPEN


def test_nothing_is_counted_down_once_it_is_over() -> None:
    """A countdown ends by itself."""
    gauges = Gauges()

    gauges.note(WaitBegan(REQUEST, 50.0, WaitSource.BACKOFF, None))

    assert gauges.countdown(time.monotonic() + 51.0) is None
