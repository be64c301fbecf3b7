import gc
import logging
import sys
import weakref
from collections.abc import Callable, MutableMapping
from types import TracebackType
from typing import Self

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.pipeline.makers import (
    KEY,
    KEYED_WRITE,
    READ,
    START,
    TRADE,
    WRITE,
    Bench,
    HostError,
    Notes,
    RefusedError,
    Script,
    answer,
    are_locked,
    failure,
    half,
    locks_of,
)
from verto_resilience.machines import Mode, State
from verto_resilience.outcome import Failure, Outcome
from verto_resilience.pipeline import (
    OUTCOME_UNKNOWN,
    AttemptEnded,
    CallEnded,
    CallReport,
    CallRequest,
    CircuitKey,
    End,
    Event,
    Observers,
    OutcomeUnknown,
    Pipeline,
    Policy,
    Received,
    WaitSource,
)
from verto_resilience.testing import FakeClock

STALE = failure(Failure.STALE_CONNECTION)
TIMED_OUT = failure(Failure.READ_TIMEOUT)


class SleepyClock(FakeClock):
    """Oversleeps, as a busy machine does."""

    def __init__(self, *, over: float) -> None:
        """Take the seconds by which each sleep is too long."""
        super().__init__(monotonic=START)
        self._over = over

    def sleep(self, seconds: float) -> bool:
        """Sleep too long."""
        return super().sleep(seconds) and super().sleep(self._over)


class Trace:
    """Writes down how scopes are entered, told and left; stands in for tracing and scopes."""

    wants_details = True

    def __init__(self) -> None:
        """Start with nothing drawn."""
        self.lines: list[str] = []
        self.requests: list[CallRequest] = []
        self.ends: list[tuple[CallReport, Exception | None]] = []

    def call(self, request: CallRequest) -> "Scope":
        """Begin to draw a call."""
        self.requests.append(request)
        return Scope(self, "call")


