"""Spans and durations of calls and attempts, once the program uses OpenTelemetry."""

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from verto_resilience.pipeline import SILENT_TRACING, CallRequest, CallScope, Policy, Tracing
from verto_resilience.telemetry._mishaps import Mishaps
from verto_resilience.telemetry._presence import is_asked_for, is_loaded

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider


def _never() -> bool:
    return False


class OtelTracing:
    """Draws each attempt as a CLIENT span and each call as an INTERNAL one; measures both.

    Nothing is made while no SDK is installed, except that a trace which is current (a remote
    parent, baggage) is put into the headers of each attempt. An SDK that is installed later is
    noticed at the next call. A program that does not use OpenTelemetry is not made to load it. Safe
    for threads. What fails in here is noted once and never touches a call.

    Args:
        policy: Says when a call gets a span of its own (``call_span``), what to do below another
            instrumentation (``beside``), which query values may be shown (``allowed_query``) and
            who gets trace headers (``propagate_to``).
        known_methods: HTTP methods shown as they are, in place of the standard ones; any other is
            ``_OTHER``. ``None``: the standard ones. What the variable
            ``OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS`` names belongs here.
        hooked_below: Says at each call whether an instrumentation further down calls hooks of the
            program, which would be lost if it were kept from drawing the request. With ``defer`` it
            is left to draw it.
        tracer_provider: ``None``: the global one.
        meter_provider: ``None``: the global one.
        on_sdk: Called when instruments of another SDK than before are found; what counts beside
            these spans may want to know as soon.
    """

    __slots__ = ("_drawing", "_make")

    def __init__(
        self,
        policy: Policy,
        *,
        known_methods: Collection[str] | None = None,
        hooked_below: Callable[[], bool] = _never,
        tracer_provider: "TracerProvider | None" = None,
        meter_provider: "MeterProvider | None" = None,
        on_sdk: Callable[[], object] | None = None,
    ) -> None:
        """Look at no provider yet: an SDK may still come."""

        def make() -> Tracing:
            from verto_resilience.telemetry._drawing import Drawing

            return Drawing(
                policy,
                known_methods=known_methods,
                hooked_below=hooked_below,
                tracer_provider=tracer_provider,
                meter_provider=meter_provider,
                on_sdk=on_sdk,
            )

        self._make = make
        self._drawing: Tracing | None = None
        # Trace headers that may not be told to everyone are taken off, whoever has set them.
        if is_asked_for() or policy.propagate_to is not None:
            self._load()

    def call(self, request: CallRequest) -> CallScope:
        """Give the scope of a call."""
        drawing = self._drawing
        if drawing is None:
            drawing = self._load() if is_loaded() else SILENT_TRACING
        return drawing.call(request)

    def _load(self) -> Tracing:
        drawing: Tracing = SILENT_TRACING
        try:
            drawing = self._make()
        except Exception as error:  # noqa: BLE001 - such as a propagator that is not installed
            Mishaps().note("loading OpenTelemetry", error)
        self._drawing = drawing
        return drawing
