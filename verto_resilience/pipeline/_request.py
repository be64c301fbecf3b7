"""What the machines need to know of a request, told once at the edge."""

from typing import NamedTuple

from verto_resilience.outcome import SAFE_METHODS, Operation, OperationKind


class CallRequest(NamedTuple):
    """A request in words that no client library owns.

    A tuple, as are the other values that every call makes: a frozen dataclass takes five times as
    long to make.

    Attributes:
        method: As sent, case kept.
        url: Absolute; may hold secrets and is left out of the ``repr``.
        origin: Scheme, host and port, such as ``https://api.example.com:443``.
        operation: The known operation it is, or ``None``.
        repeatable: Whether sending it twice is as good as once.
        replayable: Whether its body can be sent again byte for byte.
        verto: Whether its host is one of Verto's.
        host: The ``Host`` header when the caller set one, else ``None``.
        correlation_id: The ``Vfx-Correlation-Id`` that goes with it, or ``None``.
        idempotency_key: The ``Idempotency-Key`` that goes with it, or ``None``.
        refreshable: Whether there is somebody to ask for new credentials after a 401.
        sends_before: Sends that the same request of the user has had already, in earlier calls:
            redirect hops and re-sends with credentials are calls of their own.
    """

    method: str
    url: str
    origin: str
    operation: Operation | None = None
    repeatable: bool = False
    replayable: bool = True
    verto: bool = False
    host: str | None = None
    correlation_id: str | None = None
    idempotency_key: str | None = None
    refreshable: bool = False
    sends_before: int = 0

    def __repr__(self) -> str:
        """Show all but the URL."""
        shown = (f"{name}={value!r}" for name, value in self._asdict().items() if name != "url")
        return f"{type(self).__name__}({', '.join(shown)})"

    @property
    def writes(self) -> bool:
        """Whether it may change something at the server."""
        if self.operation is not None:
            return self.operation.kind is not OperationKind.READ
        return self.method.upper() not in SAFE_METHODS

    @property
    def logs_in(self) -> bool:
        """Whether it is a known login: its 401 is about what was sent, not about a token."""
        operation = self.operation
        return operation is not None and (operation.method, operation.template) in _LOGINS


_LOGINS = frozenset({("POST", "/users/login"), ("POST", "/v2/auth/token")})
