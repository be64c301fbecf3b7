from contextlib import suppress

import pytest
from opentelemetry import trace
from opentelemetry.trace import StatusCode

from tests.telemetry.makers import (
    ORIGIN,
    READ,
    WRITE,
    Bench,
    Edge,
    HostError,
    Sdk,
    Step,
    answer,
    failed,
)
from verto_resilience.errors import CircuitOpenError, PausedError
from verto_resilience.outcome import Category, Failure, Health, Outcome, Resend
from verto_resilience.pipeline import Attempt, CallReport, CallSpan, End, Policy, WaitSource
from verto_resilience.telemetry._conclusions import conclude

ONCE = Policy(max_attempts=1)
WRITE_KEYED = WRITE._replace(repeatable=True)


def _pause(bench: Bench, seconds: float) -> None:
    now = bench.clock.monotonic()
    bench.circuits.at(ORIGIN, now).pause.hold(seconds, sent_at=now, now=now)


def _open_circuit(bench: Bench) -> None:
    now = bench.clock.monotonic()
    bench.circuits.at(ORIGIN, now).breaker.open(now)


def test_a_call_is_a_span_around_its_attempts() -> None:
    """The call's span is INTERNAL, the parent of its attempts, and says how it went."""
    bench = Bench()

    bench.run(answer(503), answer(200), request=WRITE_KEYED)

    (call,) = bench.sdk.inner
    assert call.name == "verto.call POST /fx/{id}"
    assert call.parent is None
    assert call.status.status_code is StatusCode.UNSET
    assert dict(call.attributes or {}) == {
        "server.address": "api.example.com",
        "server.port": 443,
        "verto.request.method": "POST",
        "verto.operation.template": "/fx/{id}",
        "verto.operation.kind": "moves_money",
        "verto.correlation_id.sent": "corr-1",
        "verto.call.outcome": "success",
        "verto.call.attempts": 2,
        "verto.call.end": "answered",
        "verto.call.waited": bench.clock.sleeps[0],
        "verto.response.status_code": 200,
    }
    parents = [span.parent.span_id for span in bench.sdk.clients if span.parent]
    assert call.context is not None
    assert parents == [call.context.span_id] * 2


@pytest.mark.parametrize(
    ("call_span", "is_within", "spans"),
    [
        (CallSpan.AUTO, False, 1),
        (CallSpan.AUTO, True, 0),
        (CallSpan.ALWAYS, True, 1),
        (CallSpan.ALWAYS, False, 1),
        (CallSpan.NEVER, True, 0),
        (CallSpan.NEVER, False, 0),
    ],
)
def test_when_a_call_has_a_span(call_span: CallSpan, is_within: bool, spans: int) -> None:
    """``auto`` makes one only where no span is current; the others always and never."""
    sdk = Sdk()
    bench = Bench(sdk=sdk, policy=Policy(call_span=call_span))
    program = sdk.tracers.get_tracer("program")

    if is_within:
        with program.start_as_current_span("around"):
            bench.run(answer(200))
    else:
        bench.run(answer(200))

    calls = [span for span in sdk.inner if span.name.startswith("verto.call")]
    assert len(calls) == spans


def test_a_call_belongs_to_the_span_around_it() -> None:
    """Within a span of the program the attempts are its children, in its trace."""
    bench = Bench()
    program = bench.sdk.tracers.get_tracer("program")

    with program.start_as_current_span("around") as around:
        bench.run(answer(503), answer(200))

    parents = [span.parent for span in bench.sdk.clients]
    assert parents == [around.get_span_context()] * 2


