import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from opentelemetry import trace

from tests.telemetry.makers import ORIGIN, WRITE, Bench, HostError, Sdk, answer, failed
from tests.telemetry.records import kept_records
from verto_resilience.errors import CircuitOpenError
from verto_resilience.machines import Mode, Pausing, State, Transition, Trigger, TripReason
from verto_resilience.outcome import Failure
from verto_resilience.pipeline import (
    BodyFailed,
    CallRefused,
    CallSpan,
    CircuitMoved,
    End,
    PauseBegan,
    Policy,
    StoreFault,
    StoreIgnored,
    StoreMoved,
    StoreState,
)
from verto_resilience.telemetry import LogObserver
from verto_resilience.telemetry import _names as names
from verto_resilience.telemetry._span_rows import LOGS

LATE, FULL = StoreFault.TIMEOUT, StoreFault.FULL
ROWS = {row.name: row for row in LOGS}


@pytest.fixture
def records() -> Iterator[list[logging.LogRecord]]:
    """Give the records written while the test runs."""
    with kept_records() as records:
        yield records


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    return {name: value for name, value in vars(record).items() if "." in name}


def _checked(records: list[logging.LogRecord], event: str) -> tuple[int, str, dict[str, Any]]:
    """Give level, text and fields of the one record of an event, all of which the table knows."""
    (record,) = [r for r in records if vars(r)[names.EVENT] == event]
    fields = _fields(record)
    assert fields.pop(names.EVENT) == event
    assert fields.keys() - set(ROWS[event].attributes) == set()
    return record.levelno, record.getMessage(), fields


def test_a_circuit_that_opens_is_a_warning(records: list[logging.LogRecord]) -> None:
    """The record says whose circuit, for how long, why, and what failed last."""
    bench = Bench(policy=Policy(max_attempts=1, consecutive_failures=1, break_jitter=0.0))

    bench.run(answer(500))

    level, text, fields = _checked(records, "circuit_breaker.transition")
    assert level == logging.WARNING
    assert text == f"circuit {ORIGIN} opened for 5.0 s: consecutive_failures, last failure 500"
    assert fields == {
        "server.address": "api.example.com",
        "server.port": 443,
        "verto.circuit_breaker.key": ORIGIN,
        "verto.circuit_breaker.from": "closed",
        "verto.circuit_breaker.state": "open",
        "verto.circuit_breaker.break_duration": 5.0,
        "verto.circuit_breaker.reason": "consecutive_failures",
        "verto.circuit_breaker.last_failure": "500",
    }


def test_a_circuit_that_recovers_is_information(records: list[logging.LogRecord]) -> None:
    """Half-open and closed are told at INFO."""
    policy = Policy(max_attempts=1, consecutive_failures=1, successes_to_close=1)
    bench = Bench(policy=policy)
    bench.run(answer(500))
    bench.clock.advance(10.0)

    bench.run(answer(200))

    told = [(r.levelno, vars(r)[names.CIRCUIT_STATE]) for r in records]
    assert told == [
        (logging.WARNING, "open"),
        (logging.INFO, "half_open"),
        (logging.INFO, "closed"),
    ]


def test_a_pause_is_a_warning(records: list[logging.LogRecord]) -> None:
    """The record says for how long, and whether the server named the time."""
    bench = Bench(policy=Policy(max_attempts=1, pause_ramp=0.0))

    bench.run(answer(429, retry_after=7.0))

    level, text, fields = _checked(records, "pause.began")
    assert level == logging.WARNING
    assert text == f"{ORIGIN} answered 429: paused 7.0 s as it asked"
    assert fields["verto.response.status_code"] == 429
    assert fields["verto.pause.told"] is True
    assert fields["verto.pause.cut"] is False
    assert fields["verto.pause.seconds"] == pytest.approx(7.0)


def test_a_pause_that_was_cut_is_not_told_as_what_the_server_asked(
    records: list[logging.LogRecord],
) -> None:
    """The record says that the server had asked for more."""
    bench = Bench(policy=Policy(max_attempts=1, max_pause=5.0, pause_ramp=0.0))

    bench.run(answer(429, retry_after=7.0))

    _, text, fields = _checked(records, "pause.began")
    told = "paused 5.0 s, the longest allowed, cut from what it asked"
    assert text == f"{ORIGIN} answered 429: {told}"
    assert fields["verto.pause.cut"] is True


def test_a_refusal_is_information(records: list[logging.LogRecord]) -> None:
    """A refused send names method, template and origin, and when to ask again."""
    bench = Bench(policy=Policy(max_attempts=1, consecutive_failures=1, break_jitter=0.0))
    bench.run(answer(500))

    with pytest.raises(CircuitOpenError):
        bench.run(answer(200), request=WRITE)

    level, text, fields = _checked(records, "call.refused")
    assert level == logging.INFO
    assert text == (
        f"POST /fx/{{id}} to {ORIGIN} not sent: the circuit of the origin is open, again in 5.0 s"
    )
    assert fields["verto.call.end"] == "circuit_open"
    assert fields["verto.rejection.retry_after"] == 5.0
    assert fields["verto.correlation_id.sent"] == "corr-1"


