"""Many threads at once, made to change places at every line of the machines."""

import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from threading import Barrier, Lock, Thread
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


def interrupted(
    work: Callable[[], object], meddle: Callable[[], object], *, at: int, within: str = MACHINES
) -> bool:
    """Do some work, and at the line of this number do something else first, in the same thread.

    So a signal handler and a finaliser come in between. Only lines of files below ``within`` are
    counted, from 0.

    Returns:
        Whether there were so many lines. Fails when the work hangs.
    """
    ended: list[BaseException | None] = []
    left = at

    def count(frame: FrameType, event: str, arg: Any) -> Any:
        nonlocal left
        if not frame.f_code.co_filename.startswith(within):
            return None
        if event == "line":
            left -= 1
            if left == -1:
                sys.settrace(None)
                meddle()
        return count if left >= 0 else None

    def run() -> None:
        sys.settrace(count)
        try:
            work()
        except BaseException as error:
            ended.append(error)
            raise
        finally:
            sys.settrace(None)
            ended.append(None)

    # Its own thread, which is left behind if it hangs.
    thread = Thread(target=run, daemon=True)
    hook, threading.excepthook = threading.excepthook, lambda _: None
    try:
        thread.start()
        thread.join(timeout=10.0)
    finally:
        threading.excepthook = hook
    assert ended, f"hangs when interrupted at line {at}"
    if ended[0] is not None:
        raise ended[0]
    return left < 0


def held_by_another(lock: Any) -> AbstractContextManager[object]:
    """Have another thread hold a lock."""
    stack = ExitStack()
    pool = stack.enter_context(ThreadPoolExecutor(1))
    stack.callback(lambda: pool.submit(lock.release).result(timeout=10.0))
    pool.submit(lock.acquire).result(timeout=10.0)
    return stack


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
