from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack
from typing import Any, Protocol

import anyio
import httpx
import pytest

from tests.end_to_end.sessions import quick
from tests.telemetry.makers import Sdk, global_sdk
from verto_resilience import AsyncVertoTransport, VertoTransport

Run = Callable[[Callable[[], Coroutine[Any, Any, None]]], None]
_FOR_THE_TRANSPORT = ("observer", "refresh", "body_limit", "inner")


class Clients(Protocol):
    """Makes clients with our transport; the fixture ``client`` closes them."""

    def __call__(self, **settings: Any) -> httpx.Client:
        """Make one, with these settings in place of those of ``QUICK``."""


class TaskClients(Protocol):
    """Makes clients for tasks; whoever asks for one closes it."""

    def __call__(self, **settings: Any) -> httpx.AsyncClient:
        """Make one, with these settings in place of those of ``QUICK``."""


@pytest.fixture
def client() -> Iterator[Clients]:
    """Give a maker of clients that no proxy variable touches; all are closed at the end."""
    with ExitStack() as stack:

        def make(**settings: Any) -> httpx.Client:
            given = {name: settings.pop(name) for name in _FOR_THE_TRANSPORT if name in settings}
            transport = VertoTransport(policy=quick(**settings), **given)
            return stack.enter_context(
                httpx.Client(transport=transport, trust_env=False, follow_redirects=True)
            )

        yield make


@pytest.fixture
def task_client() -> TaskClients:
    """Give a maker of clients for tasks that no proxy variable touches."""

    def make(**settings: Any) -> httpx.AsyncClient:
        given = {name: settings.pop(name) for name in _FOR_THE_TRANSPORT if name in settings}
        transport = AsyncVertoTransport(policy=quick(**settings), **given)
        return httpx.AsyncClient(transport=transport, trust_env=False, follow_redirects=True)

    return make


@pytest.fixture(params=["asyncio", "trio"])
def run(request: pytest.FixtureRequest) -> Run:
    """Give what runs a task to its end, under one loop and under the other."""

    def run_it(task: Callable[[], Coroutine[Any, Any, None]]) -> None:
        anyio.run(task, backend=request.param)

    return run_it


@pytest.fixture
def sdk(monkeypatch: pytest.MonkeyPatch) -> Sdk:
    """Give an SDK that is the global one for the time of a test."""
    return global_sdk(monkeypatch)


class Call(Protocol):
    """Calls once with a client of its own; the fixture ``call`` goes through threads and tasks."""

    def __call__(self, method: str, url: str, **options: Any) -> httpx.Response:
        """Call.

        Args:
            method: Such as ``POST``.
            url: Whole.
            **options: ``content``, ``headers`` and ``timeout`` of the request; ``verify``,
                ``proxy``, ``limits`` and ``uds`` of the inner transport; settings in place of those
                of ``QUICK``.
        """


@pytest.fixture(params=["threads", "asyncio", "trio"])
def call(request: pytest.FixtureRequest, client: Clients, task_client: TaskClients) -> Call:
    """Go through the ways to call."""

    def apart(options: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        asked = {name: options.pop(name) for name in _OF_A_REQUEST if name in options}
        sends = {name: options.pop(name) for name in _OF_THE_INNER if name in options}
        return asked, sends

    def by_thread(method: str, url: str, **options: Any) -> httpx.Response:
        asked, sends = apart(options)
        return client(inner=httpx.HTTPTransport(**sends), **options).request(method, url, **asked)

    def by_task(method: str, url: str, **options: Any) -> httpx.Response:
        asked, sends = apart(options)

        async def main() -> httpx.Response:
            async with task_client(inner=httpx.AsyncHTTPTransport(**sends), **options) as sender:
                return await sender.request(method, url, **asked)

        return anyio.run(main, backend=request.param)

    return by_thread if request.param == "threads" else by_task


_OF_A_REQUEST = ("content", "headers", "timeout")
_OF_THE_INNER = ("verify", "proxy", "limits", "uds")
