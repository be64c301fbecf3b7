"""The table of spans, attributes, span events and log records; read by the documentation only."""

from dataclasses import dataclass

from verto_resilience.telemetry import _names as names


@dataclass(frozen=True, slots=True)
class AttributeRow:
    """One attribute: its type, what it says, and when it is there.

    ``source`` names the convention; ``own`` is this library.
    """

    name: str
    type: str
    meaning: str
    when: str
    source: str = "own"


@dataclass(frozen=True, slots=True)
class SpanRow:
    """One sort of span: how it is named, its kind, when there is one, and what it carries."""

    name: str
    kind: str
    when: str
    at_creation: tuple[str, ...]
    at_end: tuple[str, ...]
    source: str = "own"


@dataclass(frozen=True, slots=True)
class EventRow:
    """One span event or log record: its name, level or place, and what it carries."""

    name: str
    place: str
    when: str
    attributes: tuple[str, ...]


_HTTP_SPAN = "semconv 1.44 http client span"
_AT_SERVER = (names.SERVER_ADDRESS, names.SERVER_PORT)

_CLIENT = "CLIENT spans"
_ANY_ATTEMPT = "spans of attempts"

ATTRIBUTES = (
    AttributeRow(names.METHOD, "string", "A known method, else `_OTHER`.", _CLIENT, _HTTP_SPAN),
    AttributeRow(
        names.METHOD_ORIGINAL, "string", "The method as sent.", f"{_CLIENT}, `_OTHER`", _HTTP_SPAN
    ),
    AttributeRow(
        names.RESEND_COUNT,
        "int",
        "Sends of this request before this one, redirects and re-sends with credentials included.",
        f"{_CLIENT}, all but the first",
        _HTTP_SPAN,
    ),
    AttributeRow(
        names.STATUS_CODE,
        "int",
        "Status of the response.",
        f"{_CLIENT}, response arrived",
        _HTTP_SPAN,
    ),
    AttributeRow(
        names.ERROR_TYPE,
        "string",
        "The status as text from 400 on; without a response the fully qualified class of the "
        "exception that the caller sees, bare for builtins. On calls also `api_failure`: a 2xx "
        "whose body denies success. The same on span and metric.",
        "spans whose status is Error, and only those",
        _HTTP_SPAN,
    ),
    AttributeRow(
        names.PROTOCOL_VERSION, "string", "Such as `1.1`.", f"{_CLIENT}, where known", _HTTP_SPAN
    ),
    AttributeRow(
        names.PEER_ADDRESS,
        "string",
        "IP address at the other end of the socket, never a name.",
        f"{_CLIENT}, where known",
        _HTTP_SPAN,
    ),
    AttributeRow(names.PEER_PORT, "int", "Its port.", "with `network.peer.address`", _HTTP_SPAN),
    AttributeRow(
        names.SERVER_ADDRESS,
        "string",
        "Name from the `Host` header where one is set, else from the URL.",
        "all spans",
        _HTTP_SPAN,
    ),
    AttributeRow(
        names.SERVER_PORT, "int", "Its port, on default ports too.", "all spans", _HTTP_SPAN
    ),
    AttributeRow(
        names.URL_FULL,
        "string",
        "The URL; user, password and every query value are `REDACTED`, the fragment is left out.",
        _CLIENT,
        _HTTP_SPAN,
    ),
    AttributeRow(
        names.AMBIGUOUS,
        "boolean",
        "A write may have been executed although it was not seen to succeed.",
        "calls, when true",
    ),
    AttributeRow(
        names.API_CALL_ID,
        "string",
        "`Vfx-Api-Call-Id` of the response: what Support asks for.",
        f"{_ANY_ATTEMPT}, where received",
    ),
    AttributeRow(
        names.API_ERROR_CODE,
        "string",
        "API error code in the body; `_OTHER` after 100 different ones.",
        f"{_ANY_ATTEMPT}, where the body has one",
    ),
    AttributeRow(names.CALL_ATTEMPTS, "int", "Sends of the call.", "calls"),
    AttributeRow(
        names.CALL_END,
        "string",
        "Why it ended: `answered`, `not_repeatable`, `body_not_replayable`, `attempts_spent`, "
        "`deadline`, `budget_spent`, `circuit_open`, `paused`, `interrupted`.",
        "calls, but for cancelled ones",
    ),
    AttributeRow(
        names.CALL_OUTCOME,
        "string",
        "`success`, `failure`, `rejected` (nothing was sent), `cancelled` (the caller broke off).",
        "calls",
    ),
    AttributeRow(
        names.CALL_WAITED, "double, s", "Waits before its sends, in sum.", "calls that waited"
    ),
    AttributeRow(
        names.CATEGORY,
        "string",
        "`success`, `api_failure`, `redirect`, `client_error`, `rate_limited`, `server_error`, "
        "`transport`.",
        "spans of attempts, log of an unknown outcome",
    ),
    AttributeRow(
        names.CIRCUIT_BREAK, "double, s", "How long the circuit stays open.", "log of an opening"
    ),
    AttributeRow(names.CIRCUIT_FROM, "string", "The state it left.", "transitions"),
    AttributeRow(
        names.CIRCUIT_KEY,
        "string",
        "Whose circuit: the origin, or the origin and the operation; `_OTHER` on metrics after "
        "500 different ones.",
        "circuits",
    ),
    AttributeRow(
        names.CIRCUIT_LAST_FAILURE,
        "string",
        "What failed last before it opened: a status or a `verto.failure`.",
        "openings, calls refused by a circuit",
    ),
    AttributeRow(
        names.CIRCUIT_PROBE,
        "boolean",
        "The half-open circuit tries with this send whether its origin is well again.",
        f"{_ANY_ATTEMPT}, when true",
    ),
    AttributeRow(
        names.CIRCUIT_REASON,
        "string",
        "Why it opened: `consecutive_failures`, `failure_rate`, `slow_call_rate`, "
        "`probe_failed`, `manual`.",
        "openings, calls refused by a circuit",
    ),
    AttributeRow(
        names.CIRCUIT_STATE,
        "string",
        "`closed`, `open`, `half_open`; of a transition the new one.",
        "circuits",
    ),
    AttributeRow(
        names.CORRELATION_RECEIVED,
        "string",
        "`Vfx-Correlation-Id` of the response.",
        f"{_ANY_ATTEMPT}, where another than was sent came back",
    ),
    AttributeRow(
        names.CORRELATION_SENT,
        "string",
        "`Vfx-Correlation-Id` of the request.",
        "CLIENT and call spans, where sent",
    ),
    AttributeRow(
        names.DOCUMENTED,
        "boolean",
        "Whether Verto's status page lists the status.",
        f"{_ANY_ATTEMPT}, response arrived",
    ),
    AttributeRow(names.EVENT, "string", "Which record it is.", "logs"),
    AttributeRow(
        names.ELSEWHERE,
        "boolean",
        "Whether another process of the fleet has found it out.",
        "logs; only when true",
    ),
    AttributeRow(
        names.FAILURE,
        "string",
        "Why no usable response came: `connect`, `connect_timeout`, `name_resolution`, `proxy`, "
        "`tls_handshake`, `certificate`, `caller`, `stale_connection`, `read_timeout`, `reset`, "
        "`malformed_response`, `body`.",
        f"{_ANY_ATTEMPT}, no usable response; late bodies",
    ),
    AttributeRow(names.LINK_KIND, "string", "`resend_of`: the send before.", "links of resends"),
    AttributeRow(
        names.OPERATION,
        "string",
        "Path template of a known operation; `_OTHER` on metrics after 200 different ones.",
        "CLIENT and call spans, known operations",
    ),
    AttributeRow(
        names.OPERATION_KIND,
        "string",
        "`read`, `write`, `moves_money`.",
        "with `verto.operation.template`",
    ),
    AttributeRow(
        names.PAUSE_CUT, "boolean", "The server asked for longer than `max_pause`.", "pauses"
    ),
    AttributeRow(
        names.PAUSE_SECONDS, "double, s", "How long the gate is closed.", "log of a pause"
    ),
    AttributeRow(
        names.PAUSE_TOLD, "boolean", "The server named the time; false: the backoff did.", "pauses"
    ),
    AttributeRow(
        names.POSSIBLY_EXECUTED,
        "boolean",
        "The last answer, a refusal, may speak of an earlier send of this call that succeeded.",
        "calls, when true",
    ),
    AttributeRow(
        names.REJECTION_KEY, "string", "Whose verdict it was that nothing is sent.", "refused calls"
    ),
    AttributeRow(
        names.REJECTION_RETRY_AFTER,
        "double, s",
        "After which asking again makes sense.",
        "refused calls, where known",
    ),
    AttributeRow(
        names.INNER_METHOD, "string", "As `http.request.method`.", "INTERNAL spans, logs of calls"
    ),
    AttributeRow(
        names.INNER_RESEND_COUNT,
        "int",
        "As `http.request.resend_count`; 0 on the first send.",
        "INTERNAL spans of attempts",
    ),
    AttributeRow(
        names.RESEND_REASON,
        "string",
        "What the send before brought: a status or a `verto.failure`.",
        f"{_ANY_ATTEMPT}, resends",
    ),
    AttributeRow(
        names.INNER_STATUS_CODE,
        "int",
        "As `http.response.status_code`; on a call that of its last send.",
        "INTERNAL spans, logs",
    ),
    AttributeRow(
        names.RETRY_AFTER,
        "double, s",
        "Time the server asked for, counted from the response.",
        f"{_ANY_ATTEMPT}, where it asked",
    ),
    AttributeRow(
        names.STORE_FAULT,
        "string",
        "What is wrong with the store of the fleet.",
        "logs of the store",
    ),
    AttributeRow(
        names.STORE_IGNORED, "int", "How many of its values were passed over.", "logs of the store"
    ),
    AttributeRow(
        names.STORE_STATE,
        "string",
        "How the process stands with the store of its fleet: `connected`, `lost`, `refused`.",
        "logs and metrics of the store",
    ),
    AttributeRow(
        names.WAIT_SECONDS,
        "double, s",
        "Waited before this send.",
        f"{_ANY_ATTEMPT}, resends and first sends that waited",
    ),
    AttributeRow(
        names.WAIT_SOURCE,
        "string",
        "What set that wait: `retry_after`, `backoff`, `server_error_band`, `pause`, `none`.",
        "with `verto.wait.seconds`",
    ),
)

