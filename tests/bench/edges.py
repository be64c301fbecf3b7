"""The same GET without requests: through urllib3, and through httpx in a thread and in a task.

Each client goes on its one keep-alive connection, and reads the body, as those of requests do.
"""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.bench.contender import Contender

if TYPE_CHECKING:
    import httpx
    import urllib3


def pool_manager(url: str) -> Contender:
    """Give urllib3 as it comes."""
    import urllib3

    return _through_urllib3(urllib3.PoolManager(), url)


def verto_pool_manager(url: str) -> Contender:
    """Give what stands in its place."""
    from verto_resilience import VertoPoolManager

    return _through_urllib3(VertoPoolManager(), url)


def client(url: str) -> Contender:
    """Give httpx as it comes."""
    import httpx

    return _through_httpx(httpx.Client(), url)


def verto_client(url: str) -> Contender:
    """Give httpx with our transport."""
    import httpx

    from verto_resilience import VertoTransport

    return _through_httpx(httpx.Client(transport=VertoTransport()), url)


def async_client(url: str) -> Contender:
    """Give httpx in a task."""
    import httpx

    return _in_a_task(httpx.AsyncClient, url)


def verto_async_client(url: str) -> Contender:
    """Give httpx in a task, with our transport."""
    import httpx

    from verto_resilience import AsyncVertoTransport

    return _in_a_task(lambda: httpx.AsyncClient(transport=AsyncVertoTransport()), url)


def _through_urllib3(manager: "urllib3.PoolManager", url: str) -> Contender:
    return Contender(lambda: manager.request("GET", url).data)


def _through_httpx(one: "httpx.Client", url: str) -> Contender:
    return Contender(lambda: one.get(url).content)


def _in_a_task(build: "Callable[[], httpx.AsyncClient]", url: str) -> Contender:
    loop = asyncio.new_event_loop()

    async def built() -> "httpx.AsyncClient":
        return build()

    one = loop.run_until_complete(built())

    async def make(calls: int) -> None:
        for _ in range(calls):
            (await one.get(url)).content  # noqa: B018 - read, as by whoever calls

    def repeat(calls: int) -> None:
        loop.run_until_complete(make(calls))

    return Contender(lambda: repeat(1), repeat=repeat)


EDGES: dict[str, Callable[[str], Contender]] = {
    "PoolManager": pool_manager,
    "VertoPoolManager": verto_pool_manager,
    "Client": client,
    "VertoTransport": verto_client,
    "AsyncClient": async_client,
    "AsyncVertoTransport": verto_async_client,
}
