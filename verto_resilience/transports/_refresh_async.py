"""Asks the caller's own function for new credentials in a task, once for all who need them."""

from collections.abc import Awaitable, Callable, Hashable
from inspect import isawaitable, iscoroutinefunction
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread

from verto_resilience.transports._refresh import Refresher, RefusedCredentials

AsyncRefreshHook = Callable[[RefusedCredentials], Awaitable[str | None]]
"""Gives the new value of the ``Authorization`` header, or ``None`` when there is none to be had."""


class AsyncRefresher:
    """Awaits the hook: one task for each value that was refused, while the others wait.

    A hook that is no coroutine function is called in a thread, so that it may wait as it likes. A
    task that is cancelled while it asks leaves the asking to one of those who wait.

    Args:
        refresher: Has the hook, and remembers what it gave.
    """

    __slots__ = ("_refresher", "_under_way")

    def __init__(self, refresher: Refresher) -> None:
        """Start with nothing under way."""
        self._refresher = refresher
        self._under_way: dict[Hashable, _Flight] = {}

    async def renew(self, refused: RefusedCredentials, patience: float) -> str | None:
        """Give another value than the refused one; ``None`` when there is none. Never raises.

        Args:
            refused: What was refused.
            patience: Seconds to wait at most, for the hook or for the task that asks it.
        """
        key = self._refresher.key_of(refused)
        # Nobody can wait for a task of another loop, nor for one from before a fork.
        flights_key = anyio.lowlevel.current_token(), key
        with anyio.move_on_after(patience):
            while True:
                known = self._refresher.known(key)
                if known is not None:
                    return known
                flight = self._under_way.get(flights_key)
                if flight is None:
                    return await self._replace(key, flights_key, refused)
                await flight.over.wait()
                if flight.came_to_an_end:
                    return flight.result
        return None

    def forget(self, value: str) -> None:
        """Take note that a value given here was refused as well."""
        self._refresher.forget(value)

    async def _replace(
        self, key: Hashable, flights_key: Hashable, refused: RefusedCredentials
    ) -> str | None:
        flight = self._under_way[flights_key] = _Flight()
        try:
            flight.result = self._refresher.keep(key, refused, await self._ask(refused))
            flight.came_to_an_end = True
            return flight.result
        finally:
            del self._under_way[flights_key]
            flight.over.set()

    async def _ask(self, refused: RefusedCredentials) -> str | None:
        hook: Any = self._refresher.hook
        try:
            if iscoroutinefunction(hook):
                value = await hook(refused)
            else:
                (value,) = await anyio.to_thread.run_sync(
                    _called, hook, refused, abandon_on_cancel=True
                )
                if isawaitable(value):
                    value = await value
        except Exception as error:  # noqa: BLE001 - a stranger's code must not reach the call
            self._refresher.raised(error)
            return None
        return self._refresher.checked(value)


def _called(hook: Callable[[RefusedCredentials], Any], refused: RefusedCredentials) -> tuple[Any]:
    # In a tuple: trio takes no awaitable out of a thread.
    return (hook(refused),)


class _Flight:
    """One asking of the hook."""

    __slots__ = ("came_to_an_end", "over", "result")

    def __init__(self) -> None:
        self.over = anyio.Event()
        self.came_to_an_end = False
        self.result: str | None = None
