"""The process of one circuit breaker: the time to ask leave and record a success while closed.

A question is ``threads loops``; pyperf times the answer. Those that wrap a function are given an
empty one, and what calling that costs by itself is taken off. Ours has nothing taken off, and its
two looks at the clock are in it.
"""

import contextlib
import io
import json
import random
import statistics
import sys
import threading
import time
from collections.abc import Callable

import pyperf

from tests.bench.place import is_missing, use_tree

Loop = Callable[[int], None]


def _empty() -> None:
    return None


def _calling(call: Callable[[], object]) -> Loop:
    def loop(count: int) -> None:
        for _ in range(count):
            call()

    return loop


def ours() -> tuple[Loop, Loop | None]:
    """Give ours, used as the pipeline does."""
    from verto_resilience.machines import CircuitBreaker, Permit
    from verto_resilience.pipeline import Policy

    breaker = CircuitBreaker(Policy().breaker_settings(), chance=random.random)

    def loop(count: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        acquire, record = breaker.try_acquire, breaker.record
        for _ in range(count):
            permit = acquire(monotonic())
            if isinstance(permit, Permit):
                record(permit, bad=False, now=monotonic())

    return loop, None


def pybreaker() -> tuple[Loop, Loop | None]:
    """Give pybreaker's ``call``; it holds a lock while it calls."""
    import pybreaker

    breaker = pybreaker.CircuitBreaker(fail_max=5, reset_timeout=30)
    return _calling(lambda: breaker.call(_empty)), _calling(lambda: _empty())  # noqa: PLW0108


def interlock() -> tuple[Loop, Loop | None]:
    """Give interlock's ``call_sync``."""
    from interlock import CircuitBreaker

    breaker = CircuitBreaker(name="bench")
    return _calling(lambda: breaker.call_sync(_empty)), _calling(lambda: _empty())  # noqa: PLW0108


def circuitbreaker() -> tuple[Loop, Loop | None]:
    """Give circuitbreaker's decorator; it has no lock."""
    from circuitbreaker import CircuitBreaker

    return _calling(CircuitBreaker()(_empty)), _calling(_empty)


def purgatory() -> tuple[Loop, Loop | None]:
    """Give purgatory's decorator; it has no lock."""
    from purgatory import SyncCircuitBreakerFactory

    return _calling(SyncCircuitBreakerFactory()("bench")(_empty)), _calling(_empty)


BREAKERS = {
    "ours": ours,
    "pybreaker": pybreaker,
    "interlock": interlock,
    "circuitbreaker": circuitbreaker,
    "purgatory": purgatory,
}


def timed(loop: Loop, threads: int, count: int) -> tuple[float, float]:
    """Give the seconds that so many operations take, by the wall and of the processors."""
    if threads == 1:
        cpu, wall = time.process_time(), time.perf_counter()
        loop(count)
        return time.perf_counter() - wall, time.process_time() - cpu
    ready = threading.Barrier(threads + 1)

    def work() -> None:
        ready.wait()
        loop(count // threads)

    working = [threading.Thread(target=work) for _ in range(threads)]
    for thread in working:
        thread.start()
    cpu = time.process_time()
    ready.wait()
    wall = time.perf_counter()
    for thread in working:
        thread.join()
    return time.perf_counter() - wall, time.process_time() - cpu


def main(name: str) -> None:
    """Build the breaker, then answer questions."""
    use_tree()
    try:
        loop, base = BREAKERS[name]()
    except ImportError as error:
        if not is_missing(error):
            raise
        print(json.dumps({"missing": str(error)}), flush=True)
        return
    runner = pyperf.Runner(processes=1)
    runner.parse_args(["--worker", "--quiet", "--values=3", "--warmups=1", "--loops=1"])
    print(json.dumps({"ready": name}), flush=True)
    for number, line in enumerate(sys.stdin):
        threads, count = map(int, line.split())
        of_the_processors: list[float] = []

        def take(
            loops: int,
            threads: int = threads,
            count: int = count,
            cpus: list[float] = of_the_processors,
        ) -> float:
            wall, cpu = timed(loop, threads, loops * count)
            if base is not None and threads == 1:
                # The least of three: a pause of the process in it would leave less than nothing.
                wall_of_base, cpu_of_base = min(
                    timed(base, threads, loops * count) for _ in range(3)
                )
                wall, cpu = wall - wall_of_base, cpu - cpu_of_base
            cpus.append(cpu / loops / count)
            return wall

        with contextlib.redirect_stdout(io.StringIO()):
            run = runner.bench_time_func(f"{name} {number}", take, inner_loops=count)
        wall = statistics.median(run.get_values())
        cpu = statistics.median(of_the_processors[1:])
        print(json.dumps({"wall": wall, "cpu": cpu}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