class Scope:
    """A call or an attempt that is drawn."""

    wants_details = True
    withheld: tuple[str, ...] = ()

    def __init__(self, trace: Trace, name: str) -> None:
        """Draw into this trace."""
        self._trace = trace
        self._name = name

    def __enter__(self) -> Self:
        """Note it."""
        self._trace.lines.append(f"begin {self._name}")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Note it."""
        with_ = "" if kind is None else f" with {kind.__name__}"
        self._trace.lines.append(f"end {self._name}{with_}")

    def attempt(self, number: int, waited: float, source: WaitSource, *, probe: bool) -> "Scope":
        """Note what the attempt was given."""
        trial = " as a probe" if probe else ""
        return Scope(self._trace, f"attempt {number} after {waited:g} {source}{trial}")

    def inject(self, headers: MutableMapping[str, str]) -> None:
        """Add nothing."""

    def ended(self, what: CallReport | Outcome, error: Exception | None) -> None:
        """Note what came of it."""
        if isinstance(what, CallReport):
            self._trace.ends.append((what, error))
            self._trace.lines.append(f"call {what.end}")
        else:
            self._trace.lines.append(f"outcome {what.cause} {error or ''}".strip())

    def received(self, details: Received) -> None:
        """Note nothing."""


class Curious:
    """On every event, looks at every machine there is; none may be locked."""

    def __init__(self, bench: Bench) -> None:
        """Look at the machines of this bench."""
        self._bench = bench
        self.looks = 0

    def on_event(self, event: Event) -> None:
        """Look, unless that would wait for ever."""
        origin = self._bench.origin
        assert not any(are_locked(self._bench.circuits._lock, *locks_of(origin)))
        self._bench.snapshot()
        assert origin in self._bench.circuits.known()
        self.looks += 1


def _drive(bench: Bench, script: Script, request: CallRequest = READ) -> str | None:
    """Carry a call through, whatever is raised in the end."""
    try:
        return bench.drive(script, request)
    except (HostError, RefusedError):
        return None


def _end(script: Script) -> End | None:
    if script.report is not None:
        return script.report.end
    return None if script.rejection is None else script.rejection.end


class TestResult:
    """What the caller gets."""

    def test_the_response_is_returned(self) -> None:
        """A call that goes well is one send and no sleep."""
        bench = Bench()
        script = bench.script(answer(200))

        assert bench.drive(script) == "200 #1"
        assert bench.clock.sleeps == []
        assert script.waited_on == []

    def test_the_last_response_is_returned(self) -> None:
        """After resends the caller gets what came last."""
        bench = Bench()
        script = bench.script(answer(503), answer(200))

        assert bench.drive(script) == "200 #2"

    def test_a_status_is_never_raised(self) -> None:
        """When attempts run out the last real response is returned, not an error."""
        bench = Bench()
        script = bench.script(answer(503), answer(502), answer(504))

        assert bench.drive(script) == "504 #3"

    def test_the_host_s_error_is_raised_unchanged(self) -> None:
        """A failure is raised as the host library raised it, the last one."""
        bench = Bench()
        script = bench.script(answer(503), TIMED_OUT, failure(Failure.RESET))

        with pytest.raises(HostError, match="reset #3"):
            bench.drive(script)

    def test_each_result_that_is_waited_on_is_set_aside(self) -> None:
        """A result is set aside before its wait, and the one that is returned is not."""
        bench = Bench()
        script = bench.script(answer(503), TIMED_OUT, answer(503))

        bench.drive(script)

        assert [r.outcome for r in script.waited_on] == [answer(503), TIMED_OUT]

    def test_it_is_set_aside_before_the_sleep(self) -> None:
        """The connection of a refused response is free while the call waits."""
        bench = Bench()
        aside_at: list[int] = []

        class Watchful(Script):
            def prepare_resend(self, result: object) -> bool:
                aside_at.append(len(bench.clock.sleeps))
                return True

        bench.drive(Watchful([answer(503), answer(200)], clock=bench.clock))

        assert aside_at == [0]

    @pytest.mark.parametrize("first", [answer(503), TIMED_OUT], ids=["response", "error"])
    def test_a_body_that_will_not_rewind_ends_the_call(self, first: Outcome) -> None:
        """Without its body a request is not sent again; what came last stands, unslept."""
        bench = Bench()
        script = bench.script(first, answer(200))
        script.rewinds = False

        response = _drive(bench, script)

        assert response == ("503 #1" if first.failure is None else None)
        assert bench.clock.sleeps == []
        assert script.report is not None
        assert script.report.end is End.BODY_NOT_REPLAYABLE

    @pytest.mark.parametrize("first", [answer(503), STALE], ids=["charged", "free"])
    def test_a_resend_that_cannot_be_made_costs_nothing(self, first: Outcome) -> None:
        """The token goes back to the budget, and no wait is told that was not waited."""
        bench = Bench()
        script = bench.script(first, answer(200))
        script.rewinds = False

        _drive(bench, script)

        notes = bench.observer
        assert bench.origin.budget.balance(bench.now) == bench.policy.budget_capacity
        assert "WaitBegan" not in [type(event).__name__ for event in notes.events]
        assert script.report is not None
        assert script.report.waited == 0.0

    def test_the_report_goes_with_the_result(self) -> None:
        """What became of the call is told to the edge."""
        bench = Bench()
        script = bench.script(answer(503), answer(200), takes=2.0)

        bench.drive(script)

        assert script.report is not None
        assert [a.outcome.status for a in script.report.attempts] == [503, 200]
        assert [a.seconds for a in script.report.attempts] == [2.0, 2.0]
        assert script.report.end is End.ANSWERED

    def test_a_raised_error_keeps_no_frame_alive(self) -> None:
        """Once the caller drops the error, everything of the call is freed without a collector."""
        bench = Bench()
        gc.disable()
        try:
            script = bench.script(TIMED_OUT, TIMED_OUT, TIMED_OUT)
            gone = weakref.ref(script)
            _drive(bench, script)
            del script

            assert gone() is None
        finally:
            gc.enable()

    def test_a_refusal_keeps_no_frame_alive(self) -> None:
        """An error of ours is freed like one of the host's."""
        bench = Bench()
        bench.open_circuit()
        gc.disable()
        try:
            script = bench.script()
            gone = weakref.ref(script)
            _drive(bench, script)
            del script

            assert gone() is None
        finally:
            gc.enable()


