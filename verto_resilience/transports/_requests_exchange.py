"""One request at the requests edge: how it is sent once, kept, refused, returned."""

import zlib
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPException
from typing import Any, cast

import requests
from requests.adapters import BaseAdapter, HTTPAdapter
from requests.exceptions import ChunkedEncodingError, RequestException
from requests.exceptions import ConnectionError as RequestsConnectionError
from requests.models import PreparedRequest
from urllib3.exceptions import EmptyPoolError, HTTPError

from verto_resilience.outcome import Failure, Outcome, Resend, classify_failure
from verto_resilience.pipeline import AttemptScope, CallReport, Pipeline, Rejection, Result
from verto_resilience.transports._answers import details_of, outcome_of_answer, peer_of, version_of
from verto_resilience.transports._bodies import Replay, drain, read_whole, watch
from verto_resilience.transports._limits import AttemptLimit
from verto_resilience.transports._refresh import Refresher, RefusedCredentials
from verto_resilience.transports._report_of import attach_report, raise_told, telling_late
from verto_resilience.transports._requests_errors import rejection_error
from verto_resilience.transports._requests_failures import failure_of
from verto_resilience.transports._requests_request import as_text, describe, with_headers
from verto_resilience.transports._sends import count_send
from verto_resilience.transports._timeouts import Timeouts, timeouts_of
from verto_resilience.transports._urllib3_failures import failure_of as failure_of_raw
from verto_resilience.transports._urllib3_failures import on_the_way

AUTHORIZATION = "Authorization"
_REDIRECTS = 3
_UNAUTHORIZED = 401
_CREDENTIALS = frozenset({401, 407})
# What reading a body can bring up besides the errors of requests.
_BREAKS = (HTTPError, HTTPException, OSError, ValueError, LookupError, EOFError, zlib.error)
# Seconds; no timeout may be none at all.
_INSTANT = 0.001
# Seconds to read what is left of a response that is not returned; what takes longer is closed.
_DRAIN = 0.1


