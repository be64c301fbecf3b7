"""Answers as Verto does, as far as Verto documents it: the service behind the sandbox's socket."""

import threading
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import parse_qsl

from verto_resilience.testing._http import Request
from verto_resilience.testing._ledger import Answer, Ledger
from verto_resilience.testing._routes import (
    DOCUMENTED_CODE,
    Ask,
    Route,
    find_route,
    read_object,
    refuse,
)


class Verto:
    """Authentication, routes and idempotency over one ledger."""

    __slots__ = ("_credentials", "_ledger", "_lock", "_require_auth", "_token_lifetime")

    def __init__(
        self,
        lock: threading.RLock,
        ledger: Ledger,
        *,
        require_auth: bool,
        credentials: tuple[str, str] | None,
        token_lifetime: float,
    ) -> None:
        """Answer from this ledger; see :class:`Sandbox` for the settings."""
        self._lock = lock
        self._ledger = ledger
        self._require_auth = require_auth
        self._credentials = credentials
        self._token_lifetime = token_lifetime

    def answer(self, request: Request, *, now: float, wall: float) -> Answer:
        """Do what the request asks for, in one piece.

        Args:
            request: As received.
            now: Monotonic seconds.
            wall: Seconds since 1970-01-01 UTC.
        """
        found = find_route(request.method, request.path)
        if found is None:
            return refuse(404)
        route, params = found
        body = {} if route.takes_any_body else read_object(request.body)
        if body is None:
            return refuse(400, "The body is no JSON object", DOCUMENTED_CODE)
        ask = Ask(
            path=params,
            query=dict(parse_qsl(request.query, keep_blank_values=True)),
            body=body,
            now=now,
            wall=wall,
            token_lifetime=self._token_lifetime,
            credentials=self._credentials,
        )
        with self._lock:
            if self._require_auth and not route.open and not self._knows(request.headers, now):
                return refuse(401)
            return self._perform(route, request, ask)

    def _knows(self, headers: Mapping[str, str], now: float) -> bool:
        scheme, _, token = headers.get("Authorization", "").partition(" ")
        expires = self._ledger.tokens.get(token.strip())
        return scheme.lower() == "bearer" and expires is not None and now < expires

    def _perform(self, route: Route, request: Request, ask: Ask) -> Answer:
        idempotency_key = request.headers.get("Idempotency-Key", "")
        if not route.writes or not idempotency_key:
            return route.does(self._ledger, ask)
        key = (request.method, request.path, idempotency_key)
        stored = self._ledger.stored.get(key)
        if stored is None:
            answer = route.does(self._ledger, ask)
            if answer.executed:
                self._ledger.store(key, request.body, answer)
            return answer
        body, answer = stored
        if body != request.body:
            return refuse(409, "This Idempotency-Key came before with another body")
        return replace(answer, executed=False, replayed=True)
