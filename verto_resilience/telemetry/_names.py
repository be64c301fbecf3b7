"""Every name this library emits.

Names that start with ``verto.`` are this library's own. All others are those of the OpenTelemetry
semantic conventions in the version that :data:`SCHEMA_URL` names. What each one means, its type,
its unit, when it is there and where it comes from stands in ``_metric_rows.py`` and
``_span_rows.py``, from which ``docs/telemetry.md`` is rendered.
"""

SCOPE = "verto_resilience"
SCHEMA_URL = "https://opentelemetry.io/schemas/1.44.0"

KNOWN_METHODS = frozenset(
    {
        "CONNECT",
        "DELETE",
        "GET",
        "HEAD",
        "OPTIONS",
        "PATCH",
        "POST",
        "PUT",
        "QUERY",
        "TRACE",
    }
)
"""Methods of RFC 9110, RFC 5789 (PATCH) and RFC 10008 (QUERY)."""

METHOD = "http.request.method"
METHOD_ORIGINAL = "http.request.method_original"
RESEND_COUNT = "http.request.resend_count"
STATUS_CODE = "http.response.status_code"
ERROR_TYPE = "error.type"
PROTOCOL_VERSION = "network.protocol.version"
PEER_ADDRESS = "network.peer.address"
PEER_PORT = "network.peer.port"
SERVER_ADDRESS = "server.address"
SERVER_PORT = "server.port"
URL_FULL = "url.full"

AMBIGUOUS = "verto.ambiguous"
API_CALL_ID = "verto.api_call_id"
API_ERROR_CODE = "verto.api_error.code"
CALL_ATTEMPTS = "verto.call.attempts"
CALL_END = "verto.call.end"
CALL_OUTCOME = "verto.call.outcome"
CALL_WAITED = "verto.call.waited"
CATEGORY = "verto.category"
CIRCUIT_FROM = "verto.circuit_breaker.from"
CIRCUIT_KEY = "verto.circuit_breaker.key"
CIRCUIT_LAST_FAILURE = "verto.circuit_breaker.last_failure"
CIRCUIT_BREAK = "verto.circuit_breaker.break_duration"
CIRCUIT_PROBE = "verto.circuit_breaker.probe"
CIRCUIT_REASON = "verto.circuit_breaker.reason"
CIRCUIT_STATE = "verto.circuit_breaker.state"
CORRELATION_RECEIVED = "verto.correlation_id.received"
CORRELATION_SENT = "verto.correlation_id.sent"
DOCUMENTED = "verto.documented"
EVENT = "verto.event"
ELSEWHERE = "verto.elsewhere"
FAILURE = "verto.failure"
INNER_METHOD = "verto.request.method"
INNER_RESEND_COUNT = "verto.request.resend_count"
INNER_STATUS_CODE = "verto.response.status_code"
LINK_KIND = "verto.link"
OPERATION = "verto.operation.template"
OPERATION_KIND = "verto.operation.kind"
PAUSE_CUT = "verto.pause.cut"
PAUSE_SECONDS = "verto.pause.seconds"
PAUSE_TOLD = "verto.pause.told"
POSSIBLY_EXECUTED = "verto.possibly_executed"
REJECTION_KEY = "verto.rejection.key"
REJECTION_RETRY_AFTER = "verto.rejection.retry_after"
RESEND_REASON = "verto.resend.reason"
RETRY_AFTER = "verto.retry_after"
STORE_FAULT = "verto.store.fault"
STORE_IGNORED = "verto.store.ignored"
STORE_STATE = "verto.store.state"
WAIT_SECONDS = "verto.wait.seconds"
WAIT_SOURCE = "verto.wait.source"

CALL_SPAN = "verto.call"
ATTEMPT_SPAN = "verto.attempt"
CALL_ENDED_EVENT = "verto.call.ended"

LOG_TRANSITION = "circuit_breaker.transition"
LOG_PAUSE = "pause.began"
LOG_REFUSAL = "call.refused"
LOG_OVERRULED = "circuit_breaker.overruled"
LOG_BUDGET = "retry_budget.spent"
LOG_BODY = "body.failed"
LOG_STORE = "store.moved"
LOG_STORE_IGNORED = "store.ignored"
LOG_UNKNOWN = "call.outcome_unknown"
