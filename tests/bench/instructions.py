"""Counts the instructions of a GET under valgrind's cachegrind, to compare two commits.

User space only, the hash seed fixed, the garbage collector off and addresses not random where that
can be had. Two lengths are subtracted, so that what comes before and after the calls falls out.
Repeatable to 0.001 % on one thread; the SDK's export thread adds 0.03 to 0.15 %. Caches and branch
predictor are simulated only where what they miss is to be counted.
"""

import argparse
import gc
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.bench.contenders import CONTENDERS
from tests.bench.place import TREE, use_tree
from tests.bench.rounds import ROOT, environment, server

_FEW, _MANY = 100, 300
_SUMMARY = re.compile(r"^events: (.*)\n(?:.*\n)*summary: (.*)", re.MULTILINE)
# What may be counted, by the events of cachegrind.
_EVENTS = {
    "instructions": ("Ir",),
    "reads past the first cache": ("I1mr", "D1mr"),
    "branches missed": ("Bcm", "Bim"),
}
_CHOSEN = ("plain", "adapter", "mounted", "verto", "adapter, sdk", "mounted, sdk", "verto, sdk")


def work(name: str, url: str, calls: int) -> None:
    """Be the process that is counted."""
    use_tree()
    gc.disable()
    if name in CONTENDERS:
        contender = CONTENDERS[name](url)
    else:
        # Not above: who is counted without OpenTelemetry may not load it.
        from tests.bench.parts import part

        contender = part(name, url)
    contender.make(calls)
    contender.flush()
    # Without what the interpreter does at its end: threads would end in an order of their own.
    os._exit(0)


def counted(name: str, url: str, calls: int, what: str) -> int:
    """Count the instructions, or something else, of a process that makes so many calls."""
    simulates = "no" if what == "instructions" else "yes"
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "counts"
        valgrind = ["valgrind", "--tool=cachegrind"]
        valgrind += [f"--cache-sim={simulates}", f"--branch-sim={simulates}"]
        told = [f"--cachegrind-out-file={out}", "--log-file=/dev/null"]
        _run([*_fixed_addresses(), *valgrind, *told, *_command(name, url, calls)])
        found = _SUMMARY.search(out.read_text(encoding="utf-8"))
    if found is None:
        message = "cachegrind wrote no summary"
        raise RuntimeError(message)
    counts = dict(zip(found[1].split(), map(int, found[2].split()), strict=True))
    return sum(counts[event] for event in _EVENTS[what])


def of_a_call(name: str, url: str, what: str) -> float:
    """Give what one call takes, in thousands."""
    # Has the modules compiled, where a file is new.
    _run(_command(name, url, 1))
    counts = [counted(name, url, calls, what) for calls in (_FEW, _MANY)]
    return (counts[1] - counts[0]) / (_MANY - _FEW) / 1e3


def _command(name: str, url: str, calls: int) -> list[str]:
    module = [sys.executable, "-m", "tests.bench.instructions"]
    return [*module, "--count", name, url, str(calls)]


def _run(command: list[str]) -> None:
    subprocess.run(command, cwd=ROOT, env=environment(), check=True, timeout=600)


def _fixed_addresses() -> list[str]:
    """Give the command that switches random addresses off, where it is there and may do so."""
    setarch = shutil.which("setarch")
    if setarch is None:
        return []
    command = [setarch, os.uname().machine, "-R"]
    tried = subprocess.run([*command, "true"], check=False, capture_output=True)
    return command if tried.returncode == 0 else []


def main(arguments: Sequence[str]) -> int:
    """Count each contender, and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.instructions", description=__doc__)
    parser.add_argument(
        "--contenders",
        type=lambda text: text.split(";"),
        default=_CHOSEN,
        help=f"split by ; of: {'; '.join(CONTENDERS)}",
    )
    parser.add_argument(
        "--parts", action="store_true", help="count what the SDK takes for what is recorded"
    )
    parser.add_argument(
        "--what", choices=_EVENTS, default="instructions", help="reads and branches are simulated"
    )
    parser.add_argument("--tree", help="count the library in this checkout instead")
    parser.add_argument("--against", help="count this checkout as well, and compare with it")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--json", default="build/instructions.json")
    chosen = parser.parse_args(arguments)
    if shutil.which("valgrind") is None:
        print("skipped: needs valgrind (Debian: apt-get install valgrind)")
        return 0
    names = chosen.contenders
    if chosen.parts:
        from tests.bench.parts import NAMES

        names = NAMES
    trees = {"here" if chosen.tree is None else chosen.tree: chosen.tree}
    if chosen.against is not None:
        trees[chosen.against] = chosen.against
    counts: dict[str, dict[str, list[float]]] = {}
    with server() as url:
        for title, tree in trees.items():
            os.environ[TREE] = "" if tree is None else str(Path(tree).resolve())
            counts[title] = {
                name: [of_a_call(name, url, chosen.what) for _ in range(chosen.repeats)]
                for name in names
            }
            _show(f"{title}: thousand {chosen.what} of a call", counts[title])
    if len(counts) == len(("one", "other")):
        _compare(*counts.values())
    target = Path(chosen.json)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(counts, indent=1), encoding="utf-8")
    return 0


def _show(title: str, counts: dict[str, list[float]]) -> None:
    print(title)
    base = min(counts["plain"]) if "plain" in counts else None
    for name, taken in counts.items():
        least = min(taken)
        ratio = "" if base is None else f"{least / base:8.4f} {least - base:+10.1f}"
        spread = f"  spread {(max(taken) - least) / least:.4%}" if len(taken) > 1 else ""
        print(f"  {name:24} {least:10.1f} {ratio}{spread}", flush=True)


def _compare(one: dict[str, list[float]], other: dict[str, list[float]]) -> None:
    print("the first against the second")
    for name, taken in one.items():
        least, before = min(taken), min(other[name])
        print(f"  {name:24} {least - before:+10.1f} {least / before:8.4f}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--count"]:
        work(sys.argv[2], sys.argv[3], int(sys.argv[4]))
    else:
        sys.exit(main(sys.argv[1:]))
