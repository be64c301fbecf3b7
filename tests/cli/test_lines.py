import io

import pytest

from verto_resilience.cli.demonstration._lines import Commentator, describe
from verto_resilience.cli.demonstration._plain import PlainScreen
from verto_resilience.machines import Pausing, State, Transition, Trigger, TripReason
from verto_resilience.outcome import Catalogue, Failure, classify_failure, classify_response
from verto_resilience.pipeline import (
    Attempt,
    AttemptEnded,
    BudgetSpent,
    CallEnded,
    CallRefused,
    CallReport,
    CallRequest,
    CircuitMoved,
    End,
    Event,
    OutcomeUnknown,
    PauseBegan,
    WaitBegan,
    WaitSource,
)

REQUEST = CallRequest("POST", "http://127.0.0.1:1/fx/rate?secret=1", "http://127.0.0.1:1")
BUSY = classify_response(Catalogue.documented(), 429, retry_after=2.0)
GONE = classify_failure(Failure.READ_TIMEOUT)
FIRST = Attempt(1, BUSY, 0.004, 0.0, WaitSource.NONE)
THIRD = Attempt(3, GONE, 0.5, 1.0, WaitSource.BACKOFF)
PAUSED = PauseBegan("origin", Pausing(2.0, told=True, cut=False), 429)
OPENED = Transition(
    State.CLOSED, State.OPEN, Trigger.TRIP, TripReason.CONSECUTIVE_FAILURES, 2.0, 2, "503"
)
HALF_OPENED = Transition(State.OPEN, State.HALF_OPEN, Trigger.BREAK_OVER, None, None, 3, "503")


def ended(end: End, *attempts: Attempt) -> CallEnded:
    """Make the end of a call."""
    return CallEnded(REQUEST, CallReport(attempts, end, None, False, False), 1.0, None)


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (AttemptEnded(REQUEST, FIRST), "429 Too Many Requests, Retry-After 2 s, 4 ms"),
        (AttemptEnded(REQUEST, THIRD), "no answer: read timeout (resend 2), 500 ms"),
        (WaitBegan(REQUEST, 2.5, WaitSource.RETRY_AFTER, BUSY), "2.50 s, as Retry-After says"),
        (WaitBegan(REQUEST, 2.5, WaitSource.PAUSE, None), "2.50 s, until the pause is over"),
        (WaitBegan(REQUEST, 2.5, WaitSource.BACKOFF, GONE), "2.50 s, then again"),
        (CallRefused(REQUEST, End.CIRCUIT_OPEN, 1.5), "circuit is open; ask in 1.5 s"),
        (CallRefused(REQUEST, End.CIRCUIT_OPEN, None), "a probe is out already"),
        (CallRefused(REQUEST, End.PAUSED, 90.0), "the server is paused; ask in 90.0 s"),
        (CircuitMoved("o", "o", OPENED), "closed -> open: failures in a row; for 2.0 s"),
        (CircuitMoved("o", "o", HALF_OPENED), "open -> half-open: one probe may go"),
        (PAUSED, "held for 2.0 s"),
        (BudgetSpent(REQUEST), "retry budget is empty"),
        (OutcomeUnknown(REQUEST, GONE), "it may have been executed"),
        (ended(End.NOT_REPEATABLE, FIRST), "a resend could execute it twice"),
    ],
)
def test_event_is_told_in_a_line(event: Event, said: str) -> None:
    """What happened is told in words, without the query of the URL."""
    line = describe(event)

    assert line is not None
    assert said in line.text
    assert "secret" not in line.subject + line.text


@pytest.mark.parametrize("event", [ended(End.ANSWERED, FIRST), ended(End.CIRCUIT_OPEN)])
def test_what_was_told_already_is_not_told_again(event: Event) -> None:
    """The end of a call that was answered or refused adds no line."""
    assert describe(event) is None


def test_answer_comes_before_what_it_caused() -> None:
    """A pause is shown after the answer that began it, although it is announced before."""
    shown = io.StringIO()
    commentator = Commentator(PlainScreen(shown))

    for event in (PAUSED, AttemptEnded(REQUEST, FIRST)):
        commentator.on_event(event)

    assert shown.getvalue().index("429") < shown.getvalue().index("held for")


def test_closed_output_does_not_reach_the_call() -> None:
    """An observer whose reader went away keeps that to itself."""

    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    screen = PlainScreen(Gone())

    Commentator(screen).on_event(AttemptEnded(REQUEST, FIRST))

    with pytest.raises(BrokenPipeError):
        screen.remark("the next line of the main thread")
