import logging
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import anyio
import pytest

from verto_resilience.testing import FakeClock
from verto_resilience.transports import Refresher, RefusedCredentials
from verto_resilience.transports._refresh_async import AsyncRefresher

REFUSED = RefusedCredentials("https://api.example.com:443", "Bearer old")
Run = Callable[[Callable[[], Coroutine[Any, Any, None]]], None]


@pytest.fixture(params=["asyncio", "trio"])
def run(request: pytest.FixtureRequest) -> Run:
    """Give what runs a task to its end, under one loop and under the other."""

    def run_it(task: Callable[[], Coroutine[Any, Any, None]]) -> None:
        anyio.run(task, backend=request.param)

    return run_it


def refresher(hook: Any) -> AsyncRefresher:
    """Make one that asks this hook."""
    return AsyncRefresher(Refresher(hook, clock=FakeClock().monotonic))


def test_a_hook_that_was_asked_is_not_asked_again(run: Run) -> None:
    """A call whose 401 comes late is given what took the place of the refused value."""
    asked: list[RefusedCredentials] = []

    async def hook(refused: RefusedCredentials) -> str:
        asked.append(refused)
        return "Bearer new"

    async def main() -> None:
        renews = refresher(hook)
        assert [await renews.renew(REFUSED, 9.0) for _ in range(2)] == ["Bearer new"] * 2
        renews.forget("Bearer new")
        assert await renews.renew(REFUSED, 9.0) == "Bearer new"

    run(main)

    assert asked == [REFUSED] * 2


def test_those_who_wait_get_what_the_one_who_asks_gets(run: Run) -> None:
    """A hook that has nothing to give is asked once for all who wait."""
    asked: list[RefusedCredentials] = []
    given: list[str | None] = []

    async def hook(refused: RefusedCredentials) -> None:
        asked.append(refused)
        await anyio.lowlevel.checkpoint()

    async def main() -> None:
        renews = refresher(hook)

        async def renew() -> None:
            given.append(await renews.renew(REFUSED, 9.0))

        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(renew)

    run(main)

    assert (len(asked), given) == (1, [None] * 3)


def test_a_task_that_is_cancelled_leaves_the_asking_to_another(run: Run) -> None:
    """Who waited for it asks, instead of going without."""
    asked: list[RefusedCredentials] = []
    given: list[str | None] = []

    async def hook(refused: RefusedCredentials) -> str:
        asked.append(refused)
        if len(asked) == 1:
            await anyio.sleep_forever()
        return "Bearer new"

    async def main() -> None:
        renews = refresher(hook)
        first = anyio.CancelScope()

        async def ask_in_vain() -> None:
            with first:
                await renews.renew(REFUSED, 9.0)

        async def wait_for_it() -> None:
            given.append(await renews.renew(REFUSED, 9.0))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask_in_vain)
            await anyio.wait_all_tasks_blocked()
            tasks.start_soon(wait_for_it)
            await anyio.wait_all_tasks_blocked()
            first.cancel()

    run(main)

    assert (len(asked), given) == (2, ["Bearer new"])


def test_a_hook_gets_no_longer_than_the_call_has(run: Run) -> None:
    """One that never comes back ends with the patience of its caller."""

    async def hook(refused: RefusedCredentials) -> str:
        await anyio.sleep_forever()
        raise AssertionError("unreachable")

    async def main() -> None:
        assert await refresher(hook).renew(REFUSED, 0.01) is None

    run(main)


def test_what_a_hook_raises_goes_no_further(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    """It is logged without its message."""

    async def hook(refused: RefusedCredentials) -> str:
        raise RuntimeError("can" + "ary")

    async def main() -> None:
        assert await refresher(hook).renew(REFUSED, 9.0) is None

    with caplog.at_level(logging.ERROR, "verto_resilience"):
        run(main)

    assert "RuntimeError" in caplog.text
    assert "canary" not in caplog.text


def test_a_plain_function_is_called_in_a_thread(run: Run) -> None:
    """It may wait as it likes; what it gives may be awaited still."""
    threads: list[int] = []

    async def later() -> str:
        return "Bearer new"

    def hook(refused: RefusedCredentials) -> Awaitable[str]:
        threads.append(threading.get_ident())
        return later()

    async def main() -> None:
        assert await refresher(hook).renew(REFUSED, 9.0) == "Bearer new"

    run(main)

    assert threads != [threading.get_ident()]