class RequestsExchange:
    """One prepared request on its way through an adapter; used by one thread.

    Args:
        prepared: The request; not changed.
        adapter: Through which auth handlers send again.
        inner: The adapter that sends.
        pipeline: Settings, tables and machines.
        options: What ``send`` was called with besides the request; its own from now on.
        refresher: Whom to ask for new credentials after a 401 of a Verto host; ``None``: nobody.

    Raises:
        InsecureRequestError: It would call Verto without TLS or without checking the certificate.
        requests.exceptions.InvalidHeader: Its correlation id or idempotency key would break the
            headers apart.

    Attributes:
        request: What it is.
        policy: The settings of its origin.
    """

    __slots__ = (
        "_adapter",
        "_added",
        "_inner",
        "_limit",
        "_options",
        "_pipeline",
        "_prepared",
        "_refresher",
        "_renewed",
        "_replay",
        "_stream",
        "_superseded",
        "_timeout",
        "_unread",
        "policy",
        "request",
    )

    def __init__(
        self,
        prepared: PreparedRequest,
        adapter: BaseAdapter,
        inner: BaseAdapter,
        pipeline: Pipeline,
        options: dict[str, Any],
        *,
        refresher: Refresher | None = None,
    ) -> None:
        """Read from the request what the machines need to know."""
        self._prepared = prepared
        self._adapter = adapter
        self._inner = inner
        self._pipeline = pipeline
        self._options = options
        # Kept aside: each attempt puts its own in the place of it.
        self._timeout = options["timeout"]
        self._refresher = refresher
        self._renewed: str | None = None
        self._stream = bool(options["stream"])
        self._replay = Replay(prepared.body)
        self._superseded: requests.Response | None = None
        self._unread = False
        self._limit: AttemptLimit | None = None
        # What is added goes with every attempt of the call: its resends are the same request.
        self.request, self.policy, self._added = describe(
            pipeline,
            prepared,
            replayable=self._replay.possible,
            refreshable=refresher is not None,
            verify=options.get("verify", True),
        )

    def send(self, scope: AttemptScope, left: float) -> Result[requests.Response]:
        """Send exactly once through the inner adapter; with ``stream=False`` the body is part."""
        clock = self._pipeline.clock.monotonic
        end = clock() + left
        if self._superseded is not None:
            self._let_go(self._superseded)
            self._superseded = None
            left = max(_INSTANT, end - clock())
        timeouts = timeouts_of(
            self._timeout,
            self.policy,
            left,
            fills_in=_has_its_own_send(self._inner),
        )
        limit = self._limit = AttemptLimit(clock, end, timeouts.patience)
        try:
            with limit:
                response = self._send_once(scope, timeouts)
            peer = peer_of(response.raw) if scope.wants_details else None
        except EmptyPoolError as error:
            # requests knows none: it waits for ever for a pool that blocks.
            waited = RequestsConnectionError(error, request=self._prepared)
            return self._failed(Failure.CALLER, timeouts, waited)
        except Exception as error:  # noqa: BLE001 - classified, and raised again by finished()
            return self._failed(on_the_way(failure_of(error), limit), timeouts, error)
        self._unread = self._is_left_unread(response)
        if not self._unread:
            # requests reads it in Session.send in any case; here a body that fails is a failed
            # attempt.
            try:
                read_whole(response)
            except RequestException as error:
                return self._failed(failure_of(error), timeouts, error)
            except _BREAKS as error:
                broken = ChunkedEncodingError(error, request=self._prepared)
                broken.__cause__ = error
                return self._failed(Failure.MALFORMED_RESPONSE, timeouts, broken)
            except Exception as error:  # noqa: BLE001 - the program's own, as from a signal handler
                return self._failed(Failure.UNKNOWN, timeouts, error)
        response.request = self._prepared
        # Auth handlers resend through it (digest does), and those sends are calls as well. The
        # stubs say HTTPAdapter; requests asks only for send() and close().
        response.connection = self._adapter  # type: ignore[assignment]
        if self._renewed is not None and response.status_code == _UNAUTHORIZED:
            cast("Refresher", self._refresher).forget(self._renewed)
        if scope.wants_details:
            version = version_of(response.raw)
            own_id = self.request.correlation_id
            details = details_of(response.headers, version, peer, self._prepared, own_id=own_id)
            scope.received(details)
        return Result(self._classify(response), response)

    def _let_go(self, response: requests.Response) -> None:
        """Free the connection of a response that will not be returned, in next to no time."""
        cast("AttemptLimit", self._limit).shorten(_DRAIN)
        drain(response, self.policy.drain_limit)

    def _is_left_unread(self, response: requests.Response) -> bool:
        """Say whether the body is for the caller to read, or for what requests does first.

        Session forgives the faults of a redirect's. Hooks for credentials (NTLM, Negotiate) look at
        the connection, which is gone once the body is read.
        """
        if self._stream or _is_redirect(response):
            return True
        return response.status_code in _CREDENTIALS and bool(
            self._prepared.hooks and self._prepared.hooks.get("response")
        )

    def _failed(
        self, failure: Failure, timeouts: Timeouts, error: Exception
    ) -> Result[requests.Response]:
        cut_short = timeouts.cut_short and cast("AttemptLimit", self._limit).is_over
        return Result(classify_failure(failure, cut_short=cut_short), error=error)

    def prepare_resend(self, result: Result[requests.Response]) -> bool:
        """Rewind the body, and remember a response that has to be drained before the next send."""
        if not self._replay.rewind():
            return False
        response = result.response
        if self._unread and response is not None:
            if result.outcome.resend is Resend.AFTER_REFRESH:
                # Whoever is asked may send through the same pool, and find this in its way.
                with suppress(RequestException):
                    read_whole(response)
            else:
                # Not drained yet: after the wait it may be this one that is returned.
                self._superseded = response
        return True

    def refresh(self, left: float) -> bool:
        """Ask the caller's hook for new credentials; the next send carries them."""
        prepared = self._prepared
        refused = RefusedCredentials(
            self.request.origin, as_text(prepared.headers.get(AUTHORIZATION))
        )
        self._renewed = cast("Refresher", self._refresher).renew(refused, left)
        if self._renewed is None:
            return False
        self._prepared = with_headers(prepared, {AUTHORIZATION: self._renewed})
        return True

    def refused(self, rejection: Rejection, report: CallReport) -> Exception:
        """Give the exception to raise when nothing was sent."""
        error = rejection_error(rejection)
        error.request = self._prepared
        attach_report(error, report)
        return error

    def finished(
        self,
        result: Result[requests.Response],
        report: CallReport,
        fail_late: Callable[[Failure], None],
    ) -> requests.Response:
        """Return the response, or raise what requests raised, with the report attached."""
        response = result.response
        if response is None:
            raise_told(result, report)
        attach_report(response, report)
        if self._stream:
            self._hand_over(response)
        if self._unread and not _is_redirect(response):
            watch(response.raw, telling_late(self.request, report, failure_of_raw, fail_late))
        return response

    def break_off(self) -> None:
        """Free the connection of a response that was to be drained later."""
        if self._superseded is not None:
            with suppress(Exception):
                self._superseded.close()

    def _send_once(self, scope: AttemptScope, timeouts: Timeouts) -> requests.Response:
        self._options["timeout"] = timeouts.given
        count_send(self._prepared)
        return self._inner.send(self._outgoing(scope), **self._options)

    def _hand_over(self, response: requests.Response) -> None:
        """Let the caller read a body in its own time, unless its connection is free already."""
        if self._limit is not None and getattr(response.raw, "connection", None) is not None:
            self._limit.lift()

    def _outgoing(self, scope: AttemptScope) -> PreparedRequest:
        """Give the request as it goes out: the caller's own is never written to."""
        prepared = self._prepared
        extra = dict(self._added)
        scope.inject(extra)
        if not extra and not scope.withheld:
            return prepared
        withheld = [name for name in scope.withheld if name in prepared.headers]
        return with_headers(prepared, extra, without=withheld)

    def _classify(self, response: requests.Response) -> Outcome:
        body = None if self._unread else response.content or b""
        return outcome_of_answer(
            self._pipeline,
            self.policy,
            response.status_code,
            response.headers,
            body,
            sent=self._prepared,
        )


def _has_its_own_send(inner: BaseAdapter) -> bool:
    return isinstance(inner, HTTPAdapter) and type(inner).send is not HTTPAdapter.send


def _is_redirect(response: requests.Response) -> bool:
    # The status first: it spares nearly every response a look at its headers.
    return response.status_code // 100 == _REDIRECTS and response.is_redirect
