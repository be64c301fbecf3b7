"""The flight report: what happened to each call, as one page for a person without a dashboard."""

from verto_resilience.flight._page import require_plotly
from verto_resilience.flight._record import CallRecord, Flight, Moved, Paused, Sent, Totals, Waited
from verto_resilience.flight._recorder import FlightRecorder

__all__ = [
    "CallRecord",
    "Flight",
    "FlightRecorder",
    "Moved",
    "Paused",
    "Sent",
    "Totals",
    "Waited",
    "require_plotly",
]
