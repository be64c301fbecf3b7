"""Plays several strategies at once, each in a process of its own."""

import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING

from verto_resilience.pipeline import Policy
from verto_resilience.simulation._play import Played, Strategy, play
from verto_resilience.simulation._scenario import Scenario

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

# A child begins anew: threads of the parent, such as one that draws a progress bar, may hold locks
# that a forked child would find held for ever.
_CONTEXT = get_context("spawn")
_TELLS = 0.01


def play_side_by_side(
    scenario: Scenario,
    strategies: Iterable[Strategy],
    policy: Policy,
    *,
    processes: int,
    progress: Callable[[Strategy, float], None],
) -> list[Played]:
    """Play a scenario with each strategy.

    Args:
        scenario: The story.
        strategies: What clients do about failures.
        policy: The settings of those that are ours.
        processes: How many run at once; with 1 all run in this one, one after the other.
        progress: Told the share of a run that is done, in this process.

    Returns:
        The runs in the order of ``strategies``.

    Raises:
        ChildProcessError: A process ended without a run, as when memory is out.
    """
    chosen = list(strategies)
    if processes <= 1 or len(chosen) <= 1:
        return [play(scenario, one, policy, progress=partial(progress, one)) for one in chosen]
    return _Stage(scenario, policy, progress).play(chosen, processes)


class _Stage:
    """Starts processes, listens to them, and leaves none behind."""

    def __init__(
        self, scenario: Scenario, policy: Policy, progress: Callable[[Strategy, float], None]
    ) -> None:
        self._scenario = scenario
        self._policy = policy
        self._progress = progress
        self._running: dict[Connection, tuple[Strategy, BaseProcess]] = {}
        self._played: dict[Strategy, Played] = {}

    def play(self, strategies: list[Strategy], processes: int) -> list[Played]:
        waiting = list(strategies)
        try:
            while waiting or self._running:
                while waiting and len(self._running) < processes:
                    self._start(waiting.pop(0))
                for ready in wait(list(self._running)):
                    self._listen(ready)  # type: ignore[arg-type]
        finally:
            for _, process in self._running.values():
                process.kill()
                process.join()
        return [self._played[strategy] for strategy in strategies]

    def _start(self, strategy: Strategy) -> None:
        ours, theirs = _CONTEXT.Pipe(duplex=False)
        process = _CONTEXT.Process(
            target=_play_in_child, args=(theirs, self._scenario, strategy, self._policy)
        )
        with _no_interrupt():
            process.start()
            # The child's end, so that its death is seen as the end of what it says.
            theirs.close()
            # An interrupt that waited is raised below, and who is not known is not ended.
            self._running[ours] = strategy, process

    def _listen(self, ready: Connection) -> None:
        strategy, process = self._running[ready]
        try:
            told = ready.recv()
        except EOFError:
            raise ChildProcessError(f"the simulation of {strategy.words!r} broke off") from None
        if isinstance(told, float):
            self._progress(strategy, told)
            return
        self._played[strategy] = told
        del self._running[ready]
        ready.close()
        process.join()


def _play_in_child(
    connection: Connection, scenario: Scenario, strategy: Strategy, policy: Policy
) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    told = 0.0

    def progress(done: float) -> None:
        nonlocal told
        if done - told >= _TELLS:
            told = done
            connection.send(done)

    connection.send(play(scenario, strategy, policy, progress=progress))


@contextmanager
def _no_interrupt() -> Iterator[None]:
    """Have a child that is started here deaf to Ctrl+C from its first moment on.

    A terminal sends it to all its processes, and the parent ends its children. What comes meanwhile
    reaches the parent afterwards.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
