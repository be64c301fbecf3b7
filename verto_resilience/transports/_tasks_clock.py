"""A clock in which tasks sleep, under asyncio as under trio."""

import anyio

from verto_resilience.pipeline import Clock


class TasksClock:
    """The pipeline's clock; sleeping in it lets other tasks run.

    Args:
        clock: What the time is.
    """

    __slots__ = ("_sleeping", "monotonic", "wall")

    def __init__(self, clock: Clock) -> None:
        """Start with nobody asleep."""
        self.monotonic = clock.monotonic
        self.wall = clock.wall
        self._sleeping: set[anyio.Event] = set()

    async def sleep(self, seconds: float) -> bool:
        """Wait at least this long; ``False`` when interrupted before the time was up."""
        end = self.monotonic() + seconds
        left = seconds
        interrupted = anyio.Event()
        self._sleeping.add(interrupted)
        try:
            # A wait may come back a hair early, and a resend must not.
            while left > 0.0:
                with anyio.move_on_after(left):
                    await interrupted.wait()
                    return False
                left = end - self.monotonic()
        finally:
            self._sleeping.discard(interrupted)
        return True

    def interrupt(self) -> None:
        """End the sleeps under way; later ones are sleeps again."""
        for interrupted in tuple(self._sleeping):
            interrupted.set()