@pytest.mark.parametrize(
    ("step", "outcome", "error_type"),
    [
        (answer(200), "success", None),
        (answer(302), "success", None),
        (answer(404), "failure", "404"),
        (answer(503), "failure", "503"),
        (failed(), "failure", "tests.telemetry.makers.HostError"),
        (ZeroDivisionError(), "failure", "ZeroDivisionError"),
        (KeyboardInterrupt(), "cancelled", None),
        (
            Outcome(Category.API_FAILURE, Health.GOOD, Resend.NEVER, status=200),
            "failure",
            "api_failure",
        ),
    ],
)
def test_how_a_call_ended(step: Step, outcome: str, error_type: str | None) -> None:
    """Span and metric agree on the outcome and on ``error.type``, and failures are errors."""
    bench = Bench(policy=ONCE)

    with suppress(HostError, ZeroDivisionError, KeyboardInterrupt):
        bench.run(step)

    (call,) = bench.sdk.inner
    attributes = dict(call.attributes or {})
    ((labels, count),) = bench.sdk.points("verto.call.duration")
    assert count == 1
    assert attributes["verto.call.outcome"] == labels["verto.call.outcome"] == outcome
    assert attributes.get("error.type") == labels.get("error.type") == error_type
    assert (call.status.status_code is StatusCode.ERROR) == (error_type is not None)
    assert call.status.description is None
    assert not call.events


def test_a_retried_failure_does_not_taint_the_call() -> None:
    """Attempts that failed are errors, the call that got its answer in the end is not."""
    bench = Bench()

    bench.run(answer(503), answer(503), answer(200))

    statuses = [span.status.status_code for span in bench.sdk.spans]
    assert statuses == [StatusCode.ERROR, StatusCode.ERROR, StatusCode.UNSET, StatusCode.UNSET]


@pytest.mark.parametrize(
    ("step", "end"), [(answer(200), "answered"), (answer(503), "attempts_spent")]
)
def test_the_metric_says_why_a_call_ended(step: Step, end: str) -> None:
    """The reason stands beside the outcome."""
    bench = Bench(policy=ONCE)

    bench.run(step)

    ((labels, _),) = bench.sdk.points("verto.call.duration")
    assert labels["verto.call.end"] == end


def test_the_length_of_a_call_is_that_of_its_span() -> None:
    """``verto.call.duration`` is the span's own length."""
    bench = Bench()

    bench.run(answer(503), answer(200))

    (call,) = bench.sdk.inner
    (seconds,) = bench.sdk.sums("verto.call.duration")
    assert call.start_time is not None
    assert call.end_time is not None
    assert seconds == pytest.approx((call.end_time - call.start_time) / 1e9, abs=1e-12)


def test_a_refused_call_has_no_client_span() -> None:
    """With the circuit open nothing is sent: the call's span says why, whose circuit, how long."""
    bench = Bench()
    _open_circuit(bench)

    with pytest.raises(CircuitOpenError):
        bench.run(answer(200))

    (call,) = bench.sdk.spans
    attributes = dict(call.attributes or {})
    assert call.status.status_code is StatusCode.ERROR
    assert attributes["error.type"] == "verto_resilience.CircuitOpenError"
    assert attributes["verto.call.outcome"] == "rejected"
    assert attributes["verto.call.end"] == "circuit_open"
    assert attributes["verto.call.attempts"] == 0
    assert attributes["verto.rejection.key"] == ORIGIN
    assert attributes["verto.circuit_breaker.reason"] == "manual"
    retry_after = attributes["verto.rejection.retry_after"]
    assert isinstance(retry_after, float)
    assert 0 < retry_after < 6
    assert bench.sdk.points("http.client.request.duration") == []


def test_a_rejection_from_below_is_a_failure() -> None:
    """Where something was sent, a rejection raised underneath is the send's error."""
    sent = Attempt(1, failed(Failure.CALLER), 0.1, 0.0, WaitSource.NONE)
    report = CallReport((sent,), End.ANSWERED, None, ambiguous=False, possibly_executed=False)

    conclusion = conclude(report, CircuitOpenError("open", key="below"))

    assert conclusion.outcome == "failure"
    assert conclusion.error_type == "verto_resilience.CircuitOpenError"


def test_a_paused_call_says_so() -> None:
    """A pause that does not fit refuses the call as its span shows."""
    bench = Bench()
    _pause(bench, 299.0)

    with pytest.raises(PausedError):
        bench.run(answer(200))

    (call,) = bench.sdk.spans
    assert (call.attributes or {})["verto.call.end"] == "paused"
    assert (call.attributes or {})["verto.call.outcome"] == "rejected"


