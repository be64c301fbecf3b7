import anyio
import pytest

from verto_resilience.pipeline import SystemClock
from verto_resilience.transports._tasks_clock import TasksClock

both = pytest.mark.parametrize("backend", ["asyncio", "trio"])


@both
def test_it_sleeps_at_least_as_long(backend: str) -> None:
    """A wait that comes back a hair early goes on."""
    clock = TasksClock(SystemClock())

    async def main() -> float:
        began = clock.monotonic()
        assert await clock.sleep(0.02)
        return clock.monotonic() - began

    assert anyio.run(main, backend=backend) >= 0.02


@both
def test_sleeps_under_way_can_be_ended(backend: str) -> None:
    """They say so; later ones are sleeps again."""
    clock = TasksClock(SystemClock())
    slept: list[bool] = []

    async def main() -> None:
        async def sleep() -> None:
            slept.append(await clock.sleep(60.0))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(sleep)
            tasks.start_soon(sleep)
            await anyio.wait_all_tasks_blocked()
            clock.interrupt()
        slept.append(await clock.sleep(0.001))

    anyio.run(main, backend=backend)

    assert slept == [False, False, True]


def test_no_time_is_no_wait() -> None:
    """Nothing is waited for where nothing is asked for."""
    clock = TasksClock(SystemClock())

    assert anyio.run(clock.sleep, -1.0)
