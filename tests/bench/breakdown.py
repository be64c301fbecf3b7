"""Shows where the time of a call goes, by looking at its stack at each tick of the processor.

A sample belongs to the innermost of our functions on the stack, with what it calls of others, up
to where it hands over to requests again. The shares are those of the median processor time of a
call that the same process measures, so the parts of a column add up to it.
"""

import argparse
import json
import os
import signal
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.bench.contenders import CONTENDERS
from tests.bench.place import TREE, pin, use_tree
from tests.bench.rounds import crew, server
from tests.bench.stacks import Samples

# Shorter than a tick (4 ms on most machines), so that each tick counts.
_INTERVAL = 0.001
_COLUMNS = ("plain", "mounted", "mounted, sdk", "verto, sdk", "instrumentor, sdk")


def sampled(call: Callable[[], object], samples: Samples, seconds: float) -> list[float]:
    """Call for so long; gives the seconds of calls that nobody looked at."""
    signal.signal(signal.SIGPROF, samples.take)
    costs = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        signal.setitimer(signal.ITIMER_PROF, _INTERVAL, _INTERVAL)
        for _ in range(180):
            call()
        signal.setitimer(signal.ITIMER_PROF, 0)
        began = time.process_time()
        for _ in range(20):
            call()
        costs.append((time.process_time() - began) / 20)
    return costs


def work(name: str, url: str) -> None:
    """Be the process of one contender."""
    pin("client")
    use_tree()
    import verto_resilience

    contender = CONTENDERS[name](url)
    costs: list[float] = []
    samples = Samples(Path(verto_resilience.__file__ or "").parent)
    for _ in range(200):
        contender.call()
    print(json.dumps({"ready": name}), flush=True)
    for line in sys.stdin:
        costs += sampled(contender.call, samples, float(line))
        contender.flush()
        found = {
            "cpu": statistics.median(costs),
            "taken": samples.taken,
            "parts": samples.parts,
            "own": samples.own,
            "inclusive": samples.inclusive,
        }
        print(json.dumps(found), flush=True)


def table(found: Mapping[str, Mapping[str, Any]]) -> str:
    """Give microseconds of each part, a column for each contender."""
    names = list(found)
    parts = {part for one in found.values() for part in one["parts"]}

    def cost(name: str, part: str) -> float:
        one = found[name]
        return float(one["cpu"] * 1e6 * one["parts"].get(part, 0) / one["taken"])

    def weight(part: str) -> tuple[bool, float]:
        return part not in found[names[0]]["parts"], -max(cost(name, part) for name in names)

    head = ["us of a call", *names]
    lines = [head]
    for part in sorted(parts, key=weight):
        costs = [cost(name, part) for name in names]
        if max(costs) >= 0.5:
            lines.append([part, *(f"{one:.1f}" if one else "" for one in costs)])
    lines.append(["sum", *(f"{found[name]['cpu'] * 1e6:.1f}" for name in names)])
    widths = [max(len(line[at]) for line in lines) for at in range(len(head))]
    texts = [
        "| "
        + " | ".join(
            text.rjust(width) if at else text.ljust(width)
            for at, (text, width) in enumerate(zip(line, widths, strict=True))
        )
        + " |"
        for line in lines
    ]
    texts.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(texts)


def functions(one: Mapping[str, Any], most: int) -> str:
    """Give the dearest of our functions: with what they call, and without our own below them."""
    lines = [f"{'us incl.':>9} {'us own':>7}  function (without what lies beyond the border)"]
    dearest = sorted(one["inclusive"].items(), key=lambda item: -item[1])[:most]
    for title, count in dearest:
        scale = one["cpu"] * 1e6 / one["taken"]
        lines.append(f"{count * scale:9.1f} {one['own'].get(title, 0) * scale:7.1f}  {title}")
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """Sample each contender, and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.breakdown", description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0, help="for each contender")
    parser.add_argument("--functions", type=int, default=25, help="how many to list for each")
    parser.add_argument("--tree", help="measure the library in this checkout instead")
    parser.add_argument("--json", default="build/breakdown.json", help="where figures are written")
    parser.add_argument(
        "--contenders", type=lambda text: text.split(";"), default=_COLUMNS, help="split by ;"
    )
    chosen = parser.parse_args(arguments)
    if chosen.tree:
        os.environ[TREE] = str(Path(chosen.tree).resolve())
    found: dict[str, dict[str, Any]] = {}
    with server() as url, crew("tests.bench.breakdown", chosen.contenders, url) as processes:
        # Short turns, so that what else the machine does meets all alike; counts add up.
        turns = 10
        for one in processes.rounds(chosen.seconds / turns, most=turns, seconds=3600):
            found = {name: one[name] for name in chosen.contenders if name in one}
    print(table(found))
    for name, one in found.items():
        if one["inclusive"]:
            print(f"\n{name}\n{functions(one, chosen.functions)}")
    target = Path(chosen.json)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(found, indent=1), encoding="utf-8")
    return 0


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] in CONTENDERS:
        work(*sys.argv[1:])
    else:
        sys.exit(main(sys.argv[1:]))
