"""Every error this library raises of its own accord.

    ResilienceError
     +-- CallRejectedError         the request was not sent
     |    +-- CircuitOpenError         the origin is failing
     |    +-- PausedError              the origin asked for quiet, and the wait does not fit
     +-- ConfigurationError        (also a ValueError) a setting that cannot be
     +-- LoginError                there is no token to be had

An edge adds its host's own base class, so that ``except`` clauses that exist go on catching: at the
requests edge both rejections are ``requests.exceptions.ConnectionError`` too. What the host library
raises is never wrapped and never swallowed.
"""


class ResilienceError(Exception):
    """Root of this library's errors."""

    # Tracebacks, pickles and error.type name a public class by where users import it from.
    __module__ = "verto_resilience"


class CallRejectedError(ResilienceError):
    """The request was refused here; nothing was sent.

    Attributes:
        key: Whose verdict it was, usually an origin such as ``https://api.example.com:443``.
        retry_after: Seconds after which asking again makes sense; ``None`` when unknown.
    """

    __module__ = "verto_resilience"

    def __init__(
        self, message: str = "", *, key: str = "", retry_after: float | None = None
    ) -> None:
        """Keep the facts; all but the message have defaults, so that the error pickles."""
        super().__init__(message)
        self.key = key
        self.retry_after = retry_after


class CircuitOpenError(CallRejectedError):
    """The circuit of this origin is open, or half-open with its probes already out.

    Attributes:
        reason: Why it opened, one of the :class:`~verto_resilience.TripReason` values.
        last_failure: What failed last before it opened, such as ``"503"`` or ``"read_timeout"``.
    """

    __module__ = "verto_resilience"

    def __init__(
        self,
        message: str = "",
        *,
        key: str = "",
        retry_after: float | None = None,
        reason: str | None = None,
        last_failure: str | None = None,
    ) -> None:
        """Keep the facts; all but the message have defaults, so that the error pickles."""
        super().__init__(message, key=key, retry_after=retry_after)
        self.reason = reason
        self.last_failure = last_failure


class PausedError(CallRejectedError):
    """The origin asked not to be called for longer than this call may last."""

    __module__ = "verto_resilience"


class ConfigurationError(ResilienceError, ValueError):
    """A setting, or a combination of settings, that cannot be; the message lists every fault.

    Attributes:
        problems: One sentence for each fault found.
    """

    __module__ = "verto_resilience"

    def __init__(self, message: str = "", *, problems: tuple[str, ...] = ()) -> None:
        """Keep the list beside the text that a person reads."""
        super().__init__(message)
        self.problems = problems


class LoginError(ResilienceError):
    """A login brought no token; the message says why, and holds no credential.

    Attributes:
        status: What the server answered, or ``None`` when no answer came.
        retry_after: Seconds after which trying again makes sense; ``None`` when unknown.
    """

    __module__ = "verto_resilience"

    def __init__(
        self, message: str = "", *, status: int | None = None, retry_after: float | None = None
    ) -> None:
        """Keep the facts; all but the message have defaults, so that the error pickles."""
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after