def test_an_overruled_refusal_is_information(records: list[logging.LogRecord]) -> None:
    """What observe_only lets pass is told."""
    policy = Policy(max_attempts=1, consecutive_failures=1, breaker_mode=Mode.OBSERVE_ONLY)
    bench = Bench(policy=policy)
    bench.run(answer(500))

    bench.run(answer(200))

    level, _, fields = _checked(records, "circuit_breaker.overruled")
    assert level == logging.INFO
    assert fields["verto.circuit_breaker.state"] == "open"


def test_a_spent_budget_is_a_warning(records: list[logging.LogRecord]) -> None:
    """A resend the budget forbids is told once."""
    policy = Policy(budget_capacity=1.0, budget_trickle=0.0, budget_deposit=0.0)
    bench = Bench(policy=policy)

    bench.run(answer(500), answer(500))

    level, text, _ = _checked(records, "retry_budget.spent")
    assert level == logging.WARNING
    assert text == f"GET to {ORIGIN} not resent: the retry budget of the origin is empty"


def test_a_body_that_fails_late_is_a_warning(records: list[logging.LogRecord]) -> None:
    """A body that breaks off in the caller's hands is told: its spans have ended."""
    LogObserver().on_event(BodyFailed(WRITE, Failure.RESET))

    level, text, fields = _checked(records, "body.failed")
    assert level == logging.WARNING
    assert text == f"POST /fx/{{id}} to {ORIGIN}: the body failed while it was read: reset"
    assert fields["verto.failure"] == "reset"


def test_an_unknown_outcome_is_an_error(records: list[logging.LogRecord]) -> None:
    """A write that may have been executed is told with all that helps to reconcile it."""
    bench = Bench()

    with pytest.raises(HostError):
        bench.run(failed(), request=WRITE)

    level, text, fields = _checked(records, "call.outcome_unknown")
    assert level == logging.ERROR
    assert "read_timeout: nobody knows whether it was executed" in text
    assert fields == {
        "server.address": "api.example.com",
        "server.port": 443,
        "verto.request.method": "POST",
        "verto.operation.template": "/fx/{id}",
        "verto.operation.kind": "moves_money",
        "verto.correlation_id.sent": "corr-1",
        "verto.category": "transport",
        "verto.failure": "read_timeout",
    }


def test_an_ordinary_call_is_not_logged(records: list[logging.LogRecord]) -> None:
    """Nobody has to act on a call that went well, or on a resend that did."""
    bench = Bench()

    bench.run(answer(200))
    bench.run(answer(503), answer(200))

    assert records == []


@pytest.mark.parametrize("call_span", [CallSpan.AUTO, CallSpan.NEVER])
def test_records_belong_to_the_trace(records: list[logging.LogRecord], call_span: CallSpan) -> None:
    """Where a span is current, the record carries its ids."""
    bench = Bench(policy=Policy(max_attempts=1, consecutive_failures=1, call_span=call_span))

    bench.run(answer(500))

    (record,) = records
    spans = {f"{span.context.span_id:016x}": span for span in bench.sdk.inner if span.context}
    assert vars(record).get("span_id") == next(iter(spans), None)
    assert ("trace_id" in vars(record)) == bool(spans)


