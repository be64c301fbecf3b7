"""The memory of one origin: its machines, its window and its place in the registry."""

import gc
import json
import random
import sys
import time
import tracemalloc

from tests.bench.place import use_tree


def bytes_of_an_origin(count: int) -> float:
    """Make so many origins, each with a full window, and give the bytes of one."""
    from verto_resilience.machines import Permit
    from verto_resilience.pipeline import Circuits, Policy

    policy = Policy(max_origins=2 * count)
    circuits = Circuits(policy, chance=random.random)
    now = time.monotonic()
    gc.collect()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for number in range(count):
        origin = circuits.at(f"https://host-{number}.example:443", now)
        for bucket in range(policy.window_buckets):
            later = now + bucket * policy.window / policy.window_buckets
            permit = origin.breaker.try_acquire(later)
            if isinstance(permit, Permit):
                origin.breaker.record(permit, bad=False, now=later)
        origin.pause.hold(1.0, sent_at=now, now=now)
        origin.budget.try_withdraw(now)
    del origin
    gc.collect()
    after, _ = tracemalloc.get_traced_memory()
    return (after - before) / count


if __name__ == "__main__":
    use_tree()
    print(json.dumps(bytes_of_an_origin(int(sys.argv[1]))))