_ENDING = (
    names.ERROR_TYPE,
    names.CATEGORY,
    names.DOCUMENTED,
    names.FAILURE,
    names.RETRY_AFTER,
    names.API_ERROR_CODE,
    names.API_CALL_ID,
    names.CORRELATION_RECEIVED,
)
_CALL_ENDING = (
    names.CALL_OUTCOME,
    names.CALL_ATTEMPTS,
    names.CALL_END,
    names.CALL_WAITED,
    names.AMBIGUOUS,
    names.POSSIBLY_EXECUTED,
    names.INNER_STATUS_CODE,
    names.REJECTION_KEY,
    names.REJECTION_RETRY_AFTER,
    names.CIRCUIT_REASON,
    names.CIRCUIT_LAST_FAILURE,
)

SPANS = (
    SpanRow(
        "{method}, or `HTTP` for an unknown one",
        "CLIENT",
        "each attempt, from before the first byte is sent until its headers are there (where the "
        "caller streams the body) or its body is read; not below another instrumentation that "
        "draws the request, unless `nest` is chosen",
        (
            names.METHOD,
            names.METHOD_ORIGINAL,
            *_AT_SERVER,
            names.URL_FULL,
            names.RESEND_COUNT,
            names.RESEND_REASON,
            names.WAIT_SECONDS,
            names.WAIT_SOURCE,
            names.CIRCUIT_PROBE,
            names.OPERATION,
            names.OPERATION_KIND,
            names.CORRELATION_SENT,
        ),
        (names.STATUS_CODE, names.PROTOCOL_VERSION, names.PEER_ADDRESS, names.PEER_PORT, *_ENDING),
        _HTTP_SPAN,
    ),
    SpanRow(
        f"`{names.CALL_SPAN}` {{method}}, then the template of a known operation",
        "INTERNAL",
        "each call, waits included: `auto` only where no span is current, `always`, `never`",
        (
            *_AT_SERVER,
            names.INNER_METHOD,
            names.OPERATION,
            names.OPERATION_KIND,
            names.CORRELATION_SENT,
        ),
        (names.ERROR_TYPE, *_CALL_ENDING),
    ),
    SpanRow(
        f"`{names.ATTEMPT_SPAN}` {{method}}",
        "INTERNAL",
        "each attempt below another instrumentation that draws the request, where `defer` (the "
        "default) or `takeover` is chosen, or above one that calls hooks of the program, with "
        "`defer`; nothing of `http.*`, so that nothing counts twice",
        (
            *_AT_SERVER,
            names.INNER_METHOD,
            names.INNER_RESEND_COUNT,
            names.RESEND_REASON,
            names.WAIT_SECONDS,
            names.WAIT_SOURCE,
            names.CIRCUIT_PROBE,
        ),
        (names.INNER_STATUS_CODE, *_ENDING),
    ),
)

