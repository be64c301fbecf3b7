"""What spans of one method and one server have in common: made once, kept for the next request."""

from collections.abc import Collection

from verto_resilience.pipeline import CallRequest
from verto_resilience.telemetry import _names as names
from verto_resilience.telemetry._bounds import OTHER, Remembered
from verto_resilience.telemetry._propagation import Propagation
from verto_resilience.telemetry._servers import server_of

Attributes = dict[str, str | int | float | bool]

_KEPT = 2000


class Endpoint:
    """One method at one server.

    Attributes:
        key: Origin, ``Host`` header and method as metrics show it: what labels are found by.
        method: As metrics show it: a known method, or ``_OTHER``.
        name: The name of a CLIENT span; that of the library's own spans ends with it.
        http: Attributes of a CLIENT span at its creation, all but the URL.
        inner: Attributes of the library's own spans at their creation.
        server: Whom the request is for.
        propagates: Whether the trace may be told to this server.
    """

    __slots__ = ("http", "inner", "key", "method", "name", "propagates", "server")

    def __init__(
        self,
        origin: str,
        host: str | None,
        method: str,
        *,
        is_known: bool,
        propagates: bool,
    ) -> None:
        """Make what does not change from one request to the next."""
        server = server_of(origin, host)
        self.method = method if is_known else OTHER
        self.key = (origin, host, self.method)
        self.name = method if is_known else "HTTP"
        self.propagates = propagates
        self.server: Attributes = {
            names.SERVER_ADDRESS: server.address,
            names.SERVER_PORT: server.port,
        }
        self.inner: Attributes = {**self.server, names.INNER_METHOD: self.method}
        self.http: Attributes = {names.METHOD: self.method, **self.server}
        if not is_known:
            self.http[names.METHOD_ORIGINAL] = method


class Endpoints:
    """Gives the endpoint of a request; bounded.

    Args:
        known_methods: Methods shown as they are, matched with their case.
        propagation: Says who may be told the trace.
    """

    __slots__ = ("_endpoints", "_known_methods", "_propagation")

    def __init__(self, known_methods: Collection[str], propagation: Propagation) -> None:
        """Start with none."""
        self._known_methods = frozenset(known_methods)
        self._propagation = propagation
        self._endpoints = Remembered(self._make, limit=_KEPT)

    def of(self, request: CallRequest) -> Endpoint:
        """Give the endpoint of a request."""
        return self._endpoints[request.origin, request.host, request.method]

    def _make(self, key: tuple[str, str | None, str]) -> Endpoint:
        origin, host, method = key
        return Endpoint(
            origin,
            host,
            method,
            is_known=method in self._known_methods,
            propagates=self._propagation.allows(origin),
        )
