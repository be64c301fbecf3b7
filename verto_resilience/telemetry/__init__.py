"""Telemetry: spans, metrics and logs of calls and attempts; the only importer of OpenTelemetry.

Needs ``opentelemetry-api`` alone. What is emitted, and when, stands in ``docs/telemetry.md``.
"""

from verto_resilience.telemetry._log import LogObserver
from verto_resilience.telemetry._metrics import OtelMetrics
from verto_resilience.telemetry._tracing import OtelTracing

__all__ = ["LogObserver", "OtelMetrics", "OtelTracing"]
