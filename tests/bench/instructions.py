"""Counts the instructions of a GET under valgrind's cachegrind, to compare two commits.

User space only, with its simulations off, the hash seed fixed, the garbage collector off and
addresses not random where that can be had. Two lengths are subtracted, so that what comes before
and after the calls falls out. Repeatable to 0.001 % on one thread; the SDK's export thread adds
0.03 to 0.15 %.
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
_SUMMARY = re.compile(r"^summary: (\d+)", re.MULTILINE)
_CHOSEN = ("plain", "adapter", "mounted", "verto", "adapter, sdk", "mounted, sdk", "verto, sdk")


def work(name: str, url: str, calls: int) -> None:
    """Be the process that is counted."""
    use_tree()
    gc.disable()
    contender = CONTENDERS[name](url)
    contender.make(calls)
    contender.flush()
    # Without what the interpreter does at its end: threads would end in an order of their own.
    os._exit(0)


def counted(name: str, url: str, calls: int) -> int:
    """Count the instructions of a process that makes so many calls."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "counts"
        valgrind = ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--branch-sim=no"]
        told = [f"--cachegrind-out-file={out}", "--log-file=/dev/null"]
        _run([*_fixed_addresses(), *valgrind, *told, *_command(name, url, calls)])
        found = _SUMMARY.search(out.read_text(encoding="utf-8"))
    if found is None:
        message = "cachegrind wrote no summary"
        raise RuntimeError(message)
    return int(found[1])


def of_a_call(name: str, url: str) -> float:
    """Give the instructions of one call, in thousands."""
    # Has the modules compiled, where a file is new.
    _run(_command(name, url, 1))
    return (counted(name, url, _MANY) - counted(name, url, _FEW)) / (_MANY - _FEW) / 1e3


def _command(name: str, url: str, calls: int) -> list[str]:
    module = [sys.executable, "-m", "tests.bench.instructions"]
    return [*module, "--count", name, url, str(calls)]


def _run(command: list[str]) -> None:
    subprocess.run(command, cwd=ROOT, env=environment(), check=True, timeout=300)


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
    parser.add_argument("--tree", help="count the library in this checkout instead")
    parser.add_argument("--against", help="count this checkout as well, and compare with it")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--json", default="build/instructions.json")
    chosen = parser.parse_args(arguments)
    if shutil.which("valgrind") is None:
        print("skipped: needs valgrind (Debian: apt-get install valgrind)")
        return 0
    trees = {"here" if chosen.tree is None else chosen.tree: chosen.tree}
    if chosen.against is not None:
        trees[chosen.against] = chosen.against
    counts: dict[str, dict[str, list[float]]] = {}
    with server() as url:
        for title, tree in trees.items():
            os.environ[TREE] = "" if tree is None else str(Path(tree).resolve())
            counts[title] = {
                name: [of_a_call(name, url) for _ in range(chosen.repeats)]
                for name in chosen.contenders
            }
            _show(title, counts[title])
    if len(counts) == len(("one", "other")):
        _compare(*counts.values())
    target = Path(chosen.json)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(counts, indent=1), encoding="utf-8")
    return 0


def _show(title: str, counts: dict[str, list[float]]) -> None:
    print(f"{title}: thousand instructions of a call")
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
