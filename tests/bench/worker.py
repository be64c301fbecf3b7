"""The process of one contender: builds it, then measures a round whenever it is told to.

A round is asked for by a line with a number of calls on standard input, and answered by a line of
JSON. It ends when its standard input does.
"""

import gc
import json
import sys
import threading
import time

from tests.bench.contender import Contender
from tests.bench.contenders import CONTENDERS, THREADS
from tests.bench.place import is_missing, pin, use_tree

_WARM = 5


def measured(contender: Contender, calls: int) -> dict[str, float]:
    """Make so many calls; gives seconds for each, by the wall and of the processor."""
    # What other processes did meanwhile has emptied the caches of the processor.
    contender.make(_WARM)
    contender.flush()
    gc.collect()
    cpu, wall = time.process_time(), time.perf_counter()
    contender.make(calls)
    contender.flush()
    wall = time.perf_counter() - wall
    cpu = time.process_time() - cpu
    return {"wall": wall / calls, "cpu": cpu / calls}


def measured_with_threads(contender: Contender, calls: int) -> dict[str, float]:
    """Make so many calls in each of 64 threads at once; gives seconds for each call."""
    ready = threading.Barrier(THREADS + 1)

    def work() -> None:
        contender.call()
        ready.wait()
        for _ in range(calls):
            contender.call()

    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    ready.wait()
    cpu, wall = time.process_time(), time.perf_counter()
    for thread in threads:
        thread.join()
    wall = time.perf_counter() - wall
    cpu = time.process_time() - cpu
    return {"wall": wall / calls / THREADS, "cpu": cpu / calls / THREADS}


def main(name: str, url: str) -> None:
    """Build the contender, then answer questions."""
    use_tree()
    by_threads = name.startswith("threads")
    if not by_threads:
        pin("client")
    try:
        contender = CONTENDERS[name](url)
    except ImportError as error:
        if not is_missing(error):
            raise
        print(json.dumps({"missing": str(error)}), flush=True)
        return
    contender.make(200)
    gc.collect()
    # What importing and building left is not looked at again by every collection.
    gc.freeze()
    print(json.dumps({"ready": name}), flush=True)
    measure = measured_with_threads if by_threads else measured
    for line in sys.stdin:
        print(json.dumps(measure(contender, int(line))), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
