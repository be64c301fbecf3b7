import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verto_resilience.outcome import (
    ApiError,
    Catalogue,
    Category,
    Failure,
    Health,
    Resend,
    StatusEntry,
    WaitRule,
    classify_failure,
    classify_response,
)

CATALOGUE = Catalogue.documented()
REFUSED = ApiError(code=1, message="no such wallet")
DENIED = ApiError(success=False)

FAILURES = {
    Failure.CONNECT: (Health.BAD, Resend.ALWAYS, WaitRule.BACKOFF),
    Failure.CONNECT_TIMEOUT: (Health.BAD, Resend.ALWAYS, WaitRule.BACKOFF),
    Failure.NAME_RESOLUTION: (Health.BAD, Resend.ALWAYS, WaitRule.BACKOFF),
    Failure.PROXY: (Health.BAD, Resend.ALWAYS, WaitRule.BACKOFF),
    Failure.TLS_HANDSHAKE: (Health.BAD, Resend.ALWAYS, WaitRule.BACKOFF),
    Failure.CERTIFICATE: (Health.BAD, Resend.NEVER, WaitRule.NONE),
    Failure.CALLER: (Health.UNKNOWN, Resend.NEVER, WaitRule.NONE),
    Failure.STALE_CONNECTION: (Health.UNKNOWN, Resend.IF_REPEATABLE, WaitRule.BACKOFF),
    Failure.UNKNOWN: (Health.UNKNOWN, Resend.NEVER, WaitRule.NONE),
    Failure.READ_TIMEOUT: (Health.BAD, Resend.IF_REPEATABLE, WaitRule.BACKOFF),
    Failure.RESET: (Health.BAD, Resend.IF_REPEATABLE, WaitRule.BACKOFF),
    Failure.MALFORMED_RESPONSE: (Health.BAD, Resend.IF_REPEATABLE, WaitRule.BACKOFF),
    Failure.BODY: (Health.BAD, Resend.IF_REPEATABLE, WaitRule.BACKOFF),
}


