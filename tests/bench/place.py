"""Where a process runs, and whose code: clients share a processor, the server has another."""

import os
import sys

TREE = "VERTO_BENCH_TREE"


def pin(part: str) -> None:
    """Keep this process on the processor of its part, where there are several and it can be."""
    if not hasattr(os, "sched_setaffinity"):
        return
    allowed = os.sched_getaffinity(0)
    if len(allowed) > 1:
        os.sched_setaffinity(0, {min(allowed) if part == "client" else max(allowed)})


def use_tree() -> None:
    """Measure the library in another checkout, where one is named."""
    tree = os.environ.get(TREE)
    if tree:
        sys.path.insert(0, tree)


def is_missing(error: ImportError) -> bool:
    """Whether an import failed for want of a package that may be absent; ours may not."""
    return not (error.name or "").startswith("verto_resilience")
