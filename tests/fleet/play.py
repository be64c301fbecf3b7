"""``make fleet``: plays the incidents several times, and writes the numbers into docs/fleet.md."""

import os
import re
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from platform import python_version
from typing import TypeVar

from tests.fleet.scenes import PROCESSES, THREADS, killing, outage, throttling
from tests.fleet.server import RedisServer

PAGE = Path(__file__).parents[2] / "docs" / "fleet.md"
PLACE = re.compile(r"(<!-- played -->\n).*?(<!-- end played -->)", re.DOTALL)
ROUNDS = 3
T = TypeVar("T")


def main() -> None:
    """Play, and write."""
    with tempfile.TemporaryDirectory() as folder, RedisServer(Path(folder)) as server:
        with server.client() as client:
            version = client.info("server")["redis_version"]
        alone = _rounds("outage, alone", lambda: outage(None))
        shared = _rounds("outage, shared", lambda: outage(server.url))
        crashed = _rounds("outage, store killed", lambda: outage(server.url, restart=server))
        told = _rounds("429, alone", lambda: throttling(None))
        told_all = _rounds("429, shared", lambda: throttling(server.url))
        killed = _rounds("probe's owner killed", lambda: killing(server))
    outages = (alone, shared, crashed)
    pauses = (told, told_all)
    none = ""
    rows = [
        ("", "alone", "shared", "shared, store killed"),
        ("---", "---", "---", "---"),
        (
            "requests that reached the origin before every circuit was open",
            *(_shown([played.reached for played in one]) for one in outages),
        ),
        (
            "seconds until every circuit was open",
            *(_shown([played.open_after for played in one]) for one in outages),
        ),
        (
            "requests that reached it from then on, in the rest of 9 s",
            *(_shown([len(played.probes) for played in one]) for one in outages),
        ),
        (
            "seconds from its recovery until the last process called again",
            *(_shown([max(played.back_after) for played in one]) for one in outages),
        ),
        (
            "429: requests within `Retry-After` of the first",
            *(_shown([played.early for played in one]) for one in pauses),
            none,
        ),
        (
            "429: of these, after the last process had heard of it",
            *(_shown([played.late for played in one]) for one in pauses),
            none,
        ),
        (
            "429: seconds until every process was paused",
            *(_shown([played.known_after for played in one]) for one in pauses),
            none,
        ),
        (
            "`kill -9` of the probe's owner: seconds until another probed",
            none,
            _shown([played.next_probe_after for played in killed]),
            none,
        ),
    ]
    told_how = (
        f"{PROCESSES} processes with {THREADS} threads each, some 250 calls a second in all; the "
        f"median of {ROUNDS} rounds, and in brackets the least and the most. Redis {version}, "
        f"CPython {python_version()}, {os.cpu_count()} cores."
    )
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(PLACE.sub(lambda m: f"{m[1]}{told_how}\n\n{table}\n{m[2]}", page), "utf-8")
    print(f"{table}\nwritten to {PAGE.name}")


def _rounds(name: str, play: Callable[[], T]) -> list[T]:
    played = []
    for number in range(ROUNDS):
        print(f"{name}: round {number + 1} of {ROUNDS}", file=sys.stderr)
        played.append(play())
    return played


def _shown(values: Iterable[float]) -> str:
    found: Sequence[float] = sorted(values)
    middle = statistics.median(found)
    if all(isinstance(value, int) for value in found):
        return f"{middle:.0f} ({found[0]} to {found[-1]})"
    return f"{middle:.2f} ({found[0]:.2f} to {found[-1]:.2f})"


if __name__ == "__main__":
    main()
