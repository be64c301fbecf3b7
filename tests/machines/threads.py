"""Many threads at once, made to change places at every line of the machines."""

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Lock
from time import sleep
from types import FrameType, TracebackType
from typing import Any, TypeVar

import verto_resilience.machines

MACHINES = str(Path(verto_resilience.machines.__file__).parent)

Result = TypeVar("Result")


def together(count: int, work: Callable[[int], Result]) -> list[Result]:
    """Run ``work(0)`` to ``work(count - 1)``, each in a thread of its own, from one instant on."""
    barrier = Barrier(count)

    def run(number: int) -> Result:
        before = sys.gettrace()
        barrier.wait(timeout=10.0)
        sys.settrace(_at_each_call)
        try:
            return work(number)
        finally:
            sys.settrace(before)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(count) as pool:
            return list(pool.map(run, range(count), timeout=30.0))
    finally:
        sys.setswitchinterval(interval)


def _at_each_call(frame: FrameType, event: str, arg: Any) -> Any:
    return _at_each_line if frame.f_code.co_filename.startswith(MACHINES) else None


def _at_each_line(frame: FrameType, event: str, arg: Any) -> Any:
    # Not to let time pass: a few lines are over before another thread wakes up, unless this one
    # lets go of the interpreter between them.
    sleep(1e-6)
    return _at_each_line


class WatchedLock:
    """A lock that counts how often it was taken."""

    def __init__(self) -> None:
        """Start free and never taken."""
        self.taken = 0
        self._lock = Lock()

    def locked(self) -> bool:
        """Whether somebody holds it."""
        return self._lock.locked()

    def acquire(self, *, blocking: bool = True) -> bool:
        """Take it; ``False`` when that would mean to wait."""
        got = self._lock.acquire(blocking)
        self.taken += got
        return got

    def release(self) -> None:
        """Free it."""
        self._lock.release()

    def __enter__(self) -> None:
        """Take it."""
        self.acquire()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        """Free it."""
        self._lock.release()
