import pytest

from tests.flight.makers import call, flight, sent, waited
from verto_resilience.flight import CallRecord, Moved, Totals
from verto_resilience.flight._record import Verdict
from verto_resilience.flight._summary import (
    clipped,
    lanes,
    length,
    name_of,
    spread,
    summarise,
    trimmed,
    worst_calls,
)
from verto_resilience.machines import State
from verto_resilience.outcome import Category
from verto_resilience.pipeline import End, WaitSource


def test_percentiles_are_by_nearest_rank() -> None:
    """Of 1 to 100 the median is 50, and the others are what their names say."""
    found = spread(float(number) for number in range(100, 0, -1))

    assert found is not None
    assert (found.count, found.median, found.p95, found.p99) == (100, 50.0, 95.0, 99.0)
    assert found.longest == 100.0


def test_nothing_has_no_percentiles() -> None:
    """Without a length there is no spread, rather than one of zeros."""
    assert spread([]) is None


@pytest.mark.parametrize(
    ("record", "verdict"),
    [
        (call(1, sent(0.0)), Verdict.SUCCEEDED),
        (call(1, sent(0.0, cause="404")), Verdict.FAILED),
        (call(1, sent(0.0, cause="504"), ambiguous=True), Verdict.OUTCOME_UNKNOWN),
        (call(1, began=0.0, ended=0.0, end=End.CIRCUIT_OPEN), Verdict.REFUSED),
        (call(1, waited(0.0, 1.0), end=End.CIRCUIT_OPEN), Verdict.REFUSED),
        (CallRecord(1, "GET", "o", None, 0.0, None, ()), Verdict.NOT_ENDED),
    ],
)
def test_each_call_has_one_verdict(record: CallRecord, verdict: Verdict) -> None:
    """What became of a call is one of five words."""
    assert record.verdict is verdict


def test_wait_that_was_cut_short_is_as_long_as_it_was() -> None:
    """A wait ends with the next step, or with its call."""
    record = call(1, sent(0.0), waited(0.1, 5.0), sent(1.1), waited(1.2, 9.0), ended=2.2)

    seconds = [step.seconds for step in clipped(record, 100.0)]

    assert seconds == pytest.approx([0.1, 1.0, 0.1, 1.0])


def test_call_that_has_not_ended_lasts_until_now() -> None:
    """Its wait under way is drawn up to now."""
    record = CallRecord(1, "GET", "o", None, 1.0, None, (waited(1.0, 60.0),))

    assert length(record, 11.0) == 10.0
    assert clipped(record, 11.0) == [waited(1.0, 10.0)]


def test_unknown_operation_is_named_by_its_host() -> None:
    """A template names a call; where there is none, method and host do."""
    assert name_of(call(1, sent(0.0))) == "GET /rates"
    assert name_of(call(1, sent(0.0), operation=None)) == "GET at api.example.com:443"


def test_worst_are_unknown_ones_then_the_longest() -> None:
    """A write to look up comes first however short; a quick success and a refusal never come."""
    calls = [
        call(1, sent(0.0, 10.0)),
        call(2, sent(0.0, 0.01, "504"), ambiguous=True),
        call(3, sent(0.0, 30.0, "503")),
        call(4, sent(0.0, 0.01)),
        call(5, began=0.0, ended=0.0, end=End.PAUSED),
    ]

    assert [record.number for record in worst_calls(calls, 100.0, 9)] == [2, 3, 1]
    assert [record.number for record in worst_calls(calls, 100.0, 1)] == [2]


def test_calls_at_the_same_time_get_rows_of_their_own() -> None:
    """A row is taken until its call is over and the room after it has passed."""
    calls = [call(1, sent(0.0, 5.0)), call(2, sent(1.0, 1.0)), call(3, sent(2.1, 1.0))]

    assert lanes(calls, 10.0, room=0.0, most=9) == [0, 1, 1]
    assert lanes(calls, 10.0, room=0.5, most=9) == [0, 1, 2]
    assert lanes(calls, 10.0, room=0.5, most=2) == [0, 1, 1]


def test_summary_adds_up() -> None:
    """Verdicts, ends, waits and operations agree with the calls they are of."""
    causes = {(Category.SERVER_ERROR, "503"): 1, (Category.SUCCESS, "200"): 2}
    found = summarise(
        flight(
            call(1, sent(0.0, 1.0, "503"), waited(1.0, 2.0), sent(3.0, 1.0)),
            call(2, sent(5.0, 0.5), operation="/wallets"),
            call(3, began=6.0, ended=6.0, end=End.CIRCUIT_OPEN),
            totals=Totals(causes=causes),
        )
    )

    assert found.verdicts == {Verdict.SUCCEEDED: 2, Verdict.REFUSED: 1}
    assert found.ends == {End.ANSWERED: 2, End.CIRCUIT_OPEN: 1}
    assert found.waits == [(WaitSource.BACKOFF, 1, 2.0)]
    assert [cause for _, cause, _ in found.causes] == ["200", "503"]
    assert [(group.name, group.calls, group.attempts) for group in found.groups] == [
        ("GET /rates", 2, 2),
        ("GET /wallets", 1, 1),
    ]
    assert found.calls is not None
    assert found.calls.count == 2
    assert found.attempts is not None
    assert found.attempts.count == 3


def test_quiet_before_and_after_is_trimmed() -> None:
    """An hour of nothing on both sides is not drawn, and the wall time moves along."""
    whole = flight(call(1, sent(3600.0, 10.0)), until=7200.0)

    seen = trimmed(whole)

    assert seen.began == 3600.0
    assert seen.wall == whole.wall + 3600.0
    assert 3610.0 < seen.until < 3612.0


def test_circuit_that_moved_without_a_call_is_drawn() -> None:
    """What is trimmed leaves in every change of a circuit."""
    move = Moved(50.0, "o", State.CLOSED, State.OPEN)

    seen = trimmed(flight(call(1, sent(60.0)), moves=(move,)))

    assert seen.began == 50.0
