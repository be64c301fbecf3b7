"""The adapter: what ``Session.send`` calls, around the adapter that really sends."""

import warnings
from typing import Any

import requests
from requests.adapters import BaseAdapter
from requests.models import PreparedRequest
from urllib3.util import Retry

from verto_resilience.errors import ConfigurationError
from verto_resilience.pipeline import Pipeline
from verto_resilience.transports._callers import callers_level
from verto_resilience.transports._refresh import Refresher
from verto_resilience.transports._requests_exchange import RequestsExchange
from verto_resilience.transports._taken_over import give_back, set_retries, take_over


class ResilientAdapter(BaseAdapter):
    """Sends through another adapter, and decides what to send, when, and whether again.

    Args:
        inner: The adapter that sends; it keeps its TLS context, proxies, pools and certificates.
        pipeline: Settings, tables and machines.
        owns_inner: Whether :meth:`close` closes ``inner``.

    Raises:
        ConfigurationError: ``inner`` is one of these itself.

    Attributes:
        refresher: Whom to ask for new credentials after a 401; ``None``: nobody.
    """

    refresher: Refresher | None = None

    def __init__(self, inner: BaseAdapter, pipeline: Pipeline, *, owns_inner: bool) -> None:
        """Wrap the adapter, and take over the retries that it would make by itself."""
        super().__init__()
        if isinstance(inner, ResilientAdapter):
            problem = (
                f"inner is a {type(inner).__name__} already ({inner!r}): one inside another would "
                "multiply the attempts. Mount it as it is, or wrap what it wraps: "
                "inner=adapter.inner"
            )
            raise ConfigurationError(problem, problems=(problem,))
        self.pipeline = pipeline
        self.owns_inner = owns_inner
        self._has_taken_over = False
        self.inner = inner
        if not pipeline.policy.disabled:
            self._take_over()

    def send(  # noqa: PLR0917 - requests passes these by name or by place
        self,
        request: PreparedRequest,
        stream: bool = False,  # noqa: FBT001, FBT002
        timeout: Any = None,
        verify: Any = True,  # noqa: FBT002
        cert: Any = None,
        proxies: Any = None,
    ) -> requests.Response:
        """Send a prepared request; the signature is that of ``HTTPAdapter.send``.

        Returns:
            The last response; it is never turned into an exception for its status.

        Raises:
            requests.exceptions.RequestException: What the inner adapter raised last.
            ConfigurationError: Nothing was sent, for it would have called Verto without TLS or
                without checking the certificate; also a ``RequestException``.
            CircuitOpenError: Nothing was sent; also a ``requests.exceptions.ConnectionError``.
            PausedError: Nothing was sent; also a ``requests.exceptions.ConnectionError``.
        """
        options = {
            "stream": stream,
            "timeout": timeout,
            "verify": verify,
            "cert": cert,
            "proxies": proxies,
        }
        pipeline = self.pipeline
        if pipeline.policy.disabled or not request.url:
            return self.inner.send(request, **options)
        if not self._has_taken_over:
            self._take_over_again()
        exchange = RequestsExchange(
            request, self, self.inner, pipeline, options, refresher=self.refresher
        )
        try:
            return pipeline.run(exchange.request, exchange, policy=exchange.policy)
        except BaseException:
            exchange.break_off()
            raise

    def close(self) -> None:
        """Close the inner adapter if it is this one's own."""
        if self.owns_inner:
            self.inner.close()

    @property
    def max_retries(self) -> Any:
        """What the inner adapter resends by itself; set, it is switched off here as well."""
        return self.inner.max_retries  # type: ignore[attr-defined]

    @max_retries.setter
    def max_retries(self, retries: Any) -> None:
        found = set_retries(self.inner, retries)
        if found is not None:
            _warn(self.inner, found)

    def give_back(self) -> None:
        """Leave the inner adapter as it was found, unless another of these is around it."""
        self._has_taken_over = False
        give_back(self.inner, self)

    def go_on_with(self, pipeline: Pipeline) -> None:
        """Make the next calls with another pipeline; those under way end with theirs."""
        try:
            if self.pipeline.policy.disabled and not pipeline.policy.disabled:
                self._take_over()
        finally:
            # In any case: a warning may be an error.
            self.pipeline = pipeline
        if pipeline.policy.disabled:
            self.give_back()

    def _take_over(self) -> None:
        found = take_over(self.inner, self)
        self._has_taken_over = True
        if found is not None:
            _warn(self.inner, found)

    def _take_over_again(self) -> None:
        """Go on where one session has given back what another still sends through."""
        take_over(self.inner, self)
        self._has_taken_over = True
        if self.pipeline.policy.disabled:
            # Switched off in this very moment, by another thread.
            self.give_back()

    def __repr__(self) -> str:
        """Show what is wrapped."""
        return f"<{type(self).__name__} around {type(self.inner).__name__}>"


def _warn(inner: BaseAdapter, retries: Retry) -> None:
    warnings.warn(
        f"{type(inner).__name__} retries by itself ({retries!r}). Its retries are switched off "
        "while verto_resilience is mounted around it: resends are made in one place. Build it "
        "with max_retries=0 to say so yourself.",
        stacklevel=callers_level(),
    )
