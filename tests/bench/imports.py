"""The time to import, in a fresh interpreter, and what is loaded by it."""

import json
import sys
import time

from tests.bench.place import use_tree

# Nothing of the SDK or of an extra may come along.
_UNWANTED = (
    "opentelemetry.sdk",
    "opentelemetry.exporter",
    "opentelemetry.instrumentation",
    "typer",
    "rich",
    "plotly",
    "httpx",
    "redis",
)


def timed() -> dict[str, object]:
    """Import requests, then ours, and mount; gives the times and what ours loaded."""
    began = time.perf_counter()
    import requests

    between = time.perf_counter()
    before = set(sys.modules)
    again = time.perf_counter()
    import verto_resilience

    ended = time.perf_counter()
    session = requests.Session()
    mounting = time.perf_counter()
    verto_resilience.mount(session)
    mounted = time.perf_counter()
    loaded = sorted(set(sys.modules) - before)
    return {
        "requests": between - began,
        "ours": ended - again,
        "mount": mounted - mounting,
        "loaded": loaded,
        "unwanted": [name for name in loaded if name.startswith(_UNWANTED)],
    }


if __name__ == "__main__":
    use_tree()
    print(json.dumps(timed()))
