"""The reference of everything emitted, rendered from the table of names: ``docs/telemetry.md``."""

from collections.abc import Iterable, Sequence

from verto_resilience.telemetry import _names as names
from verto_resilience.telemetry._metric_rows import METRICS, MetricRow
from verto_resilience.telemetry._redaction import SECRET_KEYS
from verto_resilience.telemetry._span_rows import ATTRIBUTES, EVENTS, LOGS, SPANS, SpanRow

_INTRODUCTION = f"""\
# Telemetry

Everything this library emits. It uses the OpenTelemetry API alone: without an SDK nothing is
recorded, and a trace that is current is still passed on in the headers of each attempt. A program
that does not load OpenTelemetry is not made to; an SDK that comes later is noticed at once.
Names that start with `verto.` are the library's own; all others follow the semantic conventions
(`{names.SCHEMA_URL}`). The instrumentation scope is `{names.SCOPE}`.

This page is rendered from the table of names that the code uses.

Never emitted: bodies, headers, messages of exceptions, status descriptions, `exception` events.
In `url.full` user, password and every query value read `REDACTED`; keys can be allowed by name,
except {", ".join(f"`{key}`" for key in sorted(SECRET_KEYS))}.
"""

_STATUS = """\
The status of a span is Error for a 4xx, a 5xx and an exception, otherwise it is left unset, and so
it is when the caller breaks off (`KeyboardInterrupt` and its like). A call that ends well after
failed attempts is no error. A refused call has no CLIENT span: nothing was sent. A resend has a
link to the send before it. A body that fails while the caller reads it (`stream=True`) is on no
span, for its attempt has ended: it is logged, and the circuit counts it as a failure.
"""

_BESIDE = """\
Below another instrumentation of HTTP requests (its word is a key in the context), `beside` says
what happens. `defer`, the default: each attempt is an INTERNAL span with names under `verto.`, what
became of the call stands on the other's span, and trace headers and the duration metric are the
other's. `nest`: CLIENT spans below the other's, with trace headers of their own, and no second
duration metric. `takeover`: the other is switched off for the session. `silent`: no spans. The
metrics under `verto.` and the logs are there in all four. In a context in which telemetry is
switched off altogether, as exporters do around their own requests, nothing is recorded at all.

The instrumentation of urllib3, which is below, is kept from drawing a request a second time. Only
where it calls hooks of the program, and `beside` is `defer`, it draws and measures each send, below
an attempt as described: what hooks add would be lost otherwise.

Trace headers go to the domains that `propagate_to` names; on requests to any other they are taken
off, also where the program or another instrumentation has set them.
"""

_VARIETY = """\
Labels are of bounded variety: the first 100 servers, 200 operations, 100 API error codes and 500
circuits have values of their own, later ones share `_OTHER` (and port 0).
"""

_LOGGING = """\
Records go to the logger `verto_resilience`. Each has its facts as attributes of the record, named
as above, and `trace_id`, `span_id` and `trace_flags` where a span is current.
"""


def render() -> str:
    """Give the page, as Markdown."""
    parts = [
        _INTRODUCTION,
        "## Spans\n",
        _STATUS,
        _BESIDE,
        *(_span(row) for row in SPANS),
        "## Span events\n",
        _table(
            ("event", "on", "when", "attributes"),
            ((f"`{r.name}`", r.place, r.when, _codes(r.attributes)) for r in EVENTS),
        ),
        "## Attributes\n",
        _table(
            ("attribute", "type", "meaning", "on", "source"),
            ((f"`{r.name}`", r.type, r.meaning, r.when, r.source) for r in ATTRIBUTES),
        ),
        "## Metrics\n",
        _VARIETY,
        *(_metric(row) for row in METRICS),
        "## Logs\n",
        _LOGGING,
        _table(
            (f"`{names.EVENT}`", "level", "when", "attributes"),
            ((f"`{r.name}`", r.place, r.when, _codes(r.attributes)) for r in LOGS),
        ),
    ]
    return "\n".join(parts)


def _span(row: SpanRow) -> str:
    title = row.name.split(",")[0]
    return "\n".join(
        (
            f"### {title}\n",
            f"* name: {row.name}",
            f"* kind: {row.kind}",
            f"* source: {row.source}",
            f"* when: {row.when}",
            f"* given at creation: {_codes(row.at_creation)}",
            f"* added at the end: {_codes(row.at_end)}",
            "",
        )
    )


def _metric(row: MetricRow) -> str:
    lines = [
        f"### {row.name}\n",
        f"{row.meaning}\n",
        f"* instrument: {row.instrument}, unit `{row.unit}`",
        f"* source: {row.source}",
        f"* recorded: {row.when}",
        f"* attributes: {_codes(row.attributes)}",
    ]
    if row.buckets:
        lines.append(f"* bounds: {', '.join(f'{bound:g}' for bound in row.buckets)}")
    return "\n".join([*lines, ""])


def _codes(given: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in given)


def _table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"