def test_an_unknown_outcome_is_marked() -> None:
    """A write that may have been executed is ambiguous on the call's span."""
    bench = Bench()

    with pytest.raises(HostError):
        bench.run(failed(Failure.READ_TIMEOUT), request=WRITE)

    (call,) = bench.sdk.inner
    attributes = dict(call.attributes or {})
    assert attributes["verto.ambiguous"] is True
    assert attributes["verto.call.end"] == "not_repeatable"


def test_a_refusal_after_an_unknown_outcome_is_marked() -> None:
    """A 409 that may speak of the call's own earlier send is possibly executed."""
    bench = Bench()

    bench.run(answer(503), answer(409), request=WRITE_KEYED)

    (call,) = bench.sdk.inner
    assert (call.attributes or {})["verto.possibly_executed"] is True


def test_without_a_span_of_its_own_a_strange_end_is_an_event_around() -> None:
    """A refused call within a span of the program leaves an event there, not attributes."""
    bench = Bench()
    _open_circuit(bench)
    program = bench.sdk.tracers.get_tracer("program")

    with program.start_as_current_span("around"), pytest.raises(CircuitOpenError):
        bench.run(answer(200))

    (around,) = bench.sdk.spans
    (event,) = [event for event in around.events if event.name != "exception"]
    assert event.name == "verto.call.ended"
    assert (
        dict(event.attributes or {}).items()
        >= {
            "server.address": "api.example.com",
            "server.port": 443,
            "verto.call.outcome": "rejected",
            "verto.call.end": "circuit_open",
        }.items()
    )
    assert dict(around.attributes or {}) == {}
    assert around.status.status_code is StatusCode.UNSET


@pytest.mark.parametrize("steps", [[answer(200)], [answer(404)], [answer(503), answer(200)]])
def test_an_ordinary_end_leaves_the_span_around_alone(steps: list[Step]) -> None:
    """What the attempts' own spans say is not said again."""
    bench = Bench()
    program = bench.sdk.tracers.get_tracer("program")

    with program.start_as_current_span("around"):
        bench.run(*steps)

    around = bench.sdk.inner[-1]
    assert around.name == "around"
    assert not around.events
    assert dict(around.attributes or {}) == {}


def test_waits_and_resends_are_measured() -> None:
    """Each resend is counted by its reason, and its wait measured by what set it."""
    bench = Bench()

    bench.run(answer(503, retry_after=2.0), answer(503), answer(200))

    resends = bench.sdk.points("verto.resends")
    delays = {labels["verto.wait.source"] for labels, _ in bench.sdk.points("verto.resend.delay")}
    assert [(labels["verto.resend.reason"], count) for labels, count in resends] == [("503", 2)]
    assert delays == {"retry_after", "backoff"}
    assert sum(bench.sdk.sums("verto.resend.delay")) == pytest.approx(sum(bench.clock.sleeps))
    assert bench.sdk.points("verto.pause.delay") == []


def test_a_wait_at_the_gate_is_measured_apart() -> None:
    """A first send that waited for a pause counts as no resend."""
    bench = Bench()
    _pause(bench, 3.0)

    bench.run(answer(200))

    ((labels, count),) = bench.sdk.points("verto.pause.delay")
    assert (labels, count) == ({"server.address": "api.example.com", "server.port": 443}, 1)
    assert bench.sdk.sums("verto.pause.delay") == [pytest.approx(bench.clock.sleeps[0])]
    assert bench.sdk.points("verto.resends") == []


def test_the_context_is_as_it_was() -> None:
    """After a call the span around is current again, whatever became of the call."""
    bench = Bench(policy=Policy(call_span=CallSpan.ALWAYS, max_attempts=1))
    program = bench.sdk.tracers.get_tracer("program")

    with program.start_as_current_span("around") as around:
        for step in (answer(200), failed(), KeyboardInterrupt()):
            with suppress(HostError, KeyboardInterrupt):
                bench.run(step)
            assert trace.get_current_span() is around


def test_what_the_program_draws_within_a_send_belongs_to_it() -> None:
    """During a send the attempt's span is current."""
    bench = Bench()
    program = bench.sdk.tracers.get_tracer("program")

    def work() -> None:
        program.start_span("within").end()

    bench.pipeline.run(READ, Edge(answer(200), during=work))

    within = next(span for span in bench.sdk.spans if span.name == "within")
    assert within.parent == bench.sdk.clients[0].context
