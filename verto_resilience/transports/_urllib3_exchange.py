"""One request at the urllib3 edge: what it is, how it is sent once, kept, refused, returned."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

from urllib3 import BaseHTTPResponse, HTTPHeaderDict, PoolManager
from urllib3.exceptions import InvalidHeader, LocationParseError
from urllib3.util import Timeout, parse_url

from verto_resilience.outcome import (
    IDEMPOTENT_METHODS,
    Failure,
    Outcome,
    classify_failure,
    is_repeatable,
)
from verto_resilience.pipeline import (
    AttemptScope,
    CallReport,
    CallRequest,
    IdempotencyKeys,
    Pipeline,
    Policy,
    Rejection,
    Result,
)
from verto_resilience.transports._answers import details_of, outcome_of_answer, peer_of
from verto_resilience.transports._bodies import Replay, drain_raw, watch
from verto_resilience.transports._header_values import plain_text
from verto_resilience.transports._insecure import insecurity
from verto_resilience.transports._limits import AttemptLimit
from verto_resilience.transports._refresh import Refresher, RefusedCredentials
from verto_resilience.transports._report_of import attach_report, explain
from verto_resilience.transports._request_secrets import Carrier
from verto_resilience.transports._target import Target, target_of
from verto_resilience.transports._timeouts import Timeouts, timeouts_of
from verto_resilience.transports._urllib3_errors import (
    Urllib3InsecureRequestError,
    rejection_error,
)
from verto_resilience.transports._urllib3_failures import failure_of, on_the_way
from verto_resilience.transports._urllib3_options import (
    UNCHECKED,
    retries_of,
    timeout_of,
    verifies,
    without_resends,
)
from verto_resilience.transports._urllib3_redirects import Hop
from verto_resilience.transports._verto_headers import (
    CORRELATION_ID,
    IDEMPOTENCY_KEY,
    headers_to_add,
    known_operation,
)

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
        Urllib3InsecureRequestError: It would call Verto without TLS or without checking the
            certificate.
        urllib3.exceptions.InvalidHeader: Its correlation id would break the headers apart.
        urllib3.exceptions.LocationParseError: The URL is none.

    Attributes:
        sends: Sends so far, those of the hops before included.
        retries: What the caller's settings say of redirects.
    """

    __slots__ = (
        "_added",
        "_body",
        "_headers",
        "_inner",
        "_limit",
        "_method",
        "_options",
        "_pipeline",
        "_policy",
        "_refresher",
        "_renewed",
        "_replay",
        "_superseded",
        "_timeout",
        "_unread",
        "_url",
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
        self._body = options.get("body")
        self._unread = not options.get("preload_content", True)
        self._refresher = refresher
        self._renewed: str | None = None
        self._replay = Replay(self._body)
        self._superseded: BaseHTTPResponse | None = None
        self._limit: AttemptLimit | None = None
        self.retries = retries_of(options.get("retries"), defaults.get("retries"))
        self._options["retries"] = without_resends(self.retries)
        # Kept aside: each attempt puts its own in the place of it.
        timeout = options.get("timeout", Timeout.DEFAULT_TIMEOUT)
        self._timeout = defaults.get("timeout") if timeout is Timeout.DEFAULT_TIMEOUT else timeout
        self.sends = hop.sends_before
        self.request = self._describe(verify=verifies(defaults))

    def _describe(self, *, verify: bool) -> CallRequest:
        pipeline, headers = self._pipeline, self._headers
        upper = self._method.upper()
        origin, host, verto = _target(self._url, pipeline.policy.verto_hosts)
        policy = self._policy = pipeline.policies.of(origin)
        try:
            correlation_id = plain_text(CORRELATION_ID, _header(headers, CORRELATION_ID))
        except ValueError as error:
            raise InvalidHeader(str(error)) from None
        operation, added, own_key = None, dict[str, str](), None
        if verto or upper not in IDEMPOTENT_METHODS:
            own_key = _text(_header(headers, IDEMPOTENCY_KEY))
        if verto:
            found = insecurity(
                origin, host, verify=verify, policy=pipeline.policy, unchecked=UNCHECKED
            )
            if found is not None:
                message, problem = found
                raise Urllib3InsecureRequestError(message, problems=(problem,))
            operation = known_operation(pipeline, upper, self._url, self._body)
            added = headers_to_add(operation, policy, correlation_id=correlation_id, key=own_key)
            correlation_id = added.get(CORRELATION_ID, correlation_id)
        # Sent with every attempt of the call: its resends are the same request.
        self._added = added
        key = added.get(IDEMPOTENCY_KEY, own_key)
        counts = bool(key) and policy.idempotency_keys is not IdempotencyKeys.OFF
        return CallRequest(
            method=self._method,
            url=self._url,
            origin=origin,
            operation=operation,
            repeatable=is_repeatable(upper, operation, has_key=counts),
            replayable=self._replay.possible,
            verto=verto,
            host=_text(_header(headers, "Host")),
            correlation_id=correlation_id if verto else None,
            idempotency_key=key,
            refreshable=verto and self._refresher is not None,
            sends_before=self.sends,
        )

    @property
    def policy(self) -> Policy:
        """The settings of its origin."""
        return self._policy

    def send(self, scope: AttemptScope, left: float) -> Result[BaseHTTPResponse]:
        """Send exactly once through the inner manager; a body to be preloaded is part of it."""
        clock = self._pipeline.clock.monotonic
        end = clock() + left
        if self._superseded is not None:
            self._let_go(self._superseded)
            self._superseded = None
            left = max(_INSTANT, end - clock())
        timeouts = timeouts_of(self._timeout, self._policy, left)
        limit = self._limit = AttemptLimit(clock, end, timeouts.patience)
        options = self._options | {
            "headers": self._outgoing(scope),
            "timeout": timeout_of(timeouts.given),
        }
        self.sends += 1
        try:
            with limit:
                # By name, for those that give it another place.
                response = self._inner.urlopen(self._method, self._url, redirect=False, **options)
        except Exception as error:  # noqa: BLE001 - classified, and raised again by finished()
            return self._failed(on_the_way(failure_of(error), limit), timeouts, error)
        if self._renewed is not None and response.status == _UNAUTHORIZED:
            cast("Refresher", self._refresher).forget(self._renewed)
        if scope.wants_details:
            own_id, peer = self.request.correlation_id, peer_of(response)
            sent = self._sent()
            details = details_of(response.headers, response.version, peer, sent, own_id=own_id)
            scope.received(details)
        return Result(self._classify(response), response)

    def _let_go(self, response: BaseHTTPResponse) -> None:
        """Free the connection of a response that will not be returned, in next to no time."""
        cast("AttemptLimit", self._limit).shorten(_DRAIN)
        drain_raw(response, self._policy.drain_limit)
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
            # Not drained yet: after the wait it may be this one that is returned.
            self._superseded = result.response
        return True

    def refresh(self, left: float) -> bool:
        """Ask the caller's hook for new credentials; the next send carries them."""
        authorization = _text(_header(self._headers, _AUTHORIZATION))
        refused = RefusedCredentials(self.request.origin, authorization)
        self._renewed = cast("Refresher", self._refresher).renew(refused, left)
        if self._renewed is None:
            return False
        self._headers = _with(self._headers, {_AUTHORIZATION: self._renewed})
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
        if response is not None:
            attach_report(response, report)
            response.retries = self.retries
            if self._unread:
                if self._limit is not None and getattr(response, "connection", None) is not None:
                    self._limit.lift()
                if not response.get_redirect_location():
                    watch(response, fail_late)
            return response
        error = cast("Exception", result.error)
        result.error = None
        attach_report(error, report)
        explain(error, report)
        try:
            raise error
        finally:
            # An exception refers to this frame: without this it would refer to itself.
            del error

    def _outgoing(self, scope: AttemptScope) -> Mapping[str, str]:
        """Give the headers as they go out: the caller's own are never written to."""
        extra = dict(self._added)
        scope.inject(extra)
        if not extra and not scope.withheld:
            return self._headers
        return _with(self._headers, extra, without=scope.withheld)

    def _classify(self, response: BaseHTTPResponse) -> Outcome:
        body = None if self._unread else response.data or b""
        return outcome_of_answer(
            self._pipeline,
            self._policy,
            response.status,
            response.headers,
            body,
            sent=self._sent(),
        )

    def _sent(self) -> Carrier:
        return Carrier(self._url, self._headers, self._body)


def _target(url: str, verto_hosts: tuple[str, ...]) -> Target:
    # Without a scheme urllib3 takes a URL for one of http.
    whole = url if "://" in url else f"http://{url.lstrip('/')}"
    try:
        return target_of(whole, verto_hosts)
    except ValueError:
        parse_url(url)
        raise LocationParseError(url) from None


def _header(headers: Mapping[str, Any], name: str) -> Any:
    if isinstance(headers, HTTPHeaderDict):
        return headers.get(name)
    lower = name.lower()
    for key, value in headers.items():
        if isinstance(key, str) and key.lower() == lower:
            return value
    return None


def _with(
    headers: Mapping[str, Any], extra: Mapping[str, str], *, without: Iterable[str] = ()
) -> Mapping[str, str]:
    """Give a copy with these in the place of others of the same names."""
    if isinstance(headers, HTTPHeaderDict):
        copied = headers.copy()
        for name in without:
            copied.discard(name)
        copied.update(extra)
        return copied
    gone = {name.lower() for name in (*extra, *without)}
    kept = {
        name: value
        for name, value in headers.items()
        if not (isinstance(name, str) and name.lower() in gone)
    }
    return kept | dict(extra)


def _text(value: str | bytes | None) -> str | None:
    return value.decode("latin-1") if isinstance(value, bytes) else value
