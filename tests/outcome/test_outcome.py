from dataclasses import FrozenInstanceError

import pytest

from verto_resilience.outcome import (
    Catalogue,
    Category,
    Failure,
    Health,
    Outcome,
    Resend,
    WaitRule,
    classify_failure,
    classify_response,
)

SENT_PERHAPS = {
    Failure.STALE_CONNECTION,
    Failure.UNKNOWN,
    Failure.READ_TIMEOUT,
    Failure.RESET,
    Failure.MALFORMED_RESPONSE,
    Failure.BODY,
}


@pytest.mark.parametrize("failure", Failure)
def test_what_may_have_been_sent_is_told_from_what_was_not(failure: Failure) -> None:
    """Only failures from the request on may have reached the server."""
    assert failure.nothing_sent is (failure not in SENT_PERHAPS)


@pytest.mark.parametrize("failure", Failure)
def test_a_failure_may_have_executed_the_request_if_it_may_have_been_sent(
    failure: Failure,
) -> None:
    """What the server surely did not see, it surely did not carry out."""
    outcome = classify_failure(failure)

    assert outcome.may_have_executed is (failure in SENT_PERHAPS)


@pytest.mark.parametrize(
    ("status", "may"),
    [
        (200, False),
        (302, False),
        (400, False),
        (409, False),
        (429, False),
        (500, True),
        (502, True),
        (503, True),
        (504, True),
        (999, True),
    ],
)
def test_a_server_error_may_have_executed_the_request(status: int, may: bool) -> None:
    """A 5xx leaves open what happened; every other answer says."""
    outcome = classify_response(Catalogue.documented(), status)

    assert outcome.may_have_executed is may


@pytest.mark.parametrize(
    ("outcome", "cause"),
    [
        (classify_response(Catalogue.documented(), 503), "503"),
        (classify_failure(Failure.READ_TIMEOUT), "read_timeout"),
    ],
)
def test_the_cause_is_the_status_or_the_failure(outcome: Outcome, cause: str) -> None:
    """A label shows in one word what went wrong."""
    assert outcome.cause == cause
    assert type(outcome.cause) is str


def test_a_failure_beside_a_status_is_the_cause() -> None:
    """A body that broke off counts for more than the status that came before it."""
    outcome = Outcome(
        Category.TRANSPORT, Health.BAD, Resend.IF_REPEATABLE, status=200, failure=Failure.BODY
    )

    assert outcome.cause == "body"
    assert outcome.may_have_executed


def test_an_outcome_says_nothing_that_it_was_not_told() -> None:
    """Only category, health and resend must be given."""
    outcome = Outcome(Category.SUCCESS, Health.GOOD, Resend.NEVER)

    assert outcome.wait is WaitRule.NONE
    assert not outcome.documented
    facts = (outcome.status, outcome.failure, outcome.retry_after, outcome.api_error)
    assert facts == (None, None, None, None)


def test_an_outcome_does_not_change() -> None:
    """Outcomes are shared by threads, so nobody can write to one."""
    outcome = Outcome(Category.SUCCESS, Health.GOOD, Resend.NEVER)

    with pytest.raises(FrozenInstanceError):
        outcome.status = 200  # type: ignore[misc]


@pytest.mark.parametrize("words", [Category, Health, Resend, WaitRule, Failure])
def test_words_are_as_telemetry_shows_them(words: type[Category]) -> None:
    """The value of each member is its name in lower case."""
    assert all(word.value == word.name.lower() for word in words)
