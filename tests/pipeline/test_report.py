import pytest

from tests.pipeline.makers import TRADE, answer
from verto_resilience.outcome import (
    ApiError,
    Catalogue,
    Failure,
    Operation,
    OperationKind,
    Repeatable,
    classify_failure,
    classify_response,
)
from verto_resilience.pipeline import Attempt, CallReport, End, WaitSource


def _attempt(number: int, status: int, waited: float = 0.0) -> Attempt:
    return Attempt(number, answer(status), 0.25, waited, WaitSource.BACKOFF)


def _report(*attempts: Attempt) -> CallReport:
    return CallReport(attempts, End.ANSWERED, None, ambiguous=False, possibly_executed=False)


def test_the_last_attempt_s_outcome_is_the_call_s() -> None:
    """What came of the last send is what came of the call."""
    report = _report(_attempt(1, 503), _attempt(2, 200))

    assert report.outcome == answer(200)


def test_a_call_that_was_refused_at_once_has_no_outcome() -> None:
    """Where nothing was sent, nothing came of it."""
    assert _report().outcome is None
    assert _report().waited == 0


def test_its_wait_is_that_of_all_its_attempts() -> None:
    """The seconds waited before each send add up."""
    report = _report(_attempt(1, 503, 0.5), _attempt(2, 503, 1.5), _attempt(3, 200, 4.0))

    assert report.waited == 6.0


@pytest.mark.parametrize("end", End)
def test_every_reason_to_end_can_be_told_to_a_person(end: End) -> None:
    """Each reason has a sentence of its own."""
    assert end.sentence
    assert [other for other in End if other.sentence == end.sentence] == [end]


@pytest.mark.parametrize("words", [End, WaitSource])
def test_words_are_as_telemetry_shows_them(words: type[End]) -> None:
    """The value of each member is its name in lower case."""
    assert all(word.value == word.name.lower() for word in words)


class TestText:
    """What a person reads."""

    def test_a_call_is_told_attempt_by_attempt(self) -> None:
        """What came of each send and how long it took, what was waited for, why it ended."""
        coded = classify_response(Catalogue.documented(), 400, api_error=ApiError(code=2))
        report = CallReport(
            (
                _attempt(1, 503),
                Attempt(2, classify_failure(Failure.READ_TIMEOUT), 30.0, 6.25, WaitSource.PAUSE),
                Attempt(3, coded, 0.1234567, 3600.0, WaitSource.RETRY_AFTER),
            ),
            End.ATTEMPTS_SPENT,
            TRADE,
            ambiguous=True,
            possibly_executed=False,
        )

        assert str(report).splitlines() == [
            "POST /fx: 3 attempts, 3606 s waited",
            "  1: 503 in 0.25 s",
            "  2: read_timeout in 30 s, after a wait of 6.25 s (pause)",
            "  3: 400, API error code 2, in 0.123 s, after a wait of 3600 s (retry_after)",
            "  ended: max_attempts is reached",
            "  outcome unknown: the server may have executed it",
        ]

    def test_an_answer_at_once_is_told_in_few_words(self) -> None:
        """Nothing is said of waits where there were none."""
        assert str(_report(_attempt(1, 200))).splitlines() == [
            "1 attempt",
            "  1: 200 in 0.25 s",
            "  ended: the answer asks for no resend",
        ]

    def test_a_wait_that_nothing_set_has_no_source(self) -> None:
        """A resend at once says only that it was one, and a tiny time is none."""
        stale = Attempt(1, classify_failure(Failure.STALE_CONNECTION), 1e-6, 0.0, WaitSource.NONE)
        report = _report(stale, Attempt(2, answer(200), 0.001, 0.0, WaitSource.NONE))

        assert str(report).splitlines()[1:3] == [
            "  1: stale_connection in 0 s",
            "  2: 200 in 0.001 s",
        ]

    def test_a_call_that_was_refused_says_that_nothing_was_sent(self) -> None:
        """One line tells all there is."""
        report = _report()._replace(end=End.CIRCUIT_OPEN)

        assert str(report) == "nothing was sent: the circuit of the origin is open"

    def test_an_answer_about_an_earlier_attempt_says_so(self) -> None:
        """What may have been done already is the more pressing doubt."""
        report = _report(_attempt(1, 409))._replace(ambiguous=True, possibly_executed=True)

        assert str(report).splitlines()[-1] == (
            "  an earlier attempt may have been executed, and the answer be about that"
        )

    @pytest.mark.parametrize("end", End)
    @pytest.mark.parametrize("sent", [True, False])
    def test_no_line_is_longer_than_a_terminal_is_wide(self, end: End, sent: bool) -> None:
        """80 columns hold it, however long a reason or a template is."""
        operation = Operation(
            "POST",
            "/" + "/".join(["a-very-long-part"] * 20),
            kind=OperationKind.WRITE,
            repeatable=Repeatable.NEVER,
            reason="it writes",
        )
        attempts = (
            (Attempt(1, answer(503), 1e9, 1e9, WaitSource.SERVER_ERROR_BAND),) if sent else ()
        )
        report = CallReport(attempts, end, operation, ambiguous=True, possibly_executed=True)

        assert max(len(line) for line in str(report).splitlines()) <= 80
        assert end.sentence in " ".join(str(report).split())

    def test_neither_key_nor_message_is_in_it(self) -> None:
        """What the caller or the server wrote is not repeated."""
        error = ApiError(code=2, message="message-canary")
        outcome = classify_response(Catalogue.documented(), 400, api_error=error)
        report = _report(Attempt(1, outcome, 0.1, 0.0, WaitSource.NONE))._replace(
            correlation_id="id-canary", idempotency_key="key-canary"
        )

        assert "canary" not in str(report)
