"""One request at the synchronous httpx edge: how it is sent once, kept, refused, returned."""

from contextlib import suppress
from typing import cast

import httpx

from verto_resilience.pipeline import AttemptScope, Pipeline, Result
from verto_resilience.transports._error_bodies import FIRST_ERROR
from verto_resilience.transports._httpx_bodies import (
    BODY_LIMIT,
    HeldStream,
    bounding_error,
    bytes_to_read,
    cut_off,
    decoded_start,
)
from verto_resilience.transports._httpx_exchanged import (
    DRAIN,
    INSTANT,
    KEEP,
    UNAUTHORIZED,
    Exchanged,
)
from verto_resilience.transports._httpx_wire import WireLimit, traced
from verto_resilience.transports._refresh import Refresher


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
                self._hear_no_more(request)
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
            self._keep(response)
        return True

    def refresh(self, left: float) -> bool:
        """Ask the caller's hook for new credentials; the next send carries them."""
        refresher = cast("Refresher", self._refresher)
        return self._take(refresher.renew(self._refused_credentials(), left))

    def break_off(self) -> None:
        """Free the connection of a response that was to be drained later."""
        _close(self._superseded)

    def _read(self, response: httpx.Response) -> bytes | None:
        """Read what is part of the attempt; gives its start where that was all, and is searched."""
        limit = cast("WireLimit", self._limit)
        wanted = bytes_to_read(self._own, response, self._body_limit)
        stream = cast("httpx.SyncByteStream", response.stream)
        pieces: list[bytes] = []
        rest, size = iter(stream), 0
        while wanted is None or size < wanted:
            piece = next(rest, None)
            if piece is None:
                break
            pieces.append(piece)
            size += len(piece)
            if limit.is_over:
                raise httpx.ReadTimeout("timed out")
        else:
            if not wanted or response.status_code < FIRST_ERROR:
                self._unread = True
                response.stream = HeldStream(pieces, rest, stream.close)
                return None
        stream.close()
        for _ in bounding_error(response, pieces):
            pass
        response.stream = HeldStream(pieces, None, _nothing)
        self._unread = False
        return decoded_start(response, pieces, self.policy.error_body_limit)

    def _keep(self, response: httpx.Response) -> None:
        """Read what a 401 says, in case it is returned, and free its connection."""
        clock = self._pipeline.clock.monotonic
        end = min(cast("WireLimit", self._limit).end, clock() + KEEP)
        pieces: list[bytes] = []
        left, is_whole = BODY_LIMIT, False
        with suppress(Exception), WireLimit(clock, end) as limit:
            for piece in cast("HeldStream", response.stream):
                pieces.append(piece)
                left -= len(piece)
                if left < 0 or limit.is_over:
                    break
            else:
                is_whole = True
        _close(response)
        rest = None if is_whole else cut_off()
        response.stream = HeldStream(pieces, rest, _nothing)
        self._unread = False

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
