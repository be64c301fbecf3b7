"""The adapter: what ``Session.send`` calls, around the adapter that really sends."""

import sys
import warnings
from typing import Any

import requests
from requests.adapters import BaseAdapter
from requests.models import PreparedRequest
from urllib3.util import Retry

from verto_resilience.errors import ConfigurationError
from verto_resilience.pipeline import Pipeline
from verto_resilience.transports._pools import PoolMemory, forget_pools, remember_pools
from verto_resilience.transports._refresh import Refresher
from verto_resilience.transports._requests_exchange import RequestsExchange


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
        self.inner = inner
        self.pipeline = pipeline
        self.owns_inner = owns_inner
        self._retries: Retry | None = None
        self._pools: PoolMemory | None = None
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
        exchange = RequestsExchange(
            request,
            adapter=self,
            inner=self.inner,
            pipeline=pipeline,
            options=options,
            refresher=self.refresher,
        )
        return pipeline.run(exchange.request, exchange, policy=exchange.policy)

    def close(self) -> None:
        """Close the inner adapter if it is this one's own."""
        if self.owns_inner:
            self.inner.close()

    def give_back(self) -> None:
        """Leave the inner adapter as it was found."""
        if self._pools is not None:
            forget_pools(self.inner)
        if self._retries is not None:
            self.inner.max_retries = self._retries  # type: ignore[attr-defined]

    def go_on_with(self, pipeline: Pipeline) -> None:
        """Make the next calls with another pipeline; those under way end with theirs."""
        was_disabled = self.pipeline.policy.disabled
        if was_disabled and not pipeline.policy.disabled:
            self._take_over()
        self.pipeline = pipeline
        if pipeline.policy.disabled and not was_disabled:
            self.give_back()

    def _take_over(self) -> None:
        self._retries = take_over_retries(self.inner) or self._retries
        self._pools = remember_pools(self.inner)

    def __repr__(self) -> str:
        """Show what is wrapped."""
        return f"<{type(self).__name__} around {type(self.inner).__name__}>"


def own_retries(adapter: BaseAdapter) -> Retry | None:
    """Give what an adapter resends by itself; ``None`` when it sends once."""
    retries = getattr(adapter, "max_retries", None)
    return retries if isinstance(retries, Retry) and _resends(retries) else None


def take_over_retries(inner: BaseAdapter) -> Retry | None:
    """Switch the retries of an adapter off, so that nothing is sent twice over; warn once.

    What urllib3 resends below an adapter is seen by no circuit, waits for no deadline, and may
    send a POST twice.

    Returns:
        What was switched off, or ``None``.
    """
    retries = own_retries(inner)
    if retries is None:
        return None
    inner.max_retries = Retry(0, read=False)  # type: ignore[attr-defined]
    warnings.warn(
        f"{type(inner).__name__} retries by itself ({retries!r}). Its retries are switched off "
        "while verto_resilience is mounted around it: resends are made in one place. Build it "
        "with max_retries=0 to say so yourself.",
        stacklevel=_callers_level(),
    )
    return retries


def _callers_level() -> int:
    """Count the frames up to the code that mounted, so that the warning names its line."""
    frame, level = sys._getframe(1), 1  # noqa: SLF001 - as the warnings module itself does
    while frame.f_back is not None and _is_ours(frame.f_globals.get("__name__", "")):
        frame, level = frame.f_back, level + 1
    return level


def _is_ours(module: str) -> bool:
    return module.partition(".")[0] == __name__.partition(".")[0]


def _resends(retries: Retry) -> bool:
    if retries.total is not None:
        return retries.total is not False and retries.total > 0
    counts = (retries.connect, retries.read, retries.status, retries.other)
    return any(count is None or (count is not False and count > 0) for count in counts)
