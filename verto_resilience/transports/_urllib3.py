"""The pool manager: what code calls, around the pool manager that really sends."""

import warnings
from typing import Any

from urllib3 import BaseHTTPResponse, HTTPConnectionPool, PoolManager
from urllib3.util import Retry

from verto_resilience.errors import ConfigurationError
from verto_resilience.pipeline import Pipeline
from verto_resilience.transports._callers import callers_level
from verto_resilience.transports._guarded_pools import guard_manager
from verto_resilience.transports._refresh import Refresher
from verto_resilience.transports._stand_in import StandIn
from verto_resilience.transports._taken_over import resends
from verto_resilience.transports._urllib3_exchange import Urllib3Exchange
from verto_resilience.transports._urllib3_outcome import tie_past
from verto_resilience.transports._urllib3_redirects import Hop, follow

_URLLIB3 = frozenset({"urllib3"})


class ResilientPoolManager(StandIn, PoolManager):
    """Sends through another pool manager, and decides what to send, when, and whether again.

    Args:
        inner: The pool manager that sends; it keeps its pools, TLS settings and proxies.
        pipeline: Settings, tables and machines.

    Raises:
        ConfigurationError: ``inner`` is one of these itself.

    Attributes:
        refresher: Whom to ask for new credentials after a 401; ``None``: nobody.
    """

    refresher: Refresher | None = None

    def __init__(self, inner: PoolManager, pipeline: Pipeline) -> None:
        """Wrap the manager; nothing is connected yet."""
        # Not super().__init__(), which would make pools of its own: all is asked of the inner one.
        if isinstance(inner, ResilientPoolManager):
            problem = (
                f"inner is a {type(inner).__name__} already: one inside another would multiply "
                "the attempts. Use it as it is, or wrap what it wraps: inner=manager.inner"
            )
            raise ConfigurationError(problem, problems=(problem,))
        self.proxy, self.proxy_config = inner.proxy, inner.proxy_config
        self._has_warned = False
        self.pipeline = pipeline
        self.inner = inner
        self.go_on_with(pipeline)

    def urlopen(  # type: ignore[override]
        self,
        method: str,
        url: str,
        redirect: bool = True,  # noqa: FBT001, FBT002 - urllib3 has it so
        **kw: Any,
    ) -> BaseHTTPResponse:
        """Send a request; the signature is that of ``PoolManager.urlopen``.

        Each hop of a redirect is a call of its own.

        Returns:
            The last response; it is never turned into an exception for its status.

        Raises:
            urllib3.exceptions.HTTPError: What the inner manager raised last.
            ConfigurationError: Nothing was sent, for it would have called Verto without TLS or
                without checking the certificate; also a ``HTTPError``.
            CircuitOpenError: Nothing was sent; also a ``HTTPError``.
            PausedError: Nothing was sent; also a ``HTTPError``.
        """
        if "headers" not in kw:
            kw["headers"] = self.headers
        if not self.pipeline.policy.disabled:
            self._warn_of(kw.get("retries"))
        return self.open_hop(Hop(method, url, redirect, kw))

    def open_hop(self, hop: Hop) -> BaseHTTPResponse:
        """Make the call of one hop, and those of the hops that it leads to."""
        pipeline = self.pipeline
        if pipeline.policy.disabled or not isinstance(hop.url, str) or not hop.url:
            return self._open_past(hop)
        exchange = Urllib3Exchange(self.inner, pipeline, hop, refresher=self.refresher)
        try:
            response = pipeline.run(exchange.request, exchange, policy=exchange.policy)
        except BaseException:
            exchange.break_off()
            raise
        if hop.redirect and response.get_redirect_location():
            return follow(self, hop, response, exchange.sends)
        return response

    def _open_past(self, hop: Hop) -> BaseHTTPResponse:
        """Have the inner manager do all of it; what comes knows what was asked, and that is all."""
        method, url, options = hop.method, hop.url, hop.options
        try:
            response = self.inner.urlopen(method, url, redirect=hop.redirect, **options)
        except Exception as error:
            tie_past(error, method, url, options)
            raise
        tie_past(response, method, url, options)
        return response

    def connection_from_host(
        self,
        host: str | None,
        port: int | None = None,
        scheme: str | None = "http",
        pool_kwargs: dict[str, Any] | None = None,
    ) -> HTTPConnectionPool:
        """Give the inner manager's pool; what is sent through it by hand is sent as ever."""
        return self.inner.connection_from_host(host, port, scheme, pool_kwargs)

    def connection_from_context(self, request_context: dict[str, Any]) -> HTTPConnectionPool:
        """Give the inner manager's pool, as :meth:`connection_from_host`."""
        return self.inner.connection_from_context(request_context)

    def connection_from_pool_key(
        self, pool_key: Any, request_context: dict[str, Any]
    ) -> HTTPConnectionPool:
        """Give the inner manager's pool, as :meth:`connection_from_host`."""
        return self.inner.connection_from_pool_key(pool_key, request_context)

    def connection_from_url(
        self, url: str, pool_kwargs: dict[str, Any] | None = None
    ) -> HTTPConnectionPool:
        """Give the inner manager's pool, as :meth:`connection_from_host`."""
        return self.inner.connection_from_url(url, pool_kwargs)

    def clear(self) -> None:
        """Empty the inner manager's store of pools; calls under way go on."""
        self.inner.clear()

    def go_on_with(self, pipeline: Pipeline) -> None:
        """Make the next calls with another pipeline; those under way end with theirs."""
        self.pipeline = pipeline
        if not pipeline.policy.disabled:
            guard_manager(self.inner)
            self._warn_of(self.inner.connection_pool_kw.get("retries"))

    def _warn_of(self, retries: Any) -> None:
        """Say once that what a caller asked urllib3 to resend is switched off."""
        if self._has_warned or retries is None or retries is Retry.DEFAULT:
            return
        asked = Retry.from_int(retries)
        if resends(asked):
            self._has_warned = True
            warnings.warn(
                f"PoolManager retries by itself ({asked!r}). Its resends are switched off under "
                "verto_resilience: they are made in one place. Redirects are followed as it says. "
                "Give retries=Retry(0, redirect=...) to say so yourself.",
                stacklevel=callers_level(_URLLIB3),
            )

    def __repr__(self) -> str:
        """Show what is wrapped."""
        return f"<{type(self).__name__} around {type(self.inner).__name__}>"