class TestTime:
    """Waits and the deadline."""

    def test_it_sleeps_as_long_as_told_and_sends_then(self) -> None:
        """Nothing is sent before the wait is over."""
        bench = Bench(chance=lambda: 0.0)
        script = bench.script(answer(429, retry_after=20.0), answer(200))

        bench.drive(script)

        assert bench.clock.sleeps == [20.0]
        assert script.sent_at == [START, START + 20.0]

    def test_each_attempt_hears_what_is_left(self) -> None:
        """The time until the deadline shrinks with every attempt and wait."""
        bench = Bench(Policy(call_timeout=60.0), chance=lambda: 0.0)
        script = bench.script(answer(429, retry_after=20.0), answer(200), takes=3.0)

        bench.drive(script)

        assert script.left == [60.0, 37.0]

    def test_a_wait_that_does_not_fit_is_not_slept(self) -> None:
        """The refused response goes back at once when its wait would reach the deadline."""
        bench = Bench(Policy(call_timeout=60.0))
        script = bench.script(answer(429, retry_after=60.0))

        assert bench.drive(script) == "429 #1"
        assert bench.clock.sleeps == []
        assert _end(script) is End.DEADLINE

    def test_a_pause_that_does_not_fit_is_not_slept(self) -> None:
        """A call that would wait past its deadline at the gate is refused at once."""
        bench = Bench(Policy(call_timeout=60.0))
        bench.pause(60.0)
        script = bench.script()

        with pytest.raises(RefusedError):
            bench.drive(script)

        assert bench.clock.sleeps == []
        assert _end(script) is End.PAUSED

    def test_a_call_that_overslept_sends_nothing_more(self) -> None:
        """After the deadline no attempt is begun, and the last response is returned."""
        bench = Bench(Policy(call_timeout=60.0), clock=SleepyClock(over=90.0))
        script = bench.script(answer(503), answer(200))

        assert bench.drive(script) == "503 #1"
        assert _end(script) is End.DEADLINE

    def test_a_call_that_overslept_at_the_gate_sends_nothing(self) -> None:
        """A call whose first turn comes after its deadline is refused."""
        bench = Bench(Policy(call_timeout=60.0), clock=SleepyClock(over=90.0))
        bench.pause(1.0)
        script = bench.script(answer(200))

        with pytest.raises(RefusedError):
            bench.drive(script)

        assert script.sends == 0

    @settings(deadline=None)
    @given(over=st.floats(0.0, 100.0), takes=st.floats(0.0, 50.0))
    def test_no_attempt_is_left_without_time(self, over: float, takes: float) -> None:
        """Whenever something is sent, some time is left for it."""
        bench = Bench(Policy(consecutive_failures=None), clock=SleepyClock(over=over))
        script = bench.script(answer(503), answer(503), answer(503), takes=takes)

        bench.drive(script)

        assert all(left > 0.0 for left in script.left)

    def test_at_the_gate_it_waits_and_asks_again(self) -> None:
        """A call that finds its origin paused is sent when its turn has come."""
        bench = Bench(chance=lambda: 0.0)
        bench.pause(10.0)
        script = bench.script(answer(200))

        assert bench.drive(script) == "200 #1"
        assert bench.clock.sleeps == [10.0]
        assert script.report is not None
        assert script.report.waited == 10.0

    def test_a_pause_that_grew_is_waited_for_as_well(self) -> None:
        """Whoever wakes up at a gate that is closed again waits again."""
        bench = Bench(chance=lambda: 0.0)

        class Eventful(FakeClock):
            def sleep(self, seconds: float) -> bool:
                slept = super().sleep(seconds)
                if len(self.sleeps) == 1:
                    bench.pause(5.0)
                return slept

        bench.clock = Eventful(monotonic=START)
        bench.pause(10.0)
        script = bench.script(answer(200))

        bench.drive(script)

        assert bench.clock.sleeps == [10.0, 5.0]
        assert script.sent_at == [START + 15.0]

    def test_a_stale_connection_costs_no_time(self) -> None:
        """The free resend goes out at the instant of the failure."""
        bench = Bench()
        script = bench.script(STALE, answer(200))

        assert bench.drive(script) == "200 #2"
        assert script.sent_at == [START, START]


