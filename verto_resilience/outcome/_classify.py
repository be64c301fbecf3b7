"""From what came back to an :class:`Outcome`; below this line nobody knows a client library."""

from dataclasses import replace

from verto_resilience.outcome._api_error import ApiError
from verto_resilience.outcome._catalogue import Catalogue
from verto_resilience.outcome._outcome import Category, Failure, Health, Outcome, Resend, WaitRule


def classify_response(
    catalogue: Catalogue,
    status: int,
    *,
    retry_after: float | None = None,
    api_error: ApiError | None = None,
) -> Outcome:
    """Classify a response that arrived.

    Args:
        catalogue: The table of statuses and codes.
        status: The HTTP status.
        retry_after: Seconds the server asked to wait; ``None``, and whatever is not more than 0,
            when it named no time. Listened to on 429 and 5xx only: elsewhere (RFC 9110 section
            10.2.3 allows it on 3xx) it delays no resend.
        api_error: What the body said, if anything was read from it.

    Returns:
        A shared constant when only the status counts, else a new value.
    """
    outcome = catalogue.outcome(status)
    # Written so that NaN, which compares false with everything, is no time either.
    if retry_after is not None and not retry_after > 0.0:
        retry_after = None
    if retry_after is None and api_error is None:
        return outcome
    if outcome.category is Category.SUCCESS:
        if api_error is None or api_error.success is not False:
            return outcome
        return replace(outcome, category=Category.API_FAILURE, api_error=api_error)
    if outcome.wait is WaitRule.NONE and outcome.resend is not Resend.AFTER_REFRESH:
        retry_after = None
    return replace(outcome, retry_after=retry_after, api_error=api_error)


def classify_failure(failure: Failure, *, cut_short: bool = False) -> Outcome:
    """Classify an attempt that brought no usable response.

    Args:
        failure: What went wrong.
        cut_short: Whether the attempt ran into its call's deadline before it had the time that an
            attempt usually has: that says nothing about the origin.

    Returns:
        A shared constant.
    """
    return _CUT_SHORT[failure] if cut_short else _FAILURES[failure]


def _transport(failure: Failure, health: Health, resend: Resend) -> Outcome:
    wait = WaitRule.NONE if resend is Resend.NEVER else WaitRule.BACKOFF
    return Outcome(Category.TRANSPORT, health, resend, wait, failure=failure)


def _outcome_of(failure: Failure) -> Outcome:
    match failure:
        case Failure.CALLER:
            return _transport(failure, Health.UNKNOWN, Resend.NEVER)
        case Failure.UNKNOWN:
            # Something of the caller's own failed, with the request on its way.
            return _transport(failure, Health.UNKNOWN, Resend.NEVER)
        case Failure.CERTIFICATE:
            return _transport(failure, Health.BAD, Resend.NEVER)
        case Failure.STALE_CONNECTION:
            # The server closed an idle connection: housekeeping, not illness.
            return _transport(failure, Health.UNKNOWN, Resend.IF_REPEATABLE)
        case (
            Failure.CONNECT
            | Failure.CONNECT_TIMEOUT
            | Failure.NAME_RESOLUTION
            | Failure.PROXY
            | Failure.TLS_HANDSHAKE
        ):
            return _transport(failure, Health.BAD, Resend.ALWAYS)
        case Failure.READ_TIMEOUT | Failure.RESET | Failure.MALFORMED_RESPONSE | Failure.BODY:
            return _transport(failure, Health.BAD, Resend.IF_REPEATABLE)


_FAILURES = {failure: _outcome_of(failure) for failure in Failure}
_CUT_SHORT = {
    failure: replace(outcome, health=Health.UNKNOWN) for failure, outcome in _FAILURES.items()
}