EVENTS = (
    EventRow(
        names.CALL_ENDED_EVENT,
        "the span that is current around the call",
        "a call without a span of its own ended in another way than `answered`, or is ambiguous",
        (*_AT_SERVER, *_CALL_ENDING),
    ),
)

_OF_REQUEST = (
    *_AT_SERVER,
    names.INNER_METHOD,
    names.OPERATION,
    names.OPERATION_KIND,
    names.CORRELATION_SENT,
)

LOGS = (
    EventRow(
        names.LOG_TRANSITION,
        "WARNING when it opens, else INFO",
        "a circuit changed its state",
        (
            *_AT_SERVER,
            names.CIRCUIT_KEY,
            names.CIRCUIT_FROM,
            names.CIRCUIT_STATE,
            names.CIRCUIT_REASON,
            names.CIRCUIT_BREAK,
            names.CIRCUIT_LAST_FAILURE,
            names.ELSEWHERE,
        ),
    ),
    EventRow(
        names.LOG_PAUSE,
        "WARNING",
        "an origin asked for quiet",
        (
            *_AT_SERVER,
            names.INNER_STATUS_CODE,
            names.PAUSE_SECONDS,
            names.PAUSE_TOLD,
            names.PAUSE_CUT,
            names.ELSEWHERE,
        ),
    ),
    EventRow(
        names.LOG_REFUSAL,
        "INFO",
        "a send was refused",
        (*_OF_REQUEST, names.CALL_END, names.REJECTION_RETRY_AFTER),
    ),
    EventRow(
        names.LOG_OVERRULED,
        "INFO",
        "a circuit in `observe_only` would have refused a send",
        (*_OF_REQUEST, names.CIRCUIT_STATE),
    ),
    EventRow(names.LOG_BUDGET, "WARNING", "the retry budget forbade a resend", _OF_REQUEST),
    EventRow(
        names.LOG_BODY,
        "WARNING",
        "a body failed while the caller read it (`stream=True`), after its attempt had ended",
        (*_OF_REQUEST, names.FAILURE),
    ),
    EventRow(
        names.LOG_UNKNOWN,
        "ERROR",
        "a write ended without anyone knowing whether it was executed",
        (*_OF_REQUEST, names.CATEGORY, names.INNER_STATUS_CODE, names.FAILURE),
    ),
    EventRow(
        names.LOG_STORE,
        "WARNING when it is lost or refuses, else INFO",
        "the store of the fleet was connected, lost, or began to refuse",
        (names.STORE_STATE, names.STORE_FAULT),
    ),
    EventRow(
        names.LOG_STORE_IGNORED,
        "WARNING",
        "the store of the fleet holds values that somebody else has written",
        (names.STORE_IGNORED,),
    ),
)
