"""The two sorts of attempt: an HTTP span of its own, or a span below another one."""

from collections.abc import MutableMapping

from opentelemetry.trace import Span, SpanKind, Tracer

from verto_resilience.telemetry import _names as names
from verto_resilience.telemetry._attempts import AttemptDrawing
from verto_resilience.telemetry._redaction import redact_url
from verto_resilience.telemetry._requested import identify

# Bound once: to find a member takes 3.11 some hundred instructions.
_CLIENT, _INTERNAL = SpanKind.CLIENT, SpanKind.INTERNAL


class HttpAttempt(AttemptDrawing):
    """An attempt as a CLIENT span, with trace headers and ``http.client.request.duration``."""

    __slots__ = ()
    _is_http = True

    def inject(self, headers: MutableMapping[str, str]) -> None:
        """Add the headers that make this span the parent of the server's."""
        call = self._call
        if not call.endpoint.propagates:
            return
        try:
            call.tools.propagation.inject(headers, self._context)
        except Exception as error:  # noqa: BLE001
            call.tools.mishaps.note("adding trace headers", error)

    def _start(self, tracer: Tracer) -> Span:
        call, request = self._call, self._call.request
        attributes = {
            **call.endpoint.http,
            names.URL_FULL: redact_url(request.url, call.tools.allowed_query),
        }
        resends = request.sends_before + self._number - 1
        if resends:
            attributes[names.RESEND_COUNT] = resends
        self._describe_send(attributes)
        identify(attributes, request)
        return tracer.start_span(
            call.endpoint.name,
            context=self._context,
            kind=_CLIENT,
            attributes=attributes,
            links=self._links() if self._number > 1 else None,
            start_time=self._started_at,
            record_exception=False,
            set_status_on_exception=False,
        )

    def _measure(self, seconds: float) -> None:
        call = self._call
        # Below another instrumentation the request is measured already.
        if call.instruments is None or call.is_nested:
            return
        outcome, details = self._outcome, self._details
        instruments = call.instruments
        instruments.http_duration.record(
            seconds,
            instruments.labels.http[
                call.endpoint.key,
                None if outcome is None else outcome.status,
                None if details is None else details.protocol_version,
                self._error_type,
            ],
        )


class InnerAttempt(AttemptDrawing):
    """An attempt below another instrumentation's CLIENT span: INTERNAL, nothing of ``http.*``.

    So nobody loses sight of the attempts, and no service map or latency metric counts twice.
    """

    __slots__ = ()
    _is_http = False

    def inject(self, headers: MutableMapping[str, str]) -> None:
        """Add nothing: the headers of the other are on the request."""

    def _start(self, tracer: Tracer) -> Span:
        call, request = self._call, self._call.request
        attributes = dict(call.endpoint.inner)
        attributes[names.INNER_RESEND_COUNT] = request.sends_before + self._number - 1
        self._describe_send(attributes)
        return tracer.start_span(
            f"{names.ATTEMPT_SPAN} {call.endpoint.name}",
            context=self._context,
            kind=_INTERNAL,
            attributes=attributes,
            links=self._links() if self._number > 1 else None,
            start_time=self._started_at,
            record_exception=False,
            set_status_on_exception=False,
        )

    def _measure(self, seconds: float) -> None:
        """Measure nothing: the other does."""
