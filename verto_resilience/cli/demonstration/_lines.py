"""What happened, put into lines that a person reads while it happens."""

import contextlib
import threading
from http import HTTPStatus
from urllib.parse import urlsplit

from verto_resilience.cli.demonstration._screen import Line, Screen, Tone
from verto_resilience.machines import State, Transition, Trigger, TripReason
from verto_resilience.outcome import Category, Outcome
from verto_resilience.pipeline import (
    Attempt,
    AttemptEnded,
    BodyFailed,
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
    RefusalOverruled,
    StoreIgnored,
    StoreMoved,
    WaitBegan,
    WaitSource,
)


class Commentator:
    """Observes calls and tells a screen; used from many threads."""

    __slots__ = ("_held", "_screen")

    def __init__(self, screen: Screen) -> None:
        """Tell this screen."""
        self._screen = screen
        self._held = threading.local()

    def on_event(self, event: Event) -> None:
        """Show it: an answer before what it caused, although that is announced first."""
        # Where nobody reads any more (`| head`), the next line of the main thread finds out.
        with contextlib.suppress(OSError):
            self._tell(event)

    def _tell(self, event: Event) -> None:
        self._screen.note(event)
        line = describe(event)
        if line is None:
            return
        caused = isinstance(event, PauseBegan) or (
            isinstance(event, CircuitMoved) and event.transition.trigger is not Trigger.BREAK_OVER
        )
        held: list[Line] = self._held.__dict__.setdefault("lines", [])
        if caused:
            held.append(line)
            return
        self._show(line)
        if isinstance(event, AttemptEnded):
            for later in held:
                self._show(later)
            held.clear()

    def _show(self, line: Line) -> None:
        thread = threading.current_thread()
        self._screen.line("" if thread is threading.main_thread() else thread.name, line)


def describe(event: Event) -> Line | None:
    """Put an event into a line; ``None`` for what is told by others."""
    match event:
        case AttemptEnded(request, attempt):
            return _attempt(request, attempt)
        case WaitBegan():
            return Line("wait", _wait(event), Tone.HELD)
        case CallRefused():
            return _refused(event)
        case CircuitMoved(_, _, transition):
            return Line("circuit", _move(transition), Tone.CIRCUIT)
        case PauseBegan(_, pausing, _):
            text = f"every call to this server is held for {pausing.seconds:.1f} s"
            return Line("pause", text, Tone.HELD)
        case BudgetSpent():
            return Line("not resent", "the retry budget is empty", Tone.BAD)
        case OutcomeUnknown():
            text = "outcome unknown: it may have been executed"
            return Line("warning", text, Tone.BAD)
        case CallEnded(_, report):
            return _ended(report)
        # Bodies fail late only where they are streamed, which no story does, nor has it a store.
        case RefusalOverruled() | BodyFailed() | StoreMoved() | StoreIgnored():
            return None


def _attempt(request: CallRequest, attempt: Attempt) -> Line:
    outcome = attempt.outcome
    answer = _answer(outcome)
    if outcome.retry_after is not None:
        answer += f", Retry-After {outcome.retry_after:g} s"
    again = f" (resend {attempt.number - 1})" if attempt.number > 1 else ""
    return Line(
        f"{request.method} {urlsplit(request.url).path}",
        f"{answer}{again}, {attempt.seconds * 1000:.0f} ms",
        _tone(outcome),
    )


def _answer(outcome: Outcome) -> str:
    if outcome.status is None:
        return "no answer: " + outcome.cause.replace("_", " ")
    try:
        return f"{outcome.status} {HTTPStatus(outcome.status).phrase}"
    except ValueError:
        return str(outcome.status)


def _refused(event: CallRefused) -> Line:
    when = "" if event.retry_after is None else f"; ask in {event.retry_after:.1f} s"
    if event.end is not End.CIRCUIT_OPEN:
        why = "the server is paused"
    elif event.retry_after is None:
        why = "a probe is out already"
    else:
        why = "the circuit is open"
    return Line("refused", f"nothing sent: {why}{when}", Tone.CIRCUIT)


def _ended(report: CallReport) -> Line | None:
    if report.end is End.ANSWERED or not report.attempts:
        return None
    return Line("not resent", report.end.sentence, Tone.NOTE)


def _tone(outcome: Outcome) -> Tone:
    match outcome.category:
        case Category.SUCCESS | Category.REDIRECT:
            return Tone.GOOD
        case Category.RATE_LIMITED:
            return Tone.HELD
        case _:
            return Tone.BAD


def _wait(event: WaitBegan) -> str:
    match event.source:
        case WaitSource.PAUSE:
            return f"{event.seconds:.2f} s, until the pause is over"
        case WaitSource.RETRY_AFTER:
            return f"{event.seconds:.2f} s, as Retry-After says, then again"
        case WaitSource.SERVER_ERROR_BAND:
            return f"{event.seconds:.2f} s, as set for a 5xx, then again"
        case WaitSource.BACKOFF | WaitSource.NONE:
            return f"{event.seconds:.2f} s, then again"


def _move(transition: Transition) -> str:
    before, after = (
        str(state).replace("_", "-") for state in (transition.before, transition.after)
    )
    match transition.after:
        case State.OPEN:
            why = _REASONS.get(transition.reason, "opened")
            why = f"{why}; for {transition.break_duration or 0.0:.1f} s"
        case State.HALF_OPEN:
            why = "one probe may go"
        case State.CLOSED:
            why = "the probes were good"
    return f"{before} -> {after}: {why}"


_REASONS = {
    TripReason.CONSECUTIVE_FAILURES: "failures in a row",
    TripReason.FAILURE_RATE: "share of failures",
    TripReason.SLOW_CALL_RATE: "share of slow calls",
    TripReason.PROBE_FAILED: "the probe failed",
    TripReason.MANUAL: "opened by hand",
    None: "opened",
}
