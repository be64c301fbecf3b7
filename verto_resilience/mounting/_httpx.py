"""What users of httpx give to their clients: ``VertoTransport`` and ``AsyncVertoTransport``."""

from typing import Any, cast

try:
    import httpx
except ModuleNotFoundError as missing:
    raise ModuleNotFoundError(
        f"VertoTransport and AsyncVertoTransport need {missing.name}: pip install '.[httpx]'",
        name=missing.name,
    ) from None

from verto_resilience.mounting._assembly import Assembly
from verto_resilience.mounting._given import insist_on_limit, kind_of
from verto_resilience.mounting._reconfigurable import Reconfigurable
from verto_resilience.outcome import Catalogue, Operations
from verto_resilience.pipeline import Observer, Policy
from verto_resilience.transports import RefreshHook, RenewsCredentials
from verto_resilience.transports._httpx import AsyncResilientTransport, ResilientTransport
from verto_resilience.transports._httpx_bodies import BODY_LIMIT
from verto_resilience.transports._refresh_async import AsyncRefresher, AsyncRefreshHook


class VertoTransport(Reconfigurable, ResilientTransport):
    """A transport for :class:`httpx.Client`: ``httpx.Client(transport=VertoTransport())``.

    Args:
        inner: The transport that sends, with its proxy, certificates and protocols; closed with
            this one, as httpx closes its transports. ``None`` makes a ``httpx.HTTPTransport``.
        policy: The settings. ``None`` reads them from the environment and the policy file.
        observer: Is told what happens.
        catalogue: Statuses and API error codes; the documented ones by default.
        operations: Known operations; the documented ones by default.
        refresh: Asked for new credentials after a 401 of a Verto host: is given what was refused,
            and gives the new value of the ``Authorization`` header, or ``None``. A
            :class:`VertoAuth` will do.
        body_limit: Bytes of a body that are read before the response is returned, so that a fault
            in them is a failed attempt: a transport is not told whether the client streams. 0
            reads none, ``None`` all. A request says so for itself by
            ``extensions={"verto_stream": True}``, or ``False``.

    Raises:
        ConfigurationError: The environment or a file holds a bad value, ``body_limit`` is below 0,
            or ``inner`` is a ``VertoTransport`` itself.
        TypeError: ``inner`` is no transport, or a part is of another kind.
    """

    __module__ = "verto_resilience"

    def __init__(
        self,
        *,
        inner: httpx.BaseTransport | None = None,
        policy: Policy | None = None,
        observer: Observer | None = None,
        catalogue: Catalogue | None = None,
        operations: Operations | None = None,
        refresh: RefreshHook | RenewsCredentials | None = None,
        body_limit: int | None = BODY_LIMIT,
    ) -> None:
        """Build it; nothing is connected yet."""
        insist_on_limit(body_limit)
        if inner is None:
            inner = httpx.HTTPTransport()
        _insist_on("inner", inner, httpx.BaseTransport)
        assembly = Assembly(
            policy=policy,
            observer=observer,
            catalogue=catalogue,
            operations=operations,
            refresh=refresh,
        )
        self._assembly = assembly
        self.refresher = assembly.refresher
        super().__init__(inner, assembly.pipeline, body_limit=body_limit)
        assembly.follow(self)

    def close(self) -> None:
        """End the waits under way, and close the inner transport."""
        self._assembly.clock.interrupt()
        super().close()


class AsyncVertoTransport(Reconfigurable, AsyncResilientTransport):
    """A transport for :class:`httpx.AsyncClient`, under asyncio and under trio.

    Args:
        inner: The transport that sends, with its proxy, certificates and protocols; closed with
            this one, as httpx closes its transports. ``None`` makes a ``httpx.AsyncHTTPTransport``.
        policy: The settings. ``None`` reads them from the environment and the policy file.
        observer: Is told what happens, in the loop: it must be quick.
        catalogue: Statuses and API error codes; the documented ones by default.
        operations: Known operations; the documented ones by default.
        refresh: Asked for new credentials after a 401 of a Verto host: is given what was refused,
            and gives the new value of the ``Authorization`` header, or ``None``. A coroutine
            function is awaited; any other, and a :class:`VertoAuth`, is called in a thread.
        body_limit: Bytes of a body that are read before the response is returned; see
            :class:`VertoTransport`.

    Raises:
        ConfigurationError: The environment or a file holds a bad value, ``body_limit`` is below 0,
            or ``inner`` is an ``AsyncVertoTransport`` itself.
        TypeError: ``inner`` is no asynchronous transport, or a part is of another kind.
    """

    __module__ = "verto_resilience"

    def __init__(
        self,
        *,
        inner: httpx.AsyncBaseTransport | None = None,
        policy: Policy | None = None,
        observer: Observer | None = None,
        catalogue: Catalogue | None = None,
        operations: Operations | None = None,
        refresh: RefreshHook | AsyncRefreshHook | RenewsCredentials | None = None,
        body_limit: int | None = BODY_LIMIT,
    ) -> None:
        """Build it; nothing is connected yet."""
        insist_on_limit(body_limit)
        if inner is None:
            inner = httpx.AsyncHTTPTransport()
        _insist_on("inner", inner, httpx.AsyncBaseTransport)
        assembly = Assembly(
            policy=policy,
            observer=observer,
            catalogue=catalogue,
            operations=operations,
            refresh=cast("RefreshHook | RenewsCredentials | None", refresh),
        )
        self._assembly = assembly
        if assembly.refresher is not None:
            self.refresher = AsyncRefresher(assembly.refresher)
        super().__init__(inner, assembly.pipeline, body_limit=body_limit)
        assembly.follow(self)


def _insist_on(name: str, given: Any, kind: type[object]) -> None:
    if not isinstance(given, kind):
        message = f"{name} must be a httpx.{kind.__name__}, not {kind_of(given)}"
        raise TypeError(message)