class TestEnds:
    """Every reason to end, seen from the caller."""

    @pytest.mark.parametrize(
        ("end", "policy", "request_", "steps", "sends"),
        [
            (End.ANSWERED, Policy(), READ, [answer(200)], 1),
            (End.NOT_REPEATABLE, Policy(), WRITE, [answer(503)], 1),
            (
                End.BODY_NOT_REPLAYABLE,
                Policy(),
                READ._replace(replayable=False),
                [answer(503)],
                1,
            ),
            (End.ATTEMPTS_SPENT, Policy(), READ, [answer(503)] * 3, 3),
            (End.DEADLINE, Policy(), READ, [answer(503, retry_after=99.0)], 1),
            (End.CIRCUIT_OPEN, Policy(consecutive_failures=2), READ, [answer(503)] * 2, 2),
        ],
        ids=lambda value: value.value if isinstance(value, End) else "",
    )
    def test_it_ends_with_the_last_response(
        self,
        end: End,
        policy: Policy,
        request_: CallRequest,
        steps: list[Outcome],
        sends: int,
    ) -> None:
        """Whatever ends a call after a response, the response is returned."""
        bench = Bench(policy)
        script = bench.script(*steps)

        response = bench.drive(script, request_)

        assert response == f"{steps[-1].status} #{sends}"
        assert _end(script) is end

    def test_it_ends_for_want_of_budget(self) -> None:
        """Without a token the first response is returned, and nobody slept."""
        bench = Bench()
        bench.spend_budget()
        script = bench.script(answer(503))

        assert bench.drive(script) == "503 #1"
        assert _end(script) is End.BUDGET_SPENT
        assert bench.clock.sleeps == []

    def test_it_is_refused_by_the_circuit(self) -> None:
        """While the circuit is open nothing is sent and our error is raised."""
        bench = Bench()
        bench.open_circuit()
        script = bench.script()

        with pytest.raises(RefusedError) as caught:
            bench.drive(script)

        assert caught.value.rejection.end is End.CIRCUIT_OPEN
        assert script.sends == 0

    def test_a_refusal_has_a_report(self) -> None:
        """What became of a call that sent nothing goes with its error."""
        bench = Bench()
        bench.open_circuit()
        script = bench.script()

        with pytest.raises(RefusedError):
            bench.drive(script)

        assert script.report is not None
        assert (script.report.attempts, script.report.end) == ((), End.CIRCUIT_OPEN)

    def test_it_is_interrupted_at_the_gate(self) -> None:
        """A wait that is ended before anything was sent is a refusal."""
        bench = Bench()
        bench.pause(10.0)
        bench.clock.interrupt()
        script = bench.script()

        with pytest.raises(RefusedError) as caught:
            bench.drive(script)

        rejection = caught.value.rejection
        assert (rejection.end, rejection.key) == (End.INTERRUPTED, KEY)
        assert rejection.retry_after is None

    def test_it_is_interrupted_before_a_resend(self) -> None:
        """A wait that is ended after a response returns that response."""
        bench = Bench()
        bench.clock.interrupt()
        script = bench.script(answer(503))

        assert bench.drive(script) == "503 #1"
        assert _end(script) is End.INTERRUPTED

    def test_an_error_is_raised_when_its_wait_is_interrupted(self) -> None:
        """A wait that is ended after an error raises that error."""
        bench = Bench()
        bench.clock.interrupt()
        script = bench.script(TIMED_OUT)

        with pytest.raises(HostError, match="read_timeout #1"):
            bench.drive(script)

    def test_a_circuit_that_opened_during_the_wait_returns_the_response(self) -> None:
        """A refusal after a real response gives that response, not our error."""
        bench = Bench()

        class Eventful(FakeClock):
            def sleep(self, seconds: float) -> bool:
                bench.open_circuit()
                return super().sleep(seconds)

        bench.clock = Eventful(monotonic=START)
        script = bench.script(answer(503))

        assert bench.drive(script) == "503 #1"
        assert _end(script) is End.CIRCUIT_OPEN
        assert script.rejection is None

    def test_a_pause_that_began_during_the_wait_returns_the_response(self) -> None:
        """A gate closed for too long after a real response gives that response."""
        bench = Bench()

        class Eventful(FakeClock):
            def sleep(self, seconds: float) -> bool:
                bench.pause(100.0)
                return super().sleep(seconds)

        bench.clock = Eventful(monotonic=START)
        script = bench.script(answer(503))

        assert bench.drive(script) == "503 #1"
        assert _end(script) is End.PAUSED

    def test_a_refusal_after_an_error_raises_the_error(self) -> None:
        """What the host raised is real, and is raised rather than our refusal."""
        bench = Bench()

        class Eventful(FakeClock):
            def sleep(self, seconds: float) -> bool:
                bench.open_circuit()
                return super().sleep(seconds)

        bench.clock = Eventful(monotonic=START)
        script = bench.script(TIMED_OUT)

        with pytest.raises(HostError, match="read_timeout #1"):
            bench.drive(script)


