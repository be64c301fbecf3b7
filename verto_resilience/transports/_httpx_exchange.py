"""One request at the synchronous httpx edge: how it is sent once, kept, refused, returned."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast

import httpx

from verto_resilience.outcome import Failure, Outcome, Resend, classify_failure
from verto_resilience.pipeline import (
    AttemptScope,
    CallReport,
    CallRequest,
    Pipeline,
    Policy,
    Received,
    Rejection,
    Result,
)
from verto_resilience.transports._answers import details_of, outcome_of_answer
from verto_resilience.transports._httpx_bodies import (
    HeldStream,
    bytes_to_read,
    decoded_start,
)
from verto_resilience.transports._httpx_errors import rejection_error
from verto_resilience.transports._httpx_failures import failure_of
from verto_resilience.transports._httpx_request import (
    Times,
    describe,
    note_answer,
    outgoing,
    times_of,
)
from verto_resilience.transports._httpx_wire import WireLimit, goes_by_proxy, traced
from verto_resilience.transports._refresh import Refresher, RefusedCredentials
from verto_resilience.transports._report_of import attach_report, explain
from verto_resilience.transports._request_secrets import Carrier

AUTHORIZATION = "Authorization"
UNAUTHORIZED = 401
# Seconds; no timeout may be none at all.
INSTANT = 0.001
# Seconds to read what is left of a response that is not returned; what takes longer is closed.
DRAIN = 0.1


class Exchanged:
    """What both exchanges have in common: one request of httpx on its way through a transport.

    Args:
        request: The request; not changed but for the count of its sends.
        inner: The transport that sends.
        pipeline: Settings, tables and machines.
        body_limit: Bytes of a body that are a part of its attempt; ``None``: all.
        can_refresh: Whether there is somebody to ask for new credentials.

    Raises:
        HttpxInsecureRequestError: It would call Verto without TLS or without checking the
            certificate.
    """

    def __init__(
        self,
        request: httpx.Request,
        inner: Any,
        pipeline: Pipeline,
        *,
        body_limit: int | None,
        can_refresh: bool,
    ) -> None:
        """Read from the request what the machines need to know."""
        described = describe(request, inner, pipeline, can_refresh=can_refresh)
        self.request: CallRequest = described.request
        self.policy: Policy = described.policy
        self._own = request
        self._inner = inner
        self._pipeline = pipeline
        self._body_limit = body_limit
        self._added = described.added
        self._replay = described.replay
        self._sends = described.sends
        self._renewed: str | None = None
        self._unread = False
        self._limit: WireLimit | None = None
        self._times: Times | None = None
        self._superseded: httpx.Response | None = None

    def refused(self, rejection: Rejection, report: CallReport) -> Exception:
        """Give the exception to raise when nothing was sent."""
        error = rejection_error(rejection)
        error.request = self._own
        attach_report(error, report)
        return error

    def finished(
        self,
        result: Result[httpx.Response],
        report: CallReport,
        fail_late: Callable[[Failure], None],
    ) -> httpx.Response:
        """Return the response, or raise what httpx raised, with the report attached."""
        self._superseded = None
        response = result.response
        if response is not None:
            attach_report(response, report)
            note_answer(self._sends, response.status_code)
            self._hand_over(response, fail_late)
            return response
        error = cast("Exception", result.error)
        result.error = None
        if isinstance(error, httpx.RequestError):
            error.request = self._own
        attach_report(error, report)
        explain(error, report)
        try:
            raise error
        finally:
            # An exception refers to this frame: without this it would refer to itself.
            del error

    def _begin(self, left: float, *, is_kept: bool) -> tuple[WireLimit, Times]:
        """Set the time of an attempt."""
        clock = self._pipeline.clock.monotonic
        times = self._times = times_of(self._own, self.policy, left, is_kept=is_kept)
        limit = self._limit = WireLimit(clock, clock() + left, times.patience)
        limit.tunnelling = goes_by_proxy(self._inner)
        return limit, times

    def _outgoing(self, scope: AttemptScope, trace: Callable[..., Any]) -> httpx.Request:
        self._sends.count += 1
        times = cast("Times", self._times)
        return outgoing(self._own, scope, added=self._added, times=times, trace=trace)

    def _came(
        self, response: httpx.Response, body: bytes | None, scope: AttemptScope
    ) -> Result[httpx.Response]:
        """Take in an answer, with the first bytes of its body if that was read to its end."""
        response.request = self._own
        if scope.wants_details:
            scope.received(self._details(response))
        outcome: Outcome = outcome_of_answer(
            self._pipeline,
            self.policy,
            response.status_code,
            response.headers,
            body,
            sent=self._sent(),
        )
        return Result(outcome, response)

    def _details(self, response: httpx.Response) -> Received:
        version = _VERSIONS.get(response.extensions.get("http_version", b""), 0)
        own_id = self.request.correlation_id
        return details_of(response.headers, version, _peer(response), self._sent(), own_id=own_id)

    def _sent(self) -> Carrier:
        own = self._own
        # A body that is not in memory is not looked at.
        return Carrier(str(own.url), own.headers, vars(own).get("_content"))

    def _failed(self, error: Exception, *, in_body: bool) -> Result[httpx.Response]:
        limit, times = cast("WireLimit", self._limit), cast("Times", self._times)
        failure = failure_of(error, limit, in_body=in_body)
        cut_short = times.cut_short and limit.is_over
        return Result(classify_failure(failure, cut_short=cut_short), error=error)

    def _hand_over(self, response: httpx.Response, fail_late: Callable[[Failure], None]) -> None:
        """Let the caller read what was left unread in its own time."""
        limit, times = cast("WireLimit", self._limit), cast("Times", self._times)
        times.given["read"] = times.patience
        stream = response.stream
        if self._unread and hasattr(stream, "fail_late"):
            stream.fail_late = lambda error: fail_late(failure_of(error, limit, in_body=True))

    def _set_aside(self, result: Result[httpx.Response]) -> httpx.Response | None:
        """Remember a response that has to be drained before the next send; give what is to be now.

        After the wait it may be this one that is returned. Not so after a 401: whoever is asked
        for new credentials may send through the same pool, and would find this in its way.
        """
        response = result.response
        if not self._unread or response is None:
            return None
        if result.outcome.resend is Resend.AFTER_REFRESH:
            return response
        self._superseded = response
        return None

    def _refused_credentials(self) -> RefusedCredentials:
        return RefusedCredentials(self.request.origin, self._own.headers.get(AUTHORIZATION))

    def _take(self, renewed: str | None) -> bool:
        """Let the next sends carry new credentials, if there are any."""
        self._renewed = renewed
        if renewed is not None:
            self._added[AUTHORIZATION] = renewed
        return renewed is not None


class HttpxExchange(Exchanged):
    """One request on its way through a synchronous transport; used by one thread."""

    def __init__(
        self,
        request: httpx.Request,
        inner: httpx.BaseTransport,
        pipeline: Pipeline,
        *,
        body_limit: int | None,
        keeps_time: bool,
        refresher: Refresher | None,
    ) -> None:
        """Read from the request what the machines need to know.

        Args:
            request: The request.
            inner: The transport that sends.
            pipeline: Settings, tables and machines.
            body_limit: Bytes of a body that are a part of its attempt; ``None``: all.
            keeps_time: Whether the inner transport keeps the limit of its thread.
            refresher: Whom to ask for new credentials after a 401; ``None``: nobody.
        """
        can_refresh = refresher is not None
        super().__init__(request, inner, pipeline, body_limit=body_limit, can_refresh=can_refresh)
        self._keeps_time = keeps_time
        self._refresher = refresher

    def send(self, scope: AttemptScope, left: float) -> Result[httpx.Response]:
        """Send exactly once through the inner transport, and read what is part of the attempt."""
        began = self._pipeline.clock.monotonic()
        if self._superseded is not None:
            self._let_go(self._superseded)
            self._superseded = None
            left = max(INSTANT, left - (self._pipeline.clock.monotonic() - began))
        limit, _ = self._begin(left, is_kept=self._keeps_time)
        request = self._outgoing(scope, traced(limit, self._own.extensions.get("trace")))
        response: httpx.Response | None = None
        try:
            with limit:
                response = self._inner.handle_request(request)
                body = self._read(response)
        except Exception as error:  # noqa: BLE001 - classified, and raised again by finished()
            _close(response)
            return self._failed(error, in_body=response is not None)
        except BaseException:
            _close(response)
            raise
        if self._renewed is not None and response.status_code == UNAUTHORIZED:
            cast("Refresher", self._refresher).forget(self._renewed)
        return self._came(response, body, scope)

    def prepare_resend(self, result: Result[httpx.Response]) -> bool:
        """Rewind the body, and remember a response that has to be drained before the next send."""
        if not self._replay.rewind():
            return False
        response = self._set_aside(result)
        if response is not None:
            self._let_go(response)
        return True

    def refresh(self, left: float) -> bool:
        """Ask the caller's hook for new credentials; the next send carries them."""
        refresher = cast("Refresher", self._refresher)
        return self._take(refresher.renew(self._refused_credentials(), left))

    def break_off(self) -> None:
        """Free the connection of a response that was to be drained later."""
        _close(self._superseded)

    def _read(self, response: httpx.Response) -> bytes | None:
        """Read what is part of the attempt; gives its start, decoded, where that was all."""
        limit = cast("WireLimit", self._limit)
        wanted = bytes_to_read(self._own, response, self._body_limit)
        stream = cast("httpx.SyncByteStream", response.stream)
        pieces: list[bytes] = []
        rest, size = iter(stream), 0
        while wanted is None or size < wanted:
            piece = next(rest, None)
            if piece is None:
                stream.close()
                response.stream = HeldStream(pieces, None, _nothing)
                self._unread = False
                return decoded_start(response, pieces, self.policy.error_body_limit)
            pieces.append(piece)
            size += len(piece)
            if limit.is_over:
                raise httpx.ReadTimeout("timed out")
        self._unread = True
        response.stream = HeldStream(pieces, rest, stream.close)
        return None

    def _let_go(self, response: httpx.Response) -> None:
        """Free the connection of a response that will not be returned, in next to no time."""
        clock = self._pipeline.clock.monotonic
        left = self.policy.drain_limit
        with suppress(Exception), WireLimit(clock, clock() + DRAIN) as limit:
            # Not next(): a body that is longer is closed.
            for piece in cast("httpx.SyncByteStream", response.stream):
                left -= len(piece)
                if left < 0 or limit.is_over:
                    break
        _close(response)


def _close(response: httpx.Response | None) -> None:
    if response is not None:
        with suppress(Exception):
            cast("httpx.SyncByteStream", response.stream).close()


def _nothing() -> None:
    pass


_VERSIONS = {b"HTTP/1.0": 10, b"HTTP/1.1": 11, b"HTTP/2": 20}
"""As http.client has them."""


def _peer(response: httpx.Response) -> tuple[str, int] | None:
    """Give the other end of the socket, while it is known."""
    stream = response.extensions.get("network_stream")
    address = None
    # Whatever the stream of a stranger's transport raises: it is only for the trace.
    with suppress(Exception):
        address = None if stream is None else stream.get_extra_info("server_addr")
    return (address[0], address[1]) if isinstance(address, tuple) else None
