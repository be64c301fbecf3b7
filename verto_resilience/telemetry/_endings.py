"""What the end of an attempt adds to its span."""

from verto_resilience.outcome import Category, Failure, Outcome
from verto_resilience.pipeline import Received
from verto_resilience.telemetry import _names as names
from verto_resilience.telemetry._bounds import OTHER, Bounded, Remembered
from verto_resilience.telemetry._endpoints import Attributes

_KEPT = 2000
_CODES = 100


class Endings:
    """Gives the attributes of an attempt's end, for one sort of span.

    Args:
        http: Whether the span is a CLIENT span; one of this library's own has no ``http.*``.
    """

    __slots__ = ("_codes", "_http", "_shared")

    def __init__(self, *, http: bool) -> None:
        """Start with nothing seen."""
        self._http = http
        self._codes: Bounded[int] = Bounded(_CODES)
        self._shared: Remembered[_Key, Attributes] = Remembered(self._make, limit=_KEPT)

    def of(
        self,
        outcome: Outcome,
        error_type: str | None,
        details: Received | None,
        correlation_id: str | None,
    ) -> Attributes:
        """Say how an attempt ended.

        Args:
            outcome: The attempt, classified.
            error_type: ``error.type``, or ``None`` when it did not fail.
            details: What identifies the answer, or ``None`` when nobody looked.
            correlation_id: What was sent; an answer that repeats it says nothing new.
        """
        version = None if details is None else details.protocol_version
        attributes = dict(
            self._shared[
                outcome.status,
                version,
                error_type,
                outcome.category,
                outcome.documented,
                outcome.failure,
            ]
        )
        if outcome.retry_after is not None:
            attributes[names.RETRY_AFTER] = outcome.retry_after
        if outcome.api_error is not None and outcome.api_error.code is not None:
            code = outcome.api_error.code
            attributes[names.API_ERROR_CODE] = str(code) if self._codes.admits(code) else OTHER
        if details is not None:
            self._identify(attributes, details, correlation_id)
        return attributes

    def _identify(
        self, attributes: Attributes, details: Received, correlation_id: str | None
    ) -> None:
        if details.peer is not None and self._http:
            attributes[names.PEER_ADDRESS], attributes[names.PEER_PORT] = details.peer
        if details.call_id is not None:
            attributes[names.API_CALL_ID] = details.call_id
        if details.correlation_id is not None and details.correlation_id != correlation_id:
            attributes[names.CORRELATION_RECEIVED] = details.correlation_id

    def _make(self, key: "_Key") -> Attributes:
        status, version, error_type, category, is_documented, failure = key
        attributes: Attributes = {names.CATEGORY: category.value}
        if status is not None:
            attributes[names.STATUS_CODE if self._http else names.INNER_STATUS_CODE] = status
            attributes[names.DOCUMENTED] = is_documented
        if version is not None and self._http:
            attributes[names.PROTOCOL_VERSION] = version
        if error_type is not None:
            attributes[names.ERROR_TYPE] = error_type
        if failure is not None:
            attributes[names.FAILURE] = failure.value
        return attributes


_Key = tuple[int | None, str | None, str | None, Category, bool, Failure | None]