class TestResponse:
    """Answers that arrived."""

    @pytest.mark.parametrize("status", [200, 204, 302, 400, 401, 404, 429, 500, 502, 503])
    def test_a_status_alone_gives_the_constant_of_the_table(self, status: int) -> None:
        """Where nothing but the status counts, no new value is made."""
        assert classify_response(CATALOGUE, status) is CATALOGUE.outcome(status)

    @pytest.mark.parametrize("seconds", [7.5, 1.0, 0.001])
    @pytest.mark.parametrize("status", [429, 500, 502, 503, 504, 700])
    def test_a_wait_that_was_told_goes_with_429_and_5xx(self, status: int, seconds: float) -> None:
        """Seconds asked for by an answer that may be resent are kept, and parts of one."""
        outcome = classify_response(CATALOGUE, status, retry_after=seconds)

        assert outcome.retry_after == seconds
        assert outcome.resend is CATALOGUE.outcome(status).resend

    @pytest.mark.parametrize("seconds", [0.0, -0.0, -5.0, math.nan])
    @pytest.mark.parametrize("status", [429, 500, 503])
    def test_a_wait_of_no_seconds_tells_nothing(self, status: int, seconds: float) -> None:
        """A server that says "now" is treated as one that names no time: the rule rules."""
        outcome = classify_response(CATALOGUE, status, retry_after=seconds)

        assert outcome is CATALOGUE.outcome(status)

    def test_a_wait_of_no_seconds_leaves_the_api_error(self) -> None:
        """What the body said is kept beside a wait that tells nothing."""
        outcome = classify_response(CATALOGUE, 503, retry_after=0.0, api_error=REFUSED)

        assert (outcome.retry_after, outcome.api_error) == (None, REFUSED)

    def test_a_401_may_name_a_wait(self) -> None:
        """It may be sent again, with new credentials, and not before the time it names."""
        assert classify_response(CATALOGUE, 401, retry_after=7.5).retry_after == 7.5

    @pytest.mark.parametrize("status", [200, 301, 400, 403, 404, 409])
    def test_elsewhere_a_wait_is_not_listened_to(self, status: int) -> None:
        """An answer that asks for no resend tells no wait."""
        outcome = classify_response(CATALOGUE, status, retry_after=7.5)

        assert outcome == CATALOGUE.outcome(status)

    @pytest.mark.parametrize("status", [302, 400, 401, 404, 409, 429, 500, 503])
    def test_an_api_error_is_kept_beside_the_status(self, status: int) -> None:
        """What the body said goes with the outcome and changes nothing else of it."""
        outcome = classify_response(CATALOGUE, status, api_error=REFUSED)

        assert outcome.api_error is REFUSED
        assert outcome.category is CATALOGUE.outcome(status).category
        assert outcome.health is CATALOGUE.outcome(status).health
        assert outcome.resend is CATALOGUE.outcome(status).resend
        assert outcome.retry_after is None

    def test_wait_and_api_error_go_together(self) -> None:
        """A throttling answer may name a time and carry an error body."""
        outcome = classify_response(CATALOGUE, 429, retry_after=3.0, api_error=REFUSED)

        assert (outcome.retry_after, outcome.api_error) == (3.0, REFUSED)

    @pytest.mark.parametrize("status", [200, 201, 202, 204, 206])
    def test_a_2xx_that_denies_success_is_an_api_failure(self, status: int) -> None:
        """``"success": false`` shows as a failure of the API; the origin is well all the same."""
        outcome = classify_response(CATALOGUE, status, api_error=DENIED)

        assert outcome.category is Category.API_FAILURE
        assert outcome.health is Health.GOOD
        assert outcome.resend is Resend.NEVER
        assert outcome.api_error is DENIED
        assert outcome.documented is CATALOGUE.outcome(status).documented

    @pytest.mark.parametrize("success", [None, True])
    def test_a_2xx_that_does_not_deny_success_is_one(self, success: bool | None) -> None:
        """A code in the body of a 2xx makes no failure of it."""
        error = ApiError(code=1, success=success)

        assert classify_response(CATALOGUE, 200, api_error=error) is CATALOGUE.outcome(200)

    def test_a_4xx_that_denies_success_stays_a_client_error(self) -> None:
        """The status of a refusal rules, whatever its body says of success."""
        outcome = classify_response(CATALOGUE, 400, api_error=DENIED)

        assert outcome.category is Category.CLIENT_ERROR

    def test_a_row_of_one_s_own_is_listened_to(self) -> None:
        """A status that was added with a wait takes the wait that it tells."""
        row = StatusEntry(
            425,
            "Too Early",
            "Ask again.",
            Category.CLIENT_ERROR,
            Health.GOOD,
            Resend.IF_REPEATABLE,
            WaitRule.BACKOFF,
            "caller",
        )
        catalogue = CATALOGUE.extend(statuses=[row])

        outcome = classify_response(catalogue, 425, retry_after=2.0)

        assert outcome.retry_after == 2.0
        assert outcome.resend is Resend.IF_REPEATABLE

    @settings(deadline=None)
    @given(
        status=st.integers(0, 999),
        retry_after=st.none() | st.floats(0.0, 1e9),
        api_error=st.none() | st.builds(ApiError, code=st.none() | st.integers(0, 99)),
    )
    def test_the_two_questions_are_answered_by_the_status_alone(
        self, status: int, retry_after: float | None, api_error: ApiError | None
    ) -> None:
        """Neither a told wait nor a code changes health or resend."""
        plain = CATALOGUE.outcome(status)

        outcome = classify_response(CATALOGUE, status, retry_after=retry_after, api_error=api_error)

        assert (outcome.health, outcome.resend) == (plain.health, plain.resend)


class TestFailure:
    """Attempts that brought no usable response."""

    @pytest.mark.parametrize(("failure", "expected"), FAILURES.items())
    def test_each_failure_has_its_row(
        self, failure: Failure, expected: tuple[Health, Resend, WaitRule]
    ) -> None:
        """Health, resend and wait of a failure are those of the design's table."""
        outcome = classify_failure(failure)

        assert (outcome.health, outcome.resend, outcome.wait) == expected
        assert outcome.category is Category.TRANSPORT
        assert outcome.failure is failure
        assert outcome.status is None
        assert not outcome.documented

    def test_the_table_is_complete(self) -> None:
        """Every failure there is stands in the table above."""
        assert set(FAILURES) == set(Failure)

    @pytest.mark.parametrize("cut_short", [False, True])
    @pytest.mark.parametrize("failure", Failure)
    def test_the_same_failure_gives_the_same_constant(
        self, failure: Failure, cut_short: bool
    ) -> None:
        """A failure costs no new value."""
        first = classify_failure(failure, cut_short=cut_short)

        assert classify_failure(failure, cut_short=cut_short) is first

    @pytest.mark.parametrize("failure", Failure)
    def test_an_attempt_that_was_cut_short_says_nothing_about_the_origin(
        self, failure: Failure
    ) -> None:
        """Whether and when it may be resent is as ever."""
        outcome = classify_failure(failure, cut_short=True)

        assert outcome == replace(classify_failure(failure), health=Health.UNKNOWN)

    @pytest.mark.parametrize("failure", Failure)
    def test_only_what_was_not_sent_is_resent_whatever_it_is(self, failure: Failure) -> None:
        """What a server may have seen is never resent without asking whether it is repeatable."""
        outcome = classify_failure(failure)

        assert not (outcome.resend is Resend.ALWAYS and not failure.nothing_sent)