@pytest.fixture
def a_factory_that_sets_trace_ids() -> Iterator[None]:
    """Have every record made with trace ids of the program's own."""
    before = logging.getLogRecordFactory()

    def make(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = before(*args, **kwargs)
        record.trace_id = "the program's"
        return record

    logging.setLogRecordFactory(make)
    yield
    logging.setLogRecordFactory(before)


@pytest.mark.usefixtures("a_factory_that_sets_trace_ids")
def test_a_record_factory_of_the_program_goes_first(records: list[logging.LogRecord]) -> None:
    """A program that sets trace ids itself keeps them, and the record is not lost."""
    bench = Bench(policy=Policy(max_attempts=1, consecutive_failures=1))
    program = Sdk().tracers.get_tracer("program")

    with trace.use_span(program.start_span("around"), end_on_exit=True):
        bench.run(answer(500))

    (record,) = records
    assert vars(record)["trace_id"] == "the program's"
    assert vars(record)[names.EVENT] == "circuit_breaker.transition"


def test_a_level_that_is_off_costs_no_record(caplog: pytest.LogCaptureFixture) -> None:
    """Below the logger's level nothing is written."""
    caplog.set_level(logging.ERROR, "verto_resilience")
    bench = Bench(policy=Policy(max_attempts=1, consecutive_failures=1))

    bench.run(answer(500))

    assert caplog.records == []


@pytest.mark.parametrize("level", [logging.INFO, logging.WARNING, logging.ERROR])
def test_a_level_that_is_on_shows_all_of_it(records: list[logging.LogRecord], level: int) -> None:
    """Each kind of event is written from its own level on."""
    _everything()
    shown = [r.getMessage() for r in records if r.levelno >= level]
    records.clear()
    logging.getLogger("verto_resilience").setLevel(level)

    _everything()

    assert [r.getMessage() for r in records] == shown
    assert shown


def _everything() -> None:
    """Bring about an event of each kind that is logged."""
    fragile = Policy(max_attempts=1, consecutive_failures=1, break_jitter=0.0, pause_ramp=0.0)
    watched = replace(fragile, breaker_mode=Mode.OBSERVE_ONLY)
    poor = Policy(budget_capacity=1.0, budget_trickle=0.0, budget_deposit=0.0, backoff_base=0.1)
    refused = Bench(policy=fragile)
    refused.run(answer(500))
    with pytest.raises(CircuitOpenError):
        refused.run(answer(200))
    overruled = Bench(policy=watched)
    overruled.run(answer(500))
    overruled.run(answer(200))
    Bench(policy=fragile).run(answer(429, retry_after=7.0))
    Bench(policy=poor).run(answer(500), answer(500))
    with pytest.raises(HostError):
        Bench().run(failed(), request=WRITE)


def test_a_refusal_that_is_not_shown_is_not_put_into_words() -> None:
    """Refusals are many: below the level nobody looks at what they hold."""
    unreadable: Any = None

    LogObserver().on_event(CallRefused(unreadable, End.CIRCUIT_OPEN, None))


def test_the_library_stays_quiet_by_itself() -> None:
    """Without a handler of the program nothing is printed."""
    handlers = logging.getLogger("verto_resilience").handlers

    assert [type(handler) for handler in handlers] == [logging.NullHandler]


@pytest.mark.parametrize(
    ("event", "level", "text"),
    [
        (
            StoreMoved("redis://one", StoreState.CONNECTED, None),
            logging.INFO,
            "store redis://one is connected",
        ),
        (
            StoreMoved("redis://one", StoreState.CONNECTED, None, is_back=True),
            logging.INFO,
            "store redis://one is connected again",
        ),
        (
            StoreMoved("redis://one", StoreState.LOST, LATE),
            logging.WARNING,
            f"store redis://one is lost: {LATE.sentence}; this process goes by itself",
        ),
        (
            StoreMoved("redis://one", StoreState.REFUSED, FULL),
            logging.WARNING,
            f"store redis://one refuses: {FULL.sentence}; this process goes by itself",
        ),
    ],
)
def test_a_store_is_told_of_with_what_is_wrong(
    records: list[logging.LogRecord], event: StoreMoved, level: int, text: str
) -> None:
    """Lost and refused are warnings, connected is information."""
    LogObserver().on_event(event)

    found = _checked(records, "store.moved")

    assert found[:2] == (level, text)
    assert found[2]["verto.store.state"] == event.after.value
    assert found[2].get("verto.store.fault") == (event.fault and event.fault.value)


@pytest.mark.parametrize(("count", "values"), [(1, "1 value was"), (3, "3 values were")])
def test_values_of_strangers_are_a_warning(
    records: list[logging.LogRecord], count: int, values: str
) -> None:
    """With their number, and without a word of what they are."""
    LogObserver().on_event(StoreIgnored("redis://one", count))

    level, text, fields = _checked(records, "store.ignored")

    assert level == logging.WARNING
    assert text == f"store redis://one: {values} ignored, which somebody else has written"
    assert fields == {"verto.store.ignored": count}


def test_what_was_found_out_elsewhere_is_told_as_such(records: list[logging.LogRecord]) -> None:
    """Nobody looks for the failures in the log of this process."""
    moved = Transition(
        State.CLOSED, State.OPEN, Trigger.OPENED_ELSEWHERE, TripReason.MANUAL, 5.0, 2, None
    )
    closed = Transition(State.OPEN, State.CLOSED, Trigger.CLOSED_ELSEWHERE, None, None, 3, None)
    pausing = Pausing(2.0, told=True, cut=False)
    for event in (
        CircuitMoved(ORIGIN, ORIGIN, moved),
        CircuitMoved(ORIGIN, ORIGIN, closed),
        PauseBegan(ORIGIN, pausing, 429, elsewhere=True),
    ):
        LogObserver().on_event(event)

    assert [record.getMessage() for record in records] == [
        f"circuit {ORIGIN} opened elsewhere for 5.0 s: manual",
        f"circuit {ORIGIN} is closed elsewhere (was open)",
        f"{ORIGIN} answered 429 elsewhere: paused 2.0 s as it asked",
    ]
    assert all(_fields(record)["verto.elsewhere"] is True for record in records)
