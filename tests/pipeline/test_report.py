import pytest

from tests.pipeline.makers import answer
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
