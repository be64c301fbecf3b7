"""The sets of attributes that metrics are recorded with: made once each, and of bounded variety."""

from verto_resilience.machines import Transition
from verto_resilience.telemetry import _names as names
from verto_resilience.telemetry._bounds import OTHER, Bounded, Remembered
from verto_resilience.telemetry._servers import server_of

LabelSet = dict[str, str | int | bool]

_SERVERS = 100
_OPERATIONS = 200
_CODES = 100
_CIRCUITS = 500
_SETS = 2000


class Labels:
    """Makes sets of attributes and keeps them, for one meter.

    The first 100 servers, 200 operations, 100 API error codes and 500 circuits have values of their
    own; those that come later share ``_OTHER`` (and port 0).
    """

    __slots__ = (
        "_circuits",
        "_codes",
        "_operations",
        "_servers",
        "call",
        "http",
        "server",
    )

    def __init__(self) -> None:
        """Start with nothing seen."""
        self._servers: Bounded[tuple[str, int]] = Bounded(_SERVERS)
        self._operations: Bounded[str] = Bounded(_OPERATIONS)
        self._codes: Bounded[int] = Bounded(_CODES)
        self._circuits: Bounded[str] = Bounded(_CIRCUITS)
        self.server: Remembered[tuple[str, str | None], LabelSet]
        self.server = Remembered(self._make_server, limit=_SETS)
        self.http: Remembered[_HttpKey, LabelSet]
        self.http = Remembered(self._make_http, limit=_SETS)
        self.call: Remembered[_CallKey, LabelSet]
        self.call = Remembered(self._make_call, limit=_SETS)

    def api_error(self, origin: str, host: str | None, status: int | None, code: int) -> LabelSet:
        """Label a response that carried an API error code."""
        labels = {**self.server[origin, host], names.API_ERROR_CODE: self.code(code)}
        if status is not None:
            labels[names.STATUS_CODE] = status
        return labels

    def code(self, code: int) -> str:
        """Give the text of an API error code, or ``_OTHER``."""
        return str(code) if self._codes.admits(code) else OTHER

    def operation(self, template: str) -> str:
        """Give the template of an operation, or ``_OTHER``."""
        return template if self._operations.admits(template) else OTHER

    def circuit(self, origin: str, key: str) -> LabelSet:
        """Label a circuit."""
        named = key if self._circuits.admits(key) else OTHER
        return {**self.server[origin, None], names.CIRCUIT_KEY: named}

    def transition(self, origin: str, key: str, transition: Transition) -> LabelSet:
        """Label a circuit's change of state."""
        labels = self.circuit(origin, key)
        labels[names.CIRCUIT_FROM] = transition.before.value
        labels[names.CIRCUIT_STATE] = transition.after.value
        if transition.reason is not None:
            labels[names.CIRCUIT_REASON] = transition.reason.value
        return labels

    def _make_server(self, key: tuple[str, str | None]) -> LabelSet:
        server = server_of(*key)
        if not self._servers.admits(server):
            return {names.SERVER_ADDRESS: OTHER, names.SERVER_PORT: 0}
        return {names.SERVER_ADDRESS: server.address, names.SERVER_PORT: server.port}

    def _make_http(self, key: "_HttpKey") -> LabelSet:
        (origin, host, method), status, version, error_type = key
        labels = {names.METHOD: method, **self.server[origin, host]}
        if status is not None:
            labels[names.STATUS_CODE] = status
        if version is not None:
            labels[names.PROTOCOL_VERSION] = version
        if error_type is not None:
            labels[names.ERROR_TYPE] = error_type
        return labels

    def _make_call(self, key: "_CallKey") -> LabelSet:
        (origin, host, method), template, outcome, end, error_type = key
        labels = {names.METHOD: method, **self.server[origin, host], names.CALL_OUTCOME: outcome}
        if template is not None:
            labels[names.OPERATION] = self.operation(template)
        if end is not None:
            labels[names.CALL_END] = end
        if error_type is not None:
            labels[names.ERROR_TYPE] = error_type
        return labels


_EndpointKey = tuple[str, str | None, str]
_HttpKey = tuple[_EndpointKey, int | None, str | None, str | None]
_CallKey = tuple[_EndpointKey, str | None, str, str | None, str | None]
