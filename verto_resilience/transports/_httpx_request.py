"""A request at the httpx edges: what it is, and how it goes out; the same for both loops."""

import ssl
import weakref
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import httpx

from verto_resilience.outcome import IDEMPOTENT_METHODS, is_repeatable
from verto_resilience.pipeline import AttemptScope, CallRequest, IdempotencyKeys, Pipeline, Policy
from verto_resilience.transports._httpx_bodies import STREAM, StreamReplay
from verto_resilience.transports._httpx_errors import HttpxInsecureRequestError, body_in_memory
from verto_resilience.transports._httpx_wire import pool_of
from verto_resilience.transports._insecure import insecurity
from verto_resilience.transports._target import target_of
from verto_resilience.transports._timeouts import timeouts_of
from verto_resilience.transports._verto_headers import (
    CORRELATION_ID,
    IDEMPOTENCY_KEY,
    headers_to_add,
    known_operation,
)

_SENDS = "verto_sends"
_CREDENTIALS = frozenset({401, 407})


class Described(NamedTuple):
    """A request, read once for its call.

    Attributes:
        request: What the machines need to know.
        policy: The settings of its origin.
        added: Headers that go with every attempt: its resends are the same request.
        replay: Whether its body can be sent again.
        sends: Counts its sends over redirects and answers to challenges.
    """

    request: CallRequest
    policy: Policy
    added: dict[str, str]
    replay: StreamReplay
    sends: "Sends"


def describe(
    request: httpx.Request, inner: object, pipeline: Pipeline, *, can_refresh: bool
) -> Described:
    """Read from a request what the machines need to know.

    Args:
        request: As the client built it.
        inner: The transport that sends; knows whether certificates are checked.
        pipeline: Settings and tables.
        can_refresh: Whether there is somebody to ask for new credentials.

    Raises:
        HttpxInsecureRequestError: It would call Verto without TLS or without checking the
            certificate.
    """
    url, method, headers = str(request.url), request.method.upper(), request.headers
    target = target_of(url, pipeline.policy.verto_hosts)
    origin, verto = target.origin, target.verto
    policy = pipeline.policies.of(origin)
    operation = correlation_id = own_key = None
    added: dict[str, str] = {}
    if verto or method not in IDEMPOTENT_METHODS:
        own_key = headers.get(IDEMPOTENCY_KEY)
    if verto:
        _refuse_insecure(request, origin, target.host, inner, pipeline.policy)
        operation = known_operation(pipeline, method, url, body_in_memory(request))
        correlation_id = headers.get(CORRELATION_ID)
        added = headers_to_add(operation, policy, correlation_id=correlation_id, key=own_key)
        correlation_id = added.get(CORRELATION_ID, correlation_id)
    key = added.get(IDEMPOTENCY_KEY, own_key)
    counts = bool(key) and policy.idempotency_keys is not IdempotencyKeys.OFF
    replay, sends = StreamReplay(request.stream), sends_of(request)
    # By place: by name this call would take many times as long.
    told = CallRequest(
        request.method,
        url,
        origin,
        operation,
        is_repeatable(method, operation, has_key=counts),
        replay.possible,
        verto,
        _own_host(request),
        correlation_id,
        key,
        verto and can_refresh,
        sends.count,
    )
    return Described(told, policy, added, replay, sends)


def _refuse_insecure(
    request: httpx.Request, origin: str, host: str, inner: object, policy: Policy
) -> None:
    context = getattr(pool_of(inner), "_ssl_context", None)
    verify = not isinstance(context, ssl.SSLContext) or context.verify_mode is not ssl.CERT_NONE
    found = insecurity(origin, host, verify=verify, policy=policy)
    if found is not None:
        message, problem = found
        error = HttpxInsecureRequestError(message, problems=(problem,))
        error.request = request
        raise error


def _own_host(request: httpx.Request) -> str | None:
    """Give the ``Host`` header, where it is not the one that httpx makes of the URL."""
    host = request.headers.get("Host")
    return None if host is None or host.encode() == request.url.netloc else host


class Sends:
    """How often a request of the user was sent.

    A redirect is a request of its own, which is given the extensions of the one before. An answer
    to a challenge is the same request again.

    Attributes:
        count: Sends so far.
        challenged: Whether the last answer asked for credentials.
    """

    __slots__ = ("challenged", "count", "first")

    def __init__(self, request: httpx.Request) -> None:
        """Nothing was sent yet."""
        self.count = 0
        self.challenged = False
        self.first = weakref.ref(request)


def sends_of(request: httpx.Request) -> Sends:
    """Give the count of a request; a new one when the user sends it anew."""
    known = request.extensions.get(_SENDS)
    if not isinstance(known, Sends) or (known.first() is request and not known.challenged):
        request.extensions[_SENDS] = known = Sends(request)
    return known


def note_answer(sends: Sends, status: int) -> None:
    """Take note of what a request was answered."""
    sends.challenged = status in _CREDENTIALS


class Times(NamedTuple):
    """The timeouts of one attempt.

    Attributes:
        given: For the extension ``timeout``.
        patience: Seconds for one read or write where the call's deadline is far.
        cut_short: Whether the deadline leaves clearly less than the patience.
    """

    given: dict[str, float | None]
    patience: float | None
    cut_short: bool


def times_of(request: httpx.Request, policy: Policy, left: float, *, is_kept: bool) -> Times:
    """Give an attempt's timeouts: the caller's or the policy's, within what the call has left.

    Args:
        request: Has the caller's as its extension ``timeout``; what is ``None`` there, or is not
            there, is the policy's.
        policy: The settings of the origin.
        left: Seconds until the call's deadline.
        is_kept: Whether reads are held to the deadline otherwise, so that one that goes on after
            the call need not be shortened.
    """
    own = request.extensions.get("timeout") or {}
    times = timeouts_of((own.get("connect"), own.get("read")), policy, left)
    connect, read = times.given
    given = {
        "connect": connect,
        "read": times.patience if is_kept else read,
        "write": _least(own.get("write"), read),
        "pool": _least(own.get("pool"), left),
    }
    return Times(given, times.patience, times.cut_short)


def _least(own: float | None, bound: float) -> float:
    return bound if own is None else min(own, bound)


def outgoing(
    request: httpx.Request,
    scope: AttemptScope,
    *,
    added: dict[str, str],
    times: Times,
    trace: Callable[..., Any],
) -> httpx.Request:
    """Give the request as it goes out: the caller's own is never written to."""
    headers = request.headers
    extra = dict(added)
    scope.inject(extra)
    withheld: Iterable[str] = [name for name in scope.withheld if name in headers]
    if extra or withheld:
        headers = headers.copy()
        for name in withheld:
            del headers[name]
        headers.update(extra)
    extensions = dict(request.extensions)
    extensions.pop(STREAM, None)
    extensions.pop(_SENDS, None)
    extensions |= {"timeout": times.given, "trace": trace}
    return httpx.Request(
        request.method, request.url, headers=headers, stream=request.stream, extensions=extensions
    )
