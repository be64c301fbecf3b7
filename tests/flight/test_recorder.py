import pickle
import threading

import pytest

from tests.flight.makers import Recorded
from tests.pipeline.makers import KEY, READ, START, WRITE, Bench, answer, failure
from verto_resilience.flight import FlightRecorder, Sent, Waited
from verto_resilience.machines import State
from verto_resilience.outcome import ApiError, Catalogue, Category, Failure, classify_response
from verto_resilience.pipeline import (
    Attempt,
    AttemptEnded,
    CallEnded,
    CallReport,
    CallRequest,
    End,
    Policy,
    WaitSource,
)

CANARY = "canary-7f3a"


def test_call_is_kept_with_its_attempts_and_waits_in_order() -> None:
    """Each attempt and each wait has the instant at which it began, and how long it was."""
    recorded = Recorded()

    recorded.run(answer(429, retry_after=2.0), answer(200), takes=0.25)

    (call,) = recorded.flight.calls
    first, wait, second = call.steps
    assert first == Sent(START, 0.25, Category.RATE_LIMITED, "429")
    assert isinstance(wait, Waited)
    assert (wait.at, wait.source) == (START + 0.25, WaitSource.RETRY_AFTER)
    assert wait.seconds >= 2.0
    assert second == Sent(START + 0.25 + wait.seconds, 0.25, Category.SUCCESS, "200")
    assert (call.began, call.ended) == (START, START + 0.5 + wait.seconds)
    assert (call.end, call.method, call.origin) == (End.ANSWERED, "GET", KEY)


def test_totals_count_every_call() -> None:
    """Calls, attempts, resends, refusals, unknown outcomes and waits add up."""
    recorded = Recorded(Bench(Policy(backoff_base=1.0)))

    recorded.run(answer(503), answer(200))
    recorded.run(answer(200))
    recorded.run(failure(Failure.READ_TIMEOUT), request=WRITE)
    recorded.bench.open_circuit()
    recorded.run()

    totals = recorded.flight.totals
    assert (totals.calls, totals.attempts, totals.resends) == (4, 4, 1)
    assert (totals.refused, totals.unknown) == (1, 1)
    assert totals.waited == sum(recorded.bench.clock.sleeps) > 0.0
    assert totals.causes == {
        (Category.SERVER_ERROR, "503"): 1,
        (Category.SUCCESS, "200"): 2,
        (Category.TRANSPORT, "read_timeout"): 1,
    }


def test_circuit_changes_and_pauses_are_kept() -> None:
    """A circuit that opened and an origin that asked for quiet are told with their reason."""
    recorded = Recorded(Bench(Policy(consecutive_failures=1)))

    recorded.run(answer(503))
    recorded.run(answer(429, retry_after=3.0), request=READ)
    recorded.bench.clock.advance(60.0)
    recorded.run(answer(429, retry_after=300.0))

    flight = recorded.flight
    opened = flight.moves[0]
    assert (opened.key, opened.before, opened.after) == (KEY, State.CLOSED, State.OPEN)
    assert (opened.reason, opened.last_failure) == ("consecutive_failures", "503")
    (pause,) = flight.pauses
    assert (pause.origin, pause.seconds, pause.told, pause.status) == (KEY, 300.0, True, 429)


def test_memory_is_bounded_and_the_rest_is_counted() -> None:
    """Of a thousand calls only the newest are kept, and the totals go on."""
    recorded = Recorded(keep=10)

    for _ in range(1000):
        recorded.run(answer(200))

    flight = recorded.flight
    assert [call.number for call in flight.calls] == list(range(991, 1001))
    assert (flight.totals.calls, flight.calls_left_out) == (1000, 990)


def test_flood_of_plain_calls_drives_out_no_eventful_one() -> None:
    """A call that was resent is still there after any number that succeeded at once."""
    recorded = Recorded(keep=10)
    recorded.run(answer(503), answer(200))

    for _ in range(50):
        recorded.run(answer(200))

    assert recorded.flight.calls[0].number == 1
    assert len(recorded.flight.calls) == 11


