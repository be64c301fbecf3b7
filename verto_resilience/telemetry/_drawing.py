"""Spans and durations of calls and attempts, through the OpenTelemetry API alone."""

import logging
from collections.abc import Callable, Collection, MutableMapping
from types import TracebackType
from typing import Self

from opentelemetry.context import Context, get_current
from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import TracerProvider

from verto_resilience.outcome import Outcome
from verto_resilience.pipeline import (
    Beside,
    CallReport,
    CallRequest,
    CallScope,
    Policy,
    Received,
    WaitSource,
)
from verto_resilience.telemetry import _names as names
from verto_resilience.telemetry._calls import SILENT, CallDrawing, Tools
from verto_resilience.telemetry._conclusions import Conclusions
from verto_resilience.telemetry._endings import Endings
from verto_resilience.telemetry._endpoints import Endpoints
from verto_resilience.telemetry._mishaps import Mishaps
from verto_resilience.telemetry._propagation import Propagation
from verto_resilience.telemetry._providers import Instruments, Meters, Tracers
from verto_resilience.telemetry._suppression import HTTP_KEY, is_silenced

_log = logging.getLogger("verto_resilience")
# Bound once: to find a member takes 3.11 some hundred instructions.
_DEFER, _NEST, _SILENT = Beside.DEFER, Beside.NEST, Beside.SILENT


class Drawing:
    """What :class:`OtelTracing` is once OpenTelemetry is loaded; takes the same arguments."""

    __slots__ = (
        "_beside",
        "_hooked_below",
        "_meters",
        "_mishaps",
        "_on_sdk",
        "_seen",
        "_told",
        "_tools",
        "_tracers",
    )

    def __init__(
        self,
        policy: Policy,
        *,
        known_methods: Collection[str] | None,
        hooked_below: Callable[[], bool],
        tracer_provider: TracerProvider | None,
        meter_provider: MeterProvider | None,
        on_sdk: Callable[[], object] | None,
    ) -> None:
        """Look at no provider yet: an SDK may still come."""
        propagation = Propagation(policy.propagate_to)
        methods = names.KNOWN_METHODS if known_methods is None else known_methods
        self._beside = policy.beside
        self._hooked_below = hooked_below
        self._mishaps = Mishaps()
        self._tracers = Tracers(tracer_provider, self._mishaps)
        self._meters = Meters(meter_provider, self._mishaps)
        self._on_sdk = on_sdk
        self._seen: Instruments | None = None
        self._told = False
        self._tools = Tools(
            call_span=policy.call_span,
            allowed_query=frozenset(policy.allowed_query),
            endpoints=Endpoints(methods, propagation),
            propagation=propagation,
            http_endings=Endings(http=True),
            inner_endings=Endings(http=False),
            conclusions=Conclusions(),
            mishaps=self._mishaps,
        )

    def call(self, request: CallRequest) -> CallScope:
        """Give the scope of a call."""
        try:
            return self._scope(request)
        except Exception as error:  # noqa: BLE001
            self._mishaps.note("beginning a call", error)
            return SILENT

    def _scope(self, request: CallRequest) -> CallScope:
        context = get_current()
        if is_silenced(context):
            return SILENT
        tracer, instruments = self._tracers.current(), self._meters.current()
        if instruments is not self._seen:
            self._seen = instruments
            if self._on_sdk is not None:
                self._on_sdk()
        if tracer is None and instruments is None:
            return self._unrecorded(request, context)
        is_nested = bool(context) and bool(context.get(HTTP_KEY))
        draws_http = self._draws_http(is_nested=is_nested)
        if not draws_http or is_nested:
            self._tell_of_choice()
        if is_nested and self._beside is _SILENT:
            tracer = None
        return CallDrawing(
            self._tools,
            request,
            context,
            tracer=tracer,
            instruments=instruments,
            is_nested=is_nested,
            draws_http=draws_http,
        )

    def _unrecorded(self, request: CallRequest, context: Context) -> CallScope:
        """Pass on what is current; without anything there is nothing to do."""
        if context and self._draws_http(is_nested=bool(context.get(HTTP_KEY))):
            return Propagating(self._tools, request, context)
        if self._tools.propagation.is_restricted:
            return Propagating(self._tools, request, None)
        return SILENT

    def _draws_http(self, *, is_nested: bool) -> bool:
        if is_nested:
            return self._beside is _NEST
        return self._beside is not _DEFER or not self._hooked_below()

    def _tell_of_choice(self) -> None:
        if self._told:
            return
        self._told = True
        _log.info(
            "another instrumentation draws these requests: attempts are shown the way %r does; "
            "nest, takeover and silent are the other ways",
            self._beside.value,
        )


class Propagating:
    """A call nobody records, in a context that is passed on to the server.

    Args:
        tools: What calls share.
        request: What is asked.
        context: What is passed on; ``None``: others do that.
    """

    __slots__ = ("_context", "_request", "_tools")
    wants_details = False

    def __init__(self, tools: Tools, request: CallRequest, context: Context | None) -> None:
        """Keep what the headers are made of."""
        self._tools = tools
        self._request = request
        self._context = context

    def __enter__(self) -> Self:
        """Begin nothing."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End nothing."""

    def attempt(
        self,
        number: int,  # noqa: ARG002
        waited: float,  # noqa: ARG002
        source: WaitSource,  # noqa: ARG002
        *,
        probe: bool,  # noqa: ARG002
    ) -> Self:
        """Give this scope again: each attempt carries the same context."""
        return self

    def inject(self, headers: MutableMapping[str, str]) -> None:
        """Add the headers that carry the context to the server."""
        if not self._context:
            return
        try:
            if self._tools.endpoints.of(self._request).propagates:
                self._tools.propagation.inject(headers, self._context)
        except Exception as error:  # noqa: BLE001
            self._tools.mishaps.note("adding trace headers", error)

    @property
    def withheld(self) -> Collection[str]:
        """Trace headers where the server may not be told: another may have set them."""
        allowed = self._tools.endpoints.of(self._request).propagates
        return () if allowed else self._tools.trace_headers()

    def ended(self, what: Outcome | CallReport, error: Exception | None) -> None:
        """Hear nothing."""

    def received(self, details: Received) -> None:
        """Note nothing."""
