"""One request at the urllib3 edge: what it is, how it is sent once, kept, refused, returned."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import cast

from urllib3 import BaseHTTPResponse, PoolManager
from urllib3.util import Timeout

from verto_resilience.outcome import Failure, Outcome, Resend, classify_failure
from verto_resilience.pipeline import AttemptScope, CallReport, Pipeline, Rejection, Result
from verto_resilience.transports._answers import details_of, outcome_of_answer, peer_of, version_of
from verto_resilience.transports._bodies import Replay, drain_raw, hold_raw, watch
from verto_resilience.transports._limits import AttemptLimit
from verto_resilience.transports._refresh import Refresher, RefusedCredentials
from verto_resilience.transports._report_of import attach_report, raise_told, telling_late
from verto_resilience.transports._request_secrets import Carrier
from verto_resilience.transports._timeouts import Timeouts, timeouts_of
from verto_resilience.transports._urllib3_errors import rejection_error
from verto_resilience.transports._urllib3_failures import failure_of, on_the_way
from verto_resilience.transports._urllib3_headers import text_of, with_headers
from verto_resilience.transports._urllib3_options import (
    retries_of,
    timeout_of,
    verifies,
    without_resends,
)
from verto_resilience.transports._urllib3_outcome import tie_to_request
from verto_resilience.transports._urllib3_redirects import Hop
from verto_resilience.transports._urllib3_request import describe

_AUTHORIZATION = "Authorization"
_UNAUTHORIZED = 401
# Seconds; no timeout may be none at all.
_INSTANT = 0.001
# Seconds to read what is left of a response that is not returned; what takes longer is closed.
_DRAIN = 0.1


class Urllib3Exchange:
    """One request on its way through a pool manager; used by one thread.

    Args:
        inner: The pool manager that sends.
        pipeline: Settings, tables and machines.
        hop: What the caller asked for; not changed.
        refresher: Whom to ask for new credentials after a 401 of a Verto host; ``None``: nobody.

    Raises:
        urllib3.exceptions.HTTPError: Nothing can be sent; see :func:`describe`.

    Attributes:
        request: What it is.
        policy: The settings of its origin.
        sends: Sends so far, those of the hops before included.
        retries: What the caller's settings say of redirects.
    """

    __slots__ = (
        "_added",
        "_headers",
        "_inner",
        "_limit",
        "_method",
        "_options",
        "_pipeline",
        "_refresher",
        "_renewed",
        "_replay",
        "_superseded",
        "_timeout",
        "_unread",
        "_url",
        "policy",
        "request",
        "retries",
        "sends",
    )

    def __init__(
        self,
        inner: PoolManager,
        pipeline: Pipeline,
        hop: Hop,
        *,
        refresher: Refresher | None = None,
    ) -> None:
        """Read from the request what the machines need to know."""
        options, defaults = hop.options, inner.connection_pool_kw
        self._inner = inner
        self._pipeline = pipeline
        self._method, self._url = hop.method, hop.url
        self._options = dict(options)
        self._headers: Mapping[str, str] = options.get("headers") or {}
        self._unread = not options.get("preload_content", True)
        self._refresher = refresher
        self._renewed: str | None = None
        self._replay = Replay(options.get("body"))
        self._superseded: BaseHTTPResponse | None = None
        self._limit: AttemptLimit | None = None
        self.retries = retries_of(options.get("retries"), defaults.get("retries"))
        self._options["retries"] = without_resends(self.retries)
        # Kept aside: each attempt puts its own in the place of it.
        timeout = options.get("timeout", Timeout.DEFAULT_TIMEOUT)
        self._timeout = defaults.get("timeout") if timeout is Timeout.DEFAULT_TIMEOUT else timeout
        self.sends = hop.sends_before
        self.request, self.policy, self._added = describe(
            pipeline,
            hop,
            self._headers,
            replayable=self._replay.possible,
            refreshable=refresher is not None,
            verify=verifies(defaults),
        )

    def send(self, scope: AttemptScope, left: float) -> Result[BaseHTTPResponse]:
        """Send exactly once through the inner manager; a body to be preloaded is part of it."""
        clock = self._pipeline.clock.monotonic
        end = clock() + left
        if self._superseded is not None:
            self._let_go(self._superseded)
            self._superseded = None
            left = max(_INSTANT, end - clock())
        timeouts = timeouts_of(self._timeout, self.policy, left)
        limit = self._limit = AttemptLimit(clock, end, timeouts.patience)
        options = self._options | {
            "headers": self._outgoing(scope),
            "timeout": timeout_of(timeouts.given),
        }
        if (options.get("pool_timeout") or 0.0) > left:
            options["pool_timeout"] = left
        self.sends += 1
        try:
            with limit:
                # By name, for those that give it another place.
                response = self._inner.urlopen(self._method, self._url, redirect=False, **options)
        except Exception as error:  # noqa: BLE001 - classified, and raised again by finished()
            return self._failed(on_the_way(failure_of(error), limit), timeouts, error)
        if self._renewed is not None and response.status == _UNAUTHORIZED:
            cast("Refresher", self._refresher).forget(self._renewed)
        sent = self._sent()
        tie_to_request(response, self._method, sent)
        if scope.wants_details:
            own_id, peer = self.request.correlation_id, peer_of(response)
            details = details_of(response.headers, version_of(response), peer, sent, own_id=own_id)
            scope.received(details)
        return Result(self._classify(response, sent), response)

    def _let_go(self, response: BaseHTTPResponse) -> None:
        """Free the connection of a response that will not be returned, in next to no time."""
        cast("AttemptLimit", self._limit).shorten(_DRAIN)
        drain_raw(response, self.policy.drain_limit)
        response.close()
        response.release_conn()

    def _failed(
        self, failure: Failure, timeouts: Timeouts, error: Exception
    ) -> Result[BaseHTTPResponse]:
        cut_short = timeouts.cut_short and cast("AttemptLimit", self._limit).is_over
        return Result(classify_failure(failure, cut_short=cut_short), error=error)

    def prepare_resend(self, result: Result[BaseHTTPResponse]) -> bool:
        """Rewind the body, and remember a response that has to be drained before the next send."""
        if not self._replay.rewind():
            return False
        if self._unread:
            if result.outcome.resend is Resend.AFTER_REFRESH:
                # Whoever is asked may send through the same pool, and find this in its way.
                hold_raw(result.response)
            else:
                # Not drained yet: after the wait it may be this one that is returned.
                self._superseded = result.response
        return True

    def refresh(self, left: float) -> bool:
        """Ask the caller's hook for new credentials; the next send carries them."""
        authorization = text_of(self._headers, _AUTHORIZATION)
        refused = RefusedCredentials(self.request.origin, authorization)
        self._renewed = cast("Refresher", self._refresher).renew(refused, left)
        if self._renewed is None:
            return False
        self._headers = with_headers(self._headers, {_AUTHORIZATION: self._renewed})
        return True

    def refused(self, rejection: Rejection, report: CallReport) -> Exception:
        """Give the exception to raise when nothing was sent."""
        error = rejection_error(rejection)
        attach_report(error, report)
        return error

    def finished(
        self,
        result: Result[BaseHTTPResponse],
        report: CallReport,
        fail_late: Callable[[Failure], None],
    ) -> BaseHTTPResponse:
        """Return the response, or raise what urllib3 raised, with the report attached."""
        response = result.response
        if response is None:
            raise_told(result, report)
        attach_report(response, report)
        response.retries = self.retries
        if self._unread:
            if self._limit is not None and getattr(response, "connection", None) is not None:
                self._limit.lift()
            if not response.get_redirect_location():
                watch(response, telling_late(self.request, report, failure_of, fail_late))
        return response

    def break_off(self) -> None:
        """Free the connection of a response that was to be drained later."""
        if self._superseded is not None:
            with suppress(Exception):
                self._superseded.close()
                self._superseded.release_conn()

    def _outgoing(self, scope: AttemptScope) -> Mapping[str, str]:
        """Give the headers as they go out: the caller's own are never written to."""
        extra = dict(self._added)
        scope.inject(extra)
        if not extra and not scope.withheld:
            return self._headers
        return with_headers(self._headers, extra, without=scope.withheld)

    def _classify(self, response: BaseHTTPResponse, sent: Carrier) -> Outcome:
        body = None if self._unread else response.data or b""
        return outcome_of_answer(
            self._pipeline,
            self.policy,
            response.status,
            response.headers,
            body,
            sent=sent,
        )

    def _sent(self) -> Carrier:
        return Carrier(self._url, self._headers, self._options.get("body"))
