"""The vocabulary: what came of one attempt, in words that no client library owns.

Two questions have two fields and two readers. :class:`Health` says what the attempt tells about
the origin and feeds the circuit breaker. :class:`Resend` says whether the request may be sent once
more and feeds the retry. A 429 may be resent and is no illness; a 400 is neither; a read timeout is
an illness and may be resent only where that cannot execute the request twice.
"""

from dataclasses import dataclass
from enum import StrEnum

from verto_resilience.outcome._api_error import ApiError


class Category(StrEnum):
    """What kind of answer an attempt got."""

    __module__ = "verto_resilience"

    SUCCESS = "success"
    API_FAILURE = "api_failure"
    REDIRECT = "redirect"
    CLIENT_ERROR = "client_error"
    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"
    TRANSPORT = "transport"


class Health(StrEnum):
    """What an attempt says about the origin; ``UNKNOWN`` says nothing and is not counted."""

    __module__ = "verto_resilience"

    GOOD = "good"
    BAD = "bad"
    UNKNOWN = "unknown"


class Resend(StrEnum):
    """Whether the request may be sent again.

    ``AFTER_REFRESH`` is a 401: once, and only when the caller's hook renewed the credentials.
    """

    __module__ = "verto_resilience"

    NEVER = "never"
    AFTER_REFRESH = "after_refresh"
    IF_REPEATABLE = "if_repeatable"
    ALWAYS = "always"


class WaitRule(StrEnum):
    """How long to wait before a resend when the server did not say."""

    NONE = "none"
    BACKOFF = "backoff"
    SERVER_ERROR_BAND = "server_error_band"


class Failure(StrEnum):
    """Why no usable response came; the first group never reached the server as a request."""

    __module__ = "verto_resilience"

    CONNECT = "connect"
    CONNECT_TIMEOUT = "connect_timeout"
    NAME_RESOLUTION = "name_resolution"
    PROXY = "proxy"
    TLS_HANDSHAKE = "tls_handshake"
    CERTIFICATE = "certificate"
    CALLER = "caller"

    STALE_CONNECTION = "stale_connection"
    READ_TIMEOUT = "read_timeout"
    RESET = "reset"
    MALFORMED_RESPONSE = "malformed_response"
    BODY = "body"
    UNKNOWN = "unknown"

    @property
    def nothing_sent(self) -> bool:
        """Whether the server surely saw no request, so that a resend cannot execute it twice."""
        return self in _NOTHING_SENT


_NOTHING_SENT = frozenset(
    {
        Failure.CONNECT,
        Failure.CONNECT_TIMEOUT,
        Failure.NAME_RESOLUTION,
        Failure.PROXY,
        Failure.TLS_HANDSHAKE,
        Failure.CERTIFICATE,
        Failure.CALLER,
    }
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One attempt, classified.

    Attributes:
        category: What kind of answer it was.
        health: What it says about the origin.
        resend: Whether the request may be sent again.
        wait: How to find the wait when ``retry_after`` is ``None``.
        status: The HTTP status, or ``None`` when no response came.
        documented: Whether Verto's status page lists ``status``; ``False`` means that the rule of
            its class was used.
        failure: Why no usable response came, or ``None`` when one did.
        retry_after: Seconds the server asked to wait, counted from receipt, more than 0; ``None``
            when it did not say, or said something that is no time or has passed.
        api_error: Code and message read from the body, where there were any.
    """

    __module__ = "verto_resilience"

    category: Category
    health: Health
    resend: Resend
    wait: WaitRule = WaitRule.NONE
    status: int | None = None
    documented: bool = False
    failure: Failure | None = None
    retry_after: float | None = None
    api_error: ApiError | None = None

    @property
    def cause(self) -> str:
        """The status as text, or the failure: what a log line or a label shows."""
        return str(self.status) if self.failure is None else self.failure.value

    @property
    def may_have_executed(self) -> bool:
        """Whether the server may have carried the request out although this says it failed.

        True for 5xx and for failures after the request may have been sent.
        """
        if self.failure is not None:
            return not self.failure.nothing_sent
        return self.category is Category.SERVER_ERROR
