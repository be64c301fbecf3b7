"""One request at the asynchronous httpx edge: ``_httpx_exchange.py``, for tasks.

An attempt is cancelled at its deadline, whatever its transport waits for. What has to be closed
after the task itself was cancelled is closed under a shield, in next to no time.
"""

from contextlib import suppress
from typing import cast

import anyio
import httpx
from anyio.lowlevel import checkpoint

from verto_resilience.pipeline import AttemptScope, Pipeline, Result
from verto_resilience.transports._error_bodies import FIRST_ERROR
from verto_resilience.transports._httpx_bodies import (
    BODY_LIMIT,
    AsyncHeldStream,
    bounding_error,
    bytes_to_read,
    cut_off_in_tasks,
    decoded_start,
)
from verto_resilience.transports._httpx_exchanged import (
    DRAIN,
    INSTANT,
    KEEP,
    UNAUTHORIZED,
    Exchanged,
)
from verto_resilience.transports._httpx_wire import WireLimit, traced_in_tasks
from verto_resilience.transports._refresh_async import AsyncRefresher


class AsyncHttpxExchange(Exchanged):
    """One request on its way through an asynchronous transport; used by one task."""

    def __init__(
        self,
        request: httpx.Request,
        inner: httpx.AsyncBaseTransport,
        pipeline: Pipeline,
        *,
        body_limit: int | None,
        refresher: AsyncRefresher | None,
    ) -> None:
        """Read from the request what the machines need to know.

        Args:
            request: The request.
            inner: The transport that sends.
            pipeline: Settings, tables and machines.
            body_limit: Bytes of a body that are a part of its attempt; ``None``: all.
            refresher: Whom to ask for new credentials after a 401; ``None``: nobody.
        """
        can_refresh = refresher is not None
        super().__init__(request, inner, pipeline, body_limit=body_limit, can_refresh=can_refresh)
        self._refresher = refresher

    async def send(self, scope: AttemptScope, left: float) -> Result[httpx.Response]:
        """Send exactly once through the inner transport, and read what is part of the attempt."""
        began = self._pipeline.clock.monotonic()
        if self._superseded is not None:
            await self._let_go(self._superseded)
            self._superseded = None
            left = max(INSTANT, left - (self._pipeline.clock.monotonic() - began))
        limit, _ = self._begin(left, is_kept=True)
        request = self._outgoing(scope, traced_in_tasks(limit, self._own.extensions.get("trace")))
        response: httpx.Response | None = None
        body: bytes | None = None
        try:
            with anyio.move_on_after(left) as bound:
                response = await self._inner.handle_async_request(request)
                self._hear_no_more(request)
                body = await self._read(response)
        except Exception as error:  # noqa: BLE001 - classified, and raised again by finished()
            await _close(response)
            return self._failed(error, in_body=response is not None)
        except BaseException:
            await _cut_off(response, limit)
            raise
        if bound.cancelled_caught:
            await _cut_off(response, limit)
            return self._failed(_late(limit), in_body=response is not None)
        response = cast("httpx.Response", response)
        if self._renewed is not None and response.status_code == UNAUTHORIZED:
            cast("AsyncRefresher", self._refresher).forget(self._renewed)
        return self._came(response, body, scope)

    async def prepare_resend(self, result: Result[httpx.Response]) -> bool:
        """Rewind the body, and remember a response that has to be drained before the next send."""
        if not self._replay.rewind():
            return False
        response = self._set_aside(result)
        if response is not None:
            await self._keep(response)
        return True

    async def refresh(self, left: float) -> bool:
        """Ask the caller's hook for new credentials; the next send carries them."""
        refresher = cast("AsyncRefresher", self._refresher)
        return self._take(await refresher.renew(self._refused_credentials(), left))

    async def break_off(self) -> None:
        """Free the connection of a response that was to be drained later."""
        await _close(self._superseded)

    async def _read(self, response: httpx.Response) -> bytes | None:
        """Read what is part of the attempt; gives its start where that was all, and is searched."""
        wanted = bytes_to_read(self._own, response, self._body_limit)
        stream = cast("httpx.AsyncByteStream", response.stream)
        pieces: list[bytes] = []
        rest, size = aiter(stream), 0
        while wanted is None or size < wanted:
            piece = await anext(rest, None)
            if piece is None:
                await stream.aclose()
                break
            pieces.append(piece)
            size += len(piece)
        else:
            response.stream = AsyncHeldStream(pieces, rest, stream.aclose)
            if not wanted or response.status_code < FIRST_ERROR:
                self._unread = True
                return None
            await response.stream.aclose()
        for _ in bounding_error(response, pieces):
            await checkpoint()
        response.stream = AsyncHeldStream(pieces, None, _nothing)
        self._unread = False
        return decoded_start(response, pieces, self.policy.error_body_limit)

    async def _keep(self, response: httpx.Response) -> None:
        """Read what a 401 says, in case it is returned, and free its connection."""
        end = cast("WireLimit", self._limit).end
        seconds = min(end - self._pipeline.clock.monotonic(), KEEP)
        kept: list[bytes] = []
        left, is_whole = BODY_LIMIT, False
        try:
            with anyio.move_on_after(seconds), suppress(Exception):
                async for piece in cast("AsyncHeldStream", response.stream):
                    kept.append(piece)
                    left -= len(piece)
                    if left < 0:
                        break
                else:
                    is_whole = True
        finally:
            await _close(response)
        rest = None if is_whole else cut_off_in_tasks()
        response.stream = AsyncHeldStream(kept, rest, _nothing)
        self._unread = False

    async def _let_go(self, response: httpx.Response) -> None:
        """Free the connection of a response that will not be returned, in next to no time."""
        left = self.policy.drain_limit
        with anyio.move_on_after(DRAIN), suppress(Exception):
            async for piece in cast("AsyncHeldStream", response.stream):
                left -= len(piece)
                if left < 0:
                    break
        await _close(response)


def _late(limit: WireLimit) -> httpx.TimeoutException:
    """Give the exception for an attempt that was cancelled at its deadline."""
    if limit.requested:
        return httpx.ReadTimeout("timed out")
    return httpx.ConnectTimeout("timed out") if limit.connected else httpx.PoolTimeout("timed out")


async def _cut_off(response: httpx.Response | None, limit: WireLimit) -> None:
    """Close what was read when the task was cancelled, or what was not yet secured.

    httpcore leaves a connection in its TLS handshake to the garbage collector.
    """
    await _close(response)
    if limit.securing and limit.opened is not None:
        with anyio.move_on_after(DRAIN, shield=True), suppress(Exception):
            await limit.opened.aclose()


async def _close(response: httpx.Response | None) -> None:
    if response is not None:
        with anyio.move_on_after(DRAIN, shield=True), suppress(Exception):
            await cast("httpx.AsyncByteStream", response.stream).aclose()


async def _nothing() -> None:
    pass
