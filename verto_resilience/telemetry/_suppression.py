"""What others have asked for through the context: silence, or no second HTTP span."""

from opentelemetry import context as context_api
from opentelemetry.context import Context

# Private names, and the only ones there are: the instrumentations share these very keys
# (open-telemetry/opentelemetry-python-contrib#1116).
SILENCE_KEY: str = getattr(context_api, "_SUPPRESS_INSTRUMENTATION_KEY", "suppress_instrumentation")
HTTP_KEY: str = getattr(
    context_api, "_SUPPRESS_HTTP_INSTRUMENTATION_KEY", "suppress_http_instrumentation"
)
_PLAIN_SILENCE_KEY = "suppress_instrumentation"


def is_silenced(context: Context) -> bool:
    """Whether nothing at all may be recorded: an exporter is at work in this context."""
    return bool(context) and bool(context.get(SILENCE_KEY) or context.get(_PLAIN_SILENCE_KEY))
