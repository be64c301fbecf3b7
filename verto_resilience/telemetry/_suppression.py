"""What others have asked for through the context: silence, or no second HTTP span."""

from enum import StrEnum

from opentelemetry import context as context_api
from opentelemetry.context import Context

# Private names, and the only ones there are: the instrumentations share these very keys
# (open-telemetry/opentelemetry-python-contrib#1116).
SILENCE_KEY: str = getattr(context_api, "_SUPPRESS_INSTRUMENTATION_KEY", "suppress_instrumentation")
HTTP_KEY: str = getattr(
    context_api, "_SUPPRESS_HTTP_INSTRUMENTATION_KEY", "suppress_http_instrumentation"
)
_PLAIN_SILENCE_KEY = "suppress_instrumentation"


class Beside(StrEnum):
    """What to do below an instrumentation that draws the HTTP request already.

    ``DEFER``: attempts are INTERNAL spans without any ``http.*``, the duration metric and the trace
    headers are left to the other. ``NEST``: attempts are CLIENT spans below the other's, with trace
    headers of their own; service maps count the request twice. ``TAKEOVER``: the other is switched
    off for the session when the adapter is mounted; where that cannot be done, as ``DEFER``.
    ``SILENT``: no spans.
    """

    DEFER = "defer"
    NEST = "nest"
    TAKEOVER = "takeover"
    SILENT = "silent"


def is_silenced(context: Context) -> bool:
    """Whether nothing at all may be recorded: an exporter is at work in this context."""
    return bool(context) and bool(context.get(SILENCE_KEY) or context.get(_PLAIN_SILENCE_KEY))