class TestAbandon:
    """What is no ``Exception``, and what nobody foresaw."""

    @pytest.mark.parametrize(
        "error", [KeyboardInterrupt(), SystemExit(1), GeneratorExit(), RuntimeError("a bug")]
    )
    @pytest.mark.parametrize("watched", [None, 1.0])
    def test_the_permit_is_given_back(self, error: BaseException, watched: float | None) -> None:
        """After an interrupt in the midst of a send every machine stands as it did before."""
        bench = Bench(Policy(slow_call_duration=watched))
        before = bench.snapshot()

        with pytest.raises(type(error)) as caught:
            bench.drive(bench.script(error))

        assert caught.value is error
        assert bench.snapshot() == before

    def test_a_write_that_was_broken_off_is_in_doubt(self) -> None:
        """The exception that passes through carries the note, and the events tell of it."""
        bench, notes = Bench(), Notes()

        with pytest.raises(KeyboardInterrupt) as caught:
            bench.drive(bench.script(KeyboardInterrupt()), request=WRITE, observer=notes)

        assert caught.value.__notes__ == [OUTCOME_UNKNOWN]
        assert [type(event).__name__ for event in notes.events] == [
            "AttemptEnded",
            "OutcomeUnknown",
            "CallEnded",
        ]

    def test_a_read_that_was_broken_off_is_not(self) -> None:
        """An interrupt that leaves nothing in doubt passes as it is."""
        bench = Bench()

        with pytest.raises(KeyboardInterrupt) as caught:
            bench.drive(bench.script(KeyboardInterrupt()), request=READ)

        assert not hasattr(caught.value, "__notes__")

    def test_nothing_is_sent_after_the_deadline_however_slow_an_observer_is(self) -> None:
        """An observer that takes the rest of the call's time ends it, and the permit goes back."""
        bench = Bench(Policy(call_timeout=60.0))
        bench.open_circuit()
        bench.clock.advance(10.0)
        clock = bench.clock

        class Slow:
            def on_event(self, event: Event) -> None:
                clock.advance(60.0)

        script = bench.script(answer(200))

        with pytest.raises(RefusedError):
            bench.drive(script, observer=Slow())

        assert script.sends == 0
        assert script.rejection is not None
        assert script.rejection.end is End.DEADLINE
        assert bench.origin.breaker.snapshot(bench.now).probes == 0

    def test_the_probe_is_given_back(self) -> None:
        """An interrupted probe leaves its place to the next."""
        bench = Bench()
        bench.open_circuit()
        bench.clock.advance(10.0)

        with pytest.raises(KeyboardInterrupt):
            bench.drive(bench.script(KeyboardInterrupt()))

        assert bench.state is State.HALF_OPEN
        assert bench.drive(bench.script(answer(200))) == "200 #1"

    def test_an_interrupt_during_a_wait_leaves_the_counts(self) -> None:
        """What was counted before the wait stays counted, and nothing is out."""
        bench = Bench(Policy(slow_call_duration=1.0))

        class Interrupted(FakeClock):
            def sleep(self, seconds: float) -> bool:
                raise KeyboardInterrupt

        bench.clock = Interrupted(monotonic=START)

        with pytest.raises(KeyboardInterrupt):
            bench.drive(bench.script(answer(503)))

        circuit = bench.origin.breaker.snapshot(bench.now)
        assert (circuit.calls, circuit.failures, circuit.in_flight) == (1, 1, 0)

    def test_an_edge_that_fails_to_set_aside_leaves_nothing_out(self) -> None:
        """A mistake of the edge reaches the caller, and no permit is lost."""
        bench = Bench()
        bench.open_circuit()
        bench.clock.advance(10.0)

        class Clumsy(Script):
            def prepare_resend(self, result: object) -> bool:
                raise RuntimeError("a bug")

        with pytest.raises(RuntimeError, match="a bug"):
            bench.drive(Clumsy([answer(429, retry_after=1.0)], clock=bench.clock))

        assert bench.origin.breaker.snapshot(bench.now).probes == 0

    def test_scopes_are_left_with_the_error(self) -> None:
        """Attempt and call see what passed through them, and hear of no outcome."""
        bench, trace = Bench(), Trace()

        with pytest.raises(KeyboardInterrupt):
            bench.drive(bench.script(KeyboardInterrupt()), tracing=trace)

        assert trace.lines == [
            "begin call",
            "begin attempt 1 after 0 none",
            "end attempt 1 after 0 none with KeyboardInterrupt",
            "end call with KeyboardInterrupt",
        ]


