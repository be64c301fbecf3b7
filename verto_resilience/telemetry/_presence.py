"""Whether the program uses OpenTelemetry, found out without loading it."""

import os
import sys

_CHOOSE_A_PROVIDER = ("OTEL_PYTHON_TRACER_PROVIDER", "OTEL_PYTHON_METER_PROVIDER")


def is_loaded() -> bool:
    """Whether anything of it is loaded; until then nobody can record, or have a trace current."""
    return "opentelemetry" in sys.modules


def is_asked_for() -> bool:
    """Whether it is loaded, or the environment names a provider that the API is to load."""
    return is_loaded() or any(os.environ.get(name) for name in _CHOOSE_A_PROVIDER)