def test_moments_are_bounded() -> None:
    """Pauses beyond the bound are counted only."""
    recorded = Recorded(Bench(Policy(max_attempts=1)), keep=3)

    for _ in range(5):
        recorded.run(answer(429, retry_after=1.0))
        recorded.bench.clock.advance(10.0)

    assert len(recorded.flight.pauses) == 3
    assert recorded.flight.moments_left_out == 2


def test_call_that_is_broken_off_ends_interrupted() -> None:
    """What is known of a call that its caller broke off is kept, bounded like the rest."""
    recorded = Recorded(keep=2)
    requests = [READ._replace() for _ in range(3)]

    for request in requests:
        with pytest.raises(KeyboardInterrupt):
            recorded.run(answer(429), KeyboardInterrupt(), request=request)

    calls = recorded.flight.calls
    assert [call.number for call in calls] == [2, 3]
    assert all(call.end is End.INTERRUPTED for call in calls)
    assert recorded.flight.totals.calls == 3


def test_call_that_was_broken_off_leaves_nothing_to_the_next() -> None:
    """A request of the same identity begins with no steps of the one before it."""
    recorded = Recorded()
    with pytest.raises(KeyboardInterrupt):
        recorded.run(answer(429), KeyboardInterrupt())

    recorded.run(answer(200))

    broken, call = recorded.flight.calls
    assert [attempt.cause for attempt in broken.attempts] == ["429", "unknown"]
    assert [attempt.cause for attempt in call.attempts] == ["200"]


def test_nothing_secret_is_kept() -> None:
    """No URL, body, correlation id or exception message is in what is kept, nor in the recorder."""
    recorded = Recorded()
    url = f"{KEY}/{CANARY}?token={CANARY}"
    request = CallRequest("GET", url, KEY, repeatable=True, correlation_id=CANARY, host=CANARY)
    said = classify_response(
        Catalogue.documented(), 400, api_error=ApiError(1, f"message {CANARY}", None)
    )

    recorded.run(said, request=request)
    with pytest.raises(KeyboardInterrupt):
        recorded.run(answer(503), KeyboardInterrupt(), request=request)

    assert CANARY not in repr(recorded.flight)
    assert CANARY not in repr(vars(recorded.recorder))


def test_names_are_cut_to_a_bound() -> None:
    """A method of any length costs no more than 200 letters."""
    recorded = Recorded()

    recorded.run(answer(200), request=CallRequest("M" * 10_000, f"{KEY}/", KEY))

    assert len(recorded.flight.calls[0].method) == 200


def test_many_threads_lose_nothing() -> None:
    """Calls of eight threads are all counted, and each keeps its own steps."""
    recorded = Recorded(keep=1000)

    def work() -> None:
        for _ in range(50):
            bench = Bench(clock=recorded.bench.clock)
            bench.drive(bench.script(answer(404)), observer=recorded.recorder)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10.0)

    flight = recorded.flight
    assert flight.totals.calls == flight.totals.attempts == 400
    assert {len(call.steps) for call in flight.calls} == {1}
    assert sorted(call.number for call in flight.calls) == list(range(1, 401))


def test_one_request_in_two_threads_is_two_calls() -> None:
    """Calls that share a request object do not mix while both go on."""
    recorder = FlightRecorder()
    attempt = AttemptEnded(READ, Attempt(1, answer(404), 0.1, 0.0, WaitSource.NONE))
    ended = CallEnded(READ, CallReport((), End.ANSWERED, None, False, False), 0.1, None)
    other = threading.Thread(target=recorder.on_event, args=(attempt,))

    recorder.on_event(attempt)
    other.start()
    other.join(10.0)
    recorder.on_event(ended)

    first, second = recorder.flight().calls
    assert len(first.steps) == len(second.steps) == 1
    assert {first.ended is None, second.ended is None} == {True, False}


def test_recorder_pickles_as_its_settings() -> None:
    """A copy made by pickling records anew, as much as the first one did."""
    recorder = FlightRecorder(keep=7)

    copy = pickle.loads(pickle.dumps(recorder))  # noqa: S301 - made a line above

    assert copy.flight().calls == ()
    assert vars(copy)["_keep"] == 7


def test_keep_must_be_positive() -> None:
    """A recorder that keeps nothing is a mistake, and is told as one."""
    with pytest.raises(ValueError, match="keep must be 1 or more, not 0"):
        FlightRecorder(keep=0)