class TestTracing:
    """What the trace is told."""

    def test_every_attempt_is_drawn_inside_its_call(self) -> None:
        """Attempts have number, wait and source; waits lie between them."""
        bench, trace = Bench(), Trace()

        bench.drive(bench.script(answer(503), answer(200)), tracing=trace)

        assert trace.lines == [
            "begin call",
            "begin attempt 1 after 0 none",
            "outcome 503",
            "end attempt 1 after 0 none",
            "begin attempt 2 after 0.25 backoff",
            "outcome 200",
            "end attempt 2 after 0.25 backoff",
            "call answered",
            "end call",
        ]
        assert trace.requests == [READ]

    def test_a_failure_is_told_with_its_error(self) -> None:
        """Attempt and call hear which exception it was, before it is raised."""
        bench, trace = Bench(), Trace()

        with pytest.raises(HostError) as caught:
            bench.drive(bench.script(TIMED_OUT), WRITE, tracing=trace)

        ((report, error),) = trace.ends
        assert "outcome read_timeout read_timeout #1" in trace.lines
        assert trace.lines[-1] == "end call with HostError"
        assert error is caught.value
        assert report.end is End.NOT_REPEATABLE

    def test_a_refusal_is_told_with_its_error(self) -> None:
        """A call that sent nothing has no attempt, and an error of ours."""
        bench, trace = Bench(), Trace()
        bench.open_circuit()

        with pytest.raises(RefusedError) as caught:
            bench.drive(bench.script(), tracing=trace)

        ((report, error),) = trace.ends
        assert trace.lines == ["begin call", "call circuit_open", "end call with RefusedError"]
        assert error is caught.value
        assert report.attempts == ()

    def test_a_refusal_after_a_response_is_no_error(self) -> None:
        """A call that returns a response ends without an exception."""
        bench, trace = Bench(), Trace()
        bench.clock.interrupt()

        bench.drive(bench.script(answer(503)), tracing=trace)

        ((report, error),) = trace.ends
        assert (report.end, error) == (End.INTERRUPTED, None)


