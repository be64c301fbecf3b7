"""What one request at the httpx edges is and becomes, whichever loop it is sent from."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
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
from verto_resilience.transports._httpx_errors import body_to_search, rejection_error
from verto_resilience.transports._httpx_failures import failure_of
from verto_resilience.transports._httpx_request import (
    Times,
    describe,
    note_answer,
    outgoing,
    times_of,
)
from verto_resilience.transports._httpx_wire import WireLimit, goes_by_proxy
from verto_resilience.transports._refresh import RefusedCredentials
from verto_resilience.transports._report_of import attach_report, raise_told, telling_late
from verto_resilience.transports._request_secrets import Carrier

AUTHORIZATION = "Authorization"
UNAUTHORIZED = 401
# Seconds; no timeout may be none at all.
INSTANT = 0.001
# Seconds to read what is left of a response that is not returned; what takes longer is closed.
DRAIN = 0.1
# Seconds to read the body of a 401, which is returned where there are no new credentials.
KEEP = 1.0


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
        if response is None:
            if isinstance(result.error, httpx.RequestError):
                result.error.request = self._own
            raise_told(result, report)
        attach_report(response, report)
        note_answer(self._sends, response.status_code)
        self._hand_over(response, report, fail_late)
        return response

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

    def _hear_no_more(self, request: httpx.Request) -> None:
        """Have httpcore tell no more of a request that is answered, but to the caller.

        It asks for each step whom to tell, and there is nothing to note of a body.
        """
        if "trace" not in self._own.extensions:
            request.extensions.pop("trace", None)

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
        version = _VERSIONS.get(response.extensions.get("http_version", b""))
        own_id = self.request.correlation_id
        return details_of(response.headers, version, _peer(response), self._sent(), own_id=own_id)

    def _sent(self) -> Carrier:
        own = self._own
        sent = Carrier(self.request.url, own.headers, body_to_search(own))
        if self._renewed is None:
            return sent
        return sent._replace(headers={**sent.headers, **self._added})

    def _failed(self, error: Exception, *, in_body: bool) -> Result[httpx.Response]:
        limit, times = cast("WireLimit", self._limit), cast("Times", self._times)
        failure = failure_of(error, limit, in_body=in_body)
        cut_short = times.cut_short and limit.is_over
        return Result(classify_failure(failure, cut_short=cut_short), error=error)

    def _hand_over(
        self,
        response: httpx.Response,
        report: CallReport,
        fail_late: Callable[[Failure], None],
    ) -> None:
        """Let the caller read what was left unread in its own time."""
        limit, times = cast("WireLimit", self._limit), cast("Times", self._times)
        times.given["read"] = times.patience
        stream = response.stream
        if self._unread and hasattr(stream, "fail_late"):
            look = partial(failure_of, limit=limit, in_body=True)
            stream.fail_late = telling_late(self.request, report, look, fail_late)

    def _set_aside(self, result: Result[httpx.Response]) -> httpx.Response | None:
        """Remember a response that has to be drained before the next send; give what is read now.

        After the wait it may be this one that is returned. So may a 401, but whoever is asked for
        new credentials may send through the same pool, and would find it in the way.
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


_VERSIONS = {b"HTTP/1.0": "1.0", b"HTTP/1.1": "1.1", b"HTTP/2": "2"}


def _peer(response: httpx.Response) -> tuple[str, int] | None:
    """Give the other end of the socket, while it is known."""
    stream = response.extensions.get("network_stream")
    address = None
    # Whatever the stream of a stranger's transport raises: it is only for the trace.
    with suppress(Exception):
        address = None if stream is None else stream.get_extra_info("server_addr")
    return (address[0], address[1]) if isinstance(address, tuple) else None
