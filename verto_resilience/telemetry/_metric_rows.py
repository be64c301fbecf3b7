"""The table of metrics: name, instrument, unit, meaning, when, attributes, advised bounds."""

from dataclasses import dataclass

from verto_resilience.telemetry import _names as names


@dataclass(frozen=True, slots=True)
class MetricRow:
    """One metric; ``buckets`` are the advisory bounds of a histogram."""

    name: str
    instrument: str
    unit: str
    meaning: str
    when: str
    attributes: tuple[str, ...]
    buckets: tuple[float, ...] = ()
    source: str = "own"


# The bounds the convention prescribes; the SDK's own start at 5.
_HTTP_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
_CALL_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300)
_WAIT_BUCKETS = (0.1, 0.25, 0.5, 1, 2.5, 5, 7.5, 10, 15, 30, 60, 120, 300)

_AT_SERVER = (names.SERVER_ADDRESS, names.SERVER_PORT)

HTTP_DURATION = MetricRow(
    "http.client.request.duration",
    "histogram",
    "s",
    "Duration of HTTP client requests.",
    "each attempt, unless another instrumentation measures the request",
    (names.METHOD, *_AT_SERVER, names.STATUS_CODE, names.ERROR_TYPE, names.PROTOCOL_VERSION),
    _HTTP_BUCKETS,
    "semconv 1.44 http client metrics",
)
CALL_DURATION = MetricRow(
    "verto.call.duration",
    "histogram",
    "s",
    "Duration of calls, their resends and waits included.",
    "each call that ended, refused and cancelled ones included",
    (
        names.METHOD,
        *_AT_SERVER,
        names.CALL_OUTCOME,
        names.CALL_END,
        names.ERROR_TYPE,
        names.OPERATION,
    ),
    _CALL_BUCKETS,
)
RESENDS = MetricRow(
    "verto.resends",
    "counter",
    "{resend}",
    "Requests sent again by this library.",
    "each send after a call's first",
    (*_AT_SERVER, names.RESEND_REASON),
)
RESEND_DELAY = MetricRow(
    "verto.resend.delay",
    "histogram",
    "s",
    "Time waited before a resend.",
    "each send after a call's first",
    (*_AT_SERVER, names.WAIT_SOURCE),
    _WAIT_BUCKETS,
)
PAUSE_DELAY = MetricRow(
    "verto.pause.delay",
    "histogram",
    "s",
    "Time that a call's first send waited for the end of a pause.",
    "each first send that waited",
    _AT_SERVER,
    _WAIT_BUCKETS,
)
PAUSES = MetricRow(
    "verto.pauses",
    "counter",
    "{pause}",
    "Pauses begun or made longer.",
    "each time a 429 or a Retry-After closes an origin's gate",
    (*_AT_SERVER, names.STATUS_CODE, names.PAUSE_TOLD, names.PAUSE_CUT),
)
PAUSE_DURATION = MetricRow(
    "verto.pause.duration",
    "histogram",
    "s",
    "Length of the pauses begun.",
    "as verto.pauses",
    (*_AT_SERVER, names.PAUSE_TOLD),
    _WAIT_BUCKETS,
)
CIRCUIT_STATUS = MetricRow(
    "verto.circuit_breaker.status",
    "observable up-down counter",
    "1",
    "Circuits in this state: 1 in the state a circuit is in, 0 in the others.",
    "at each collection, for each circuit and each state; an open circuit whose break is over "
    "counts as half_open, since the next call will probe it. Several adapters of one process that "
    "do not share a registry add up",
    (*_AT_SERVER, names.CIRCUIT_KEY, names.CIRCUIT_STATE),
)
CIRCUIT_TRANSITIONS = MetricRow(
    "verto.circuit_breaker.transitions",
    "counter",
    "{transition}",
    "Changes of a circuit's state.",
    "each change; a short break between two collections shows only here",
    (*_AT_SERVER, names.CIRCUIT_KEY, names.CIRCUIT_FROM, names.CIRCUIT_STATE, names.CIRCUIT_REASON),
)
CIRCUIT_OVERRULED = MetricRow(
    "verto.circuit_breaker.overruled",
    "counter",
    "{call}",
    "Sends that a circuit in observe_only would have refused.",
    "each of them",
    _AT_SERVER,
)
REJECTIONS = MetricRow(
    "verto.rejections",
    "counter",
    "{call}",
    "Sends refused by an open circuit or a pause.",
    "each refusal; a call refused after its first send still ends with that send's answer",
    (*_AT_SERVER, names.CALL_END),
)
BUDGET_BALANCE = MetricRow(
    "verto.retry_budget.balance",
    "observable up-down counter",
    "{token}",
    "Resends that an origin's retry budget still allows.",
    "at each collection, for each origin",
    _AT_SERVER,
)
BUDGET_REFUSALS = MetricRow(
    "verto.retry_budget.refusals",
    "counter",
    "{resend}",
    "Resends not made because the retry budget was empty.",
    "each of them",
    _AT_SERVER,
)
API_ERRORS = MetricRow(
    "verto.api_errors",
    "counter",
    "{response}",
    "Responses whose body carried an API error code.",
    "each attempt so answered",
    (*_AT_SERVER, names.STATUS_CODE, names.API_ERROR_CODE),
)
UNKNOWN_OUTCOMES = MetricRow(
    "verto.unknown_outcomes",
    "counter",
    "{call}",
    "Writes that ended without anyone knowing whether they were executed.",
    "each of them",
    (*_AT_SERVER, names.OPERATION),
)

STORE_TRANSITIONS = MetricRow(
    "verto.store.transitions",
    "counter",
    "{transition}",
    "Changes of how this process stands with the store of its fleet.",
    "each change; the first connection too",
    (names.STORE_STATE,),
)
STORE_IGNORED = MetricRow(
    "verto.store.ignored_values",
    "counter",
    "{value}",
    "Values in the store of the fleet that were passed over, for somebody else has written them.",
    "each time their number has changed",
    (),
)

METRICS = (
    HTTP_DURATION,
    CALL_DURATION,
    RESENDS,
    RESEND_DELAY,
    PAUSES,
    PAUSE_DURATION,
    PAUSE_DELAY,
    CIRCUIT_STATUS,
    CIRCUIT_TRANSITIONS,
    CIRCUIT_OVERRULED,
    REJECTIONS,
    BUDGET_BALANCE,
    BUDGET_REFUSALS,
    API_ERRORS,
    UNKNOWN_OUTCOMES,
    STORE_TRANSITIONS,
    STORE_IGNORED,
)
