"""What is current in the program's context, for those who would not load OpenTelemetry for it."""

from verto_resilience.telemetry._presence import is_loaded


def is_silent() -> bool:
    """Whether nothing at all may be recorded: an exporter is at work."""
    if not is_loaded():
        return False
    from opentelemetry.context import get_current

    from verto_resilience.telemetry._suppression import is_silenced

    return is_silenced(get_current())


def trace_fields() -> dict[str, str]:
    """Give the ids of the current span as fields of a log record; none where there is no span."""
    if not is_loaded():
        return {}
    from opentelemetry.trace import get_current_span

    context = get_current_span().get_span_context()
    if not context.is_valid:
        return {}
    return {
        "trace_id": f"{context.trace_id:032x}",
        "span_id": f"{context.span_id:016x}",
        "trace_flags": f"{context.trace_flags:02x}",
    }
