"""The transports: what ``httpx.Client`` calls, around the transport that really sends."""

import warnings
from types import TracebackType
from typing import Any, Self

import httpx

from verto_resilience.errors import ConfigurationError
from verto_resilience.pipeline import Pipeline
from verto_resilience.transports._callers import callers_level
from verto_resilience.transports._httpx_bodies import BODY_LIMIT
from verto_resilience.transports._httpx_exchange import HttpxExchange
from verto_resilience.transports._httpx_exchange_async import AsyncHttpxExchange
from verto_resilience.transports._httpx_wire import keep_time, pool_of
from verto_resilience.transports._refresh import Refresher
from verto_resilience.transports._refresh_async import AsyncRefresher
from verto_resilience.transports._tasks_clock import TasksClock


class ResilientTransport(httpx.BaseTransport):
    """Sends through another transport, and decides what to send, when, and whether again.

    Args:
        inner: The transport that sends; it keeps its TLS context, proxy, pool and certificates.
        pipeline: Settings, tables and machines.
        body_limit: Bytes of a body that are a part of its attempt; ``None``: all of it.

    Raises:
        ConfigurationError: ``inner`` is one of these itself.

    Attributes:
        refresher: Whom to ask for new credentials after a 401; ``None``: nobody.
    """

    refresher: Refresher | None = None

    def __init__(
        self,
        inner: httpx.BaseTransport,
        pipeline: Pipeline,
        *,
        body_limit: int | None = BODY_LIMIT,
    ) -> None:
        """Wrap the transport, and switch off what it would try again by itself."""
        _refuse_another(inner, ResilientTransport)
        self.inner = inner
        self.pipeline = pipeline
        self.body_limit = body_limit
        self._keeps_time = False
        self._is_taken_over = False
        self.go_on_with(pipeline)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request.

        Returns:
            The last response; it is never turned into an exception for its status.

        Raises:
            httpx.TransportError: What the inner transport raised last.
            ConfigurationError: Nothing was sent, for it would have called Verto without TLS or
                without checking the certificate; also a ``httpx.TransportError``.
            CircuitOpenError: Nothing was sent; also a ``httpx.ConnectError``.
            PausedError: Nothing was sent; also a ``httpx.ConnectError``.
        """
        pipeline = self.pipeline
        if pipeline.policy.disabled:
            return self.inner.handle_request(request)
        exchange = HttpxExchange(
            request,
            self.inner,
            pipeline,
            body_limit=self.body_limit,
            keeps_time=self._keeps_time,
            refresher=self.refresher,
        )
        try:
            return pipeline.run(exchange.request, exchange, policy=exchange.policy)
        except BaseException:
            exchange.break_off()
            raise

    def go_on_with(self, pipeline: Pipeline) -> None:
        """Make the next calls with another pipeline; those under way end with theirs."""
        self.pipeline = pipeline
        if not pipeline.policy.disabled and not self._is_taken_over:
            self._is_taken_over = True
            self._keeps_time = keep_time(self.inner)
            _switch_off_retries(self.inner)

    def close(self) -> None:
        """Close the inner transport."""
        self.inner.close()

    def __enter__(self) -> Self:
        """Begin to use it, and the inner transport."""
        self.inner.__enter__()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        """Close it, and end the use of the inner transport."""
        self.close()
        self.inner.__exit__(exc_type, exc_value, traceback)

    def __repr__(self) -> str:
        """Show what is wrapped."""
        return f"<{type(self).__name__} around {type(self.inner).__name__}>"


class AsyncResilientTransport(httpx.AsyncBaseTransport):
    """The same for tasks, under asyncio and under trio; the loop is never blocked.

    Args:
        inner: The transport that sends; it keeps its TLS context, proxy, pool and certificates.
        pipeline: Settings, tables and machines.
        body_limit: Bytes of a body that are a part of its attempt; ``None``: all of it.

    Raises:
        ConfigurationError: ``inner`` is one of these itself.

    Attributes:
        refresher: Whom to ask for new credentials after a 401; ``None``: nobody.
        clock: Where the waits are; its ``interrupt`` ends them.
    """

    refresher: AsyncRefresher | None = None

    def __init__(
        self,
        inner: httpx.AsyncBaseTransport,
        pipeline: Pipeline,
        *,
        body_limit: int | None = BODY_LIMIT,
    ) -> None:
        """Wrap the transport, and switch off what it would try again by itself."""
        _refuse_another(inner, AsyncResilientTransport)
        self.inner = inner
        self.pipeline = pipeline
        self.body_limit = body_limit
        self.clock = TasksClock(pipeline.clock)
        self._is_taken_over = False
        self.go_on_with(pipeline)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; returns and raises what :meth:`ResilientTransport.handle_request` does.

        A task that is cancelled meanwhile gives back what it had taken, and counts for nothing.
        """
        pipeline = self.pipeline
        if pipeline.policy.disabled:
            return await self.inner.handle_async_request(request)
        exchange = AsyncHttpxExchange(
            request, self.inner, pipeline, body_limit=self.body_limit, refresher=self.refresher
        )
        try:
            return await pipeline.run_async(
                exchange.request, exchange, clock=self.clock, policy=exchange.policy
            )
        except BaseException:
            await exchange.break_off()
            raise

    def go_on_with(self, pipeline: Pipeline) -> None:
        """Make the next calls with another pipeline; those under way end with theirs."""
        self.pipeline = pipeline
        if not pipeline.policy.disabled and not self._is_taken_over:
            self._is_taken_over = True
            _switch_off_retries(self.inner)

    async def aclose(self) -> None:
        """End the waits under way, and close the inner transport."""
        self.clock.interrupt()
        await self.inner.aclose()

    async def __aenter__(self) -> Self:
        """Begin to use it, and the inner transport."""
        await self.inner.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        """Close it, and end the use of the inner transport."""
        self.clock.interrupt()
        await self.inner.__aexit__(exc_type, exc_value, traceback)

    def __repr__(self) -> str:
        """Show what is wrapped."""
        return f"<{type(self).__name__} around {type(self.inner).__name__}>"


def _refuse_another(inner: object, kind: type[object]) -> None:
    if isinstance(inner, kind):
        problem = (
            f"inner is a {type(inner).__name__} already ({inner!r}): one inside another would "
            "multiply the attempts. Use it as it is, or wrap what it wraps: inner=transport.inner"
        )
        raise ConfigurationError(problem, problems=(problem,))


def _switch_off_retries(inner: Any) -> None:
    """Switch off that a transport connects again by itself: that is done in one place."""
    pool = pool_of(inner)
    retries = getattr(pool, "_retries", 0)
    if isinstance(retries, int) and retries > 0:
        pool._retries = 0  # noqa: SLF001 - httpcore has no name for it
        warnings.warn(
            f"{type(inner).__name__} connects again by itself (retries={retries}). Its retries "
            "are switched off: resends are made in one place. Build it with retries=0 to say so "
            "yourself.",
            stacklevel=callers_level(),
        )
