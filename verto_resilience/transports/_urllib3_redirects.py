"""Follows redirects by urllib3's own rules, each hop a call of its own."""

from typing import Any, NamedTuple, Protocol

from urllib3 import BaseHTTPResponse, HTTPConnectionPool, PoolManager
from urllib3.exceptions import MaxRetryError

from verto_resilience.transports._report_of import attach_report, own_report_of


class Hop(NamedTuple):
    """One hop of a request: what ``urlopen`` was called with.

    Attributes:
        method: As given.
        url: As given.
        redirect: Whether to follow where the answer leads.
        options: The other arguments, headers among them.
        sends_before: Sends of the hops before.
    """

    method: str
    url: str
    redirect: bool
    options: dict[str, Any]
    sends_before: int = 0


class Opener(Protocol):
    """What makes the call of the next hop."""

    inner: PoolManager

    def open_hop(self, hop: Hop) -> BaseHTTPResponse:
        """Make the call of one hop, and those of the hops that it leads to."""
        ...


def follow(opener: Opener, hop: Hop, response: BaseHTTPResponse, sends: int) -> BaseHTTPResponse:
    """Go where an answer leads.

    Args:
        opener: Makes the calls of the hops to come.
        hop: Whose answer it is.
        response: The answer, which names another place.
        sends: Sends so far.

    Returns:
        The last answer.

    Raises:
        urllib3.exceptions.MaxRetryError: There are more hops than the caller's ``Retry`` allows.
    """
    answered = _Answered(opener, response, sends)
    try:
        return PoolManager.urlopen(
            answered, hop.method, hop.url, redirect=hop.redirect, **hop.options
        )
    except MaxRetryError as error:
        if isinstance(error.pool, _AnsweredPool):
            error.pool = error.pool.pool
            report = own_report_of(response)
            if report is not None:
                attach_report(error, report)
        raise


class _Answered(PoolManager):
    """Stands for the manager while urllib3 looks at an answer that is there already."""

    def __init__(self, opener: Opener, response: BaseHTTPResponse, sends: int) -> None:
        # Nothing else of a manager is asked of it.
        self._opener = opener
        self._response = response
        self._sends = sends

    def connection_from_host(
        self,
        host: str | None,
        port: int | None = None,
        scheme: str | None = "http",
        pool_kwargs: dict[str, Any] | None = None,
    ) -> Any:
        pool = self._opener.inner.connection_from_host(host, port, scheme, pool_kwargs)
        return _AnsweredPool(pool, self._response)

    def urlopen(  # type: ignore[override]
        self,
        method: str,
        url: str,
        redirect: bool = True,  # noqa: FBT001, FBT002 - urllib3 has it so
        **kw: Any,
    ) -> BaseHTTPResponse:
        del kw["assert_same_host"]
        return self._opener.open_hop(Hop(method, url, redirect, kw, self._sends))


class _AnsweredPool:
    """Stands for a pool: gives the answer that is there."""

    def __init__(self, pool: HTTPConnectionPool, response: BaseHTTPResponse) -> None:
        self.pool = pool
        self._response = response

    def urlopen(self, *_: Any, **__: Any) -> BaseHTTPResponse:
        return self._response

    def is_same_host(self, url: str) -> bool:
        return self.pool.is_same_host(url)

    def __str__(self) -> str:
        return str(self.pool)