class TestEvents:
    """What is published, in which order, and when."""

    @pytest.mark.parametrize(
        ("steps", "names"),
        [
            ([answer(200)], ["AttemptEnded", "CallEnded"]),
            (
                [answer(503), answer(200)],
                ["AttemptEnded", "WaitBegan", "AttemptEnded", "CallEnded"],
            ),
            (
                [answer(429, retry_after=1.0), answer(200)],
                ["PauseBegan", "AttemptEnded", "WaitBegan", "AttemptEnded", "CallEnded"],
            ),
            ([TIMED_OUT], ["AttemptEnded", "OutcomeUnknown", "CallEnded"]),
            ([answer(503)], ["AttemptEnded", "OutcomeUnknown", "CallEnded"]),
        ],
        ids=["success", "resend", "pause", "timeout of a write", "503 of a write"],
    )
    def test_events_come_in_the_order_of_what_happened(
        self, steps: list[Outcome], names: list[str]
    ) -> None:
        """Each call ends with ``CallEnded``, and each attempt stands before its wait."""
        bench = Bench()
        request = WRITE if len(steps) == 1 else READ

        _drive(bench, bench.script(*steps), request)

        assert bench.observer.names() == names

    def test_a_circuit_s_moves_are_published_as_they_happen(self) -> None:
        """Open, half-open and closed again are told in the calls that caused them."""
        bench = Bench(Policy(consecutive_failures=1, successes_to_close=1))
        _drive(bench, bench.script(answer(503)))
        _drive(bench, bench.script())
        bench.clock.advance(10.0)
        _drive(bench, bench.script(answer(200)))

        assert bench.observer.names() == [
            "CircuitMoved",
            "AttemptEnded",
            "CallEnded",
            "CallRefused",
            "CallEnded",
            "CircuitMoved",
            "AttemptEnded",
            "CircuitMoved",
            "CallEnded",
        ] or bench.observer.names() == [
            "CircuitMoved",
            "AttemptEnded",
            "CallEnded",
            "CallRefused",
            "CallEnded",
            "CircuitMoved",
            "CircuitMoved",
            "AttemptEnded",
            "CallEnded",
        ]

    def test_a_wait_is_told_before_it_is_slept(self) -> None:
        """Whoever watches sees a wait when it begins."""
        bench = Bench()
        slept_at: list[list[str]] = []

        class Watched(FakeClock):
            def sleep(self, seconds: float) -> bool:
                slept_at.append(bench.observer.names())
                return super().sleep(seconds)

        bench.clock = Watched(monotonic=START)

        bench.drive(bench.script(answer(503), answer(200)))

        assert slept_at == [["AttemptEnded", "WaitBegan"]]

    def test_the_end_tells_time_and_report(self) -> None:
        """The last event says how long the call took, waits included, and what became of it."""
        bench = Bench()
        script = bench.script(answer(503), answer(200), takes=2.0)

        bench.drive(script)

        ended = bench.observer.events[-1]
        assert isinstance(ended, CallEnded)
        assert ended.request is READ
        assert ended.report is script.report
        assert (ended.seconds, ended.error) == (4.25, None)

    def test_the_end_names_the_error_that_is_raised(self) -> None:
        """The last event says, as ``error.type`` does, by which exception the caller learns."""
        bench = Bench()
        _drive(bench, bench.script(TIMED_OUT), WRITE)
        bench.open_circuit()
        _drive(bench, bench.script())

        ends = [event for event in bench.observer.events if isinstance(event, CallEnded)]
        assert [event.error for event in ends] == [
            f"{HostError.__module__}.HostError",
            f"{RefusedError.__module__}.RefusedError",
        ]
        assert [event.report.end for event in ends] == [End.NOT_REPEATABLE, End.CIRCUIT_OPEN]

    def test_a_refusal_after_a_response_names_no_error(self) -> None:
        """Where a response is returned nothing is raised."""
        bench = Bench()
        bench.clock.interrupt()

        bench.drive(bench.script(answer(503)))

        ended = bench.observer.events[-1]
        assert isinstance(ended, CallEnded)
        assert ended.error is None

    def test_an_unknown_outcome_is_told_before_the_end(self) -> None:
        """A write that ends in doubt says so in an event of its own."""
        bench = Bench()

        _drive(bench, bench.script(answer(503), answer(409)), KEYED_WRITE)

        unknown, ended = bench.observer.events[-2:]
        assert unknown == OutcomeUnknown(KEYED_WRITE, answer(409))
        assert isinstance(ended, CallEnded)
        assert ended.report.possibly_executed

    @pytest.mark.parametrize("mode", [Mode.ENFORCE, Mode.OBSERVE_ONLY])
    @pytest.mark.parametrize("key", CircuitKey)
    def test_no_lock_is_held_while_events_are_published(self, mode: Mode, key: CircuitKey) -> None:
        """An observer may ask every machine for its state, on every event."""
        bench = Bench(
            Policy(
                consecutive_failures=1,
                successes_to_close=1,
                slow_call_duration=1.0,
                breaker_mode=mode,
                circuit_key=key,
            )
        )
        trade = READ._replace(operation=TRADE)
        curious = Curious(bench)
        scripts = [
            bench.script(answer(429, retry_after=1.0), answer(200)),
            bench.script(answer(503), answer(503), answer(503)),
            bench.script(answer(503)),
            bench.script(answer(200)),
            bench.script(TIMED_OUT),
        ]

        for script in scripts:
            try:
                bench.drive(script, trade, observer=curious)
            except (HostError, RefusedError, IndexError):
                bench.clock.advance(10.0)

        assert curious.looks > 10

    def test_an_observer_that_raises_changes_nothing(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        """With a broken observer a call ends as without one, and its failure is logged once."""

        class Broken:
            def on_event(self, event: Event) -> None:
                raise ValueError("oops")

        bench, other = Bench(), Bench()
        notes = Notes()
        steps = (answer(429, retry_after=1.0), answer(503), answer(200))

        response = bench.drive(bench.script(*steps), observer=Observers(Broken(), notes))

        assert response == other.drive(other.script(*steps))
        assert bench.snapshot() == other.snapshot()
        assert notes.events == other.observer.events
        assert [r.levelno for r in caplog.records] == [logging.ERROR]

    def test_a_late_failure_is_published(self) -> None:
        """A body that breaks off in the caller's hands is told, and what it does to the circuit."""
        bench = Bench(Policy(consecutive_failures=1))
        script = bench.script(answer(200))
        bench.drive(script)
        before = len(bench.observer.events)

        assert script.fail_late is not None
        script.fail_late(Failure.BODY)

        assert bench.state is State.OPEN
        assert bench.observer.names()[before:] == ["BodyFailed", "CircuitMoved"]


class TestPipeline:
    """What all calls of one adapter have in common."""

    def test_it_carries_a_call_through(self) -> None:
        """Origin, policy, clock, chance, observer and trace are those it was given."""
        clock, notes, trace = FakeClock(monotonic=START), Notes(), Trace()
        pipeline = Pipeline(
            Policy(max_attempts=2), clock=clock, chance=half, observer=notes, tracing=trace
        )
        script = Script([answer(503), answer(503)], clock=clock)

        response = pipeline.run(READ, script)

        assert response == "503 #2"
        assert clock.sleeps == [0.25]
        assert notes.names()[-1] == "CallEnded"
        assert trace.requests == [READ]
        assert [origin.key for origin in pipeline.circuits.known()] == [KEY]

    def test_calls_to_one_origin_share_its_machines(self) -> None:
        """What one call learnt the next one heeds."""
        clock = FakeClock(monotonic=START)
        pipeline = Pipeline(Policy(consecutive_failures=1), clock=clock, chance=half)
        pipeline.run(READ, Script([answer(503)], clock=clock))

        with pytest.raises(RefusedError):
            pipeline.run(READ, Script([], clock=clock))

        elsewhere = READ._replace(origin="https://other.example.com:443")
        assert pipeline.run(elsewhere, Script([answer(200)], clock=clock)) == "200 #1"

    def test_its_parts_are_the_documented_ones_by_default(self) -> None:
        """Tables, registry and silence stand where nothing else was given."""
        policy = Policy()

        pipeline = Pipeline(policy, clock=FakeClock(), chance=half)

        assert pipeline.circuits.policy is policy
        assert pipeline.catalogue.status(429) is not None
        assert pipeline.operations.rows()
        assert pipeline.run(READ, Script([answer(200)], clock=FakeClock())) == "200 #1"

    def test_pipelines_may_share_a_registry(self) -> None:
        """Two pipelines with the same registry share what they learn."""
        clock = FakeClock(monotonic=START)
        one = Pipeline(Policy(consecutive_failures=1), clock=clock, chance=half)
        other = Pipeline(
            one.policy,
            clock=clock,
            chance=half,
            circuits=one.circuits,
            catalogue=one.catalogue,
            operations=one.operations,
        )
        one.run(READ, Script([answer(503)], clock=clock))

        with pytest.raises(RefusedError):
            other.run(READ, Script([], clock=clock))


steps = st.one_of(
    st.builds(
        answer,
        st.sampled_from([200, 302, 400, 401, 409, 429, 500, 503]),
        retry_after=st.none() | st.floats(0.0, 100.0),
    ),
    st.sampled_from([failure(kind) for kind in Failure]),
)


@settings(deadline=None)
@given(
    script=st.lists(steps, min_size=4, max_size=4),
    takes=st.floats(0.0, 40.0),
    chance=st.floats(0.0, 1.0, exclude_max=True),
    request=st.sampled_from([READ, WRITE, KEYED_WRITE]),
    paused=st.none() | st.floats(0.0, 100.0),
)
def test_whatever_comes_back_the_promises_hold(
    script: list[Outcome],
    takes: float,
    chance: float,
    request: CallRequest,
    paused: float | None,
) -> None:
    """Sends are bounded, never early, never after the deadline; every call ends with one event."""
    bench = Bench(chance=lambda: chance)
    if paused is not None:
        bench.pause(paused)
    edge = bench.script(*script, takes=takes)

    _drive(bench, edge, request)

    attempts = [e.attempt for e in bench.observer.events if isinstance(e, AttemptEnded)]
    assert edge.sends == len(attempts) <= bench.policy.max_attempts + 1
    assert all(at < START + bench.policy.call_timeout for at in edge.sent_at)
    for outcome, sent, sent_again in zip(script, edge.sent_at, edge.sent_at[1:], strict=False):
        assert sent_again >= sent + takes + (outcome.retry_after or 0.0)
        assert request.repeatable or not outcome.may_have_executed
    assert bench.observer.names().count("CallEnded") == 1
    assert bench.observer.names()[-1] == "CallEnded"


def test_the_loop_is_not_recursive() -> None:
    """Ten attempts need no deeper stack than one."""
    bench = Bench(Policy(max_attempts=10, consecutive_failures=None, call_timeout=600.0))
    depths: list[int] = []

    def deep() -> Outcome:
        frame, depth = sys._getframe(), 0
        while frame.f_back is not None:
            frame, depth = frame.f_back, depth + 1
        depths.append(depth)
        return answer(503)

    steps: list[Callable[[], Outcome]] = [deep] * 10

    bench.drive(bench.script(*steps))

    assert len(depths) == 10
    assert len(set(depths)) == 1
