"""Compares with others: ``python -m tests.comparison``, or one cell by its two names.

Each cell is looked at in a process of its own, against a real server on loopback.
"""

import argparse
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

from tests.comparison import around, circuits, page, waiting, writes
from tests.comparison.contenders import CONTENDERS
from tests.comparison.finding import Finding, Probe, Verdict

ROOT = Path(__file__).resolve().parents[2]
PROBES: dict[str, Probe] = {
    "spans": around.PROBES["spans"],
    **waiting.PROBES,
    **circuits.PROBES,
    **writes.PROBES,
    "threads": around.PROBES["threads"],
    "memory": around.PROBES["memory"],
}
_LONGEST = 240.0


def main() -> None:
    """Look at one cell, or at all of them."""
    parser = argparse.ArgumentParser(prog="python -m tests.comparison", description=__doc__)
    parser.add_argument("probe", nargs="?", choices=PROBES, help="only this promise")
    parser.add_argument("contender", nargs="?", choices=CONTENDERS, help="only this contender")
    parser.add_argument("--docs", action="store_true", help="write docs/comparison.md")
    parser.add_argument("--jobs", type=int, default=1, help="cells at a time")
    parser.add_argument("--json", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.probe and given.contender:
        found = PROBES[given.probe].look(CONTENDERS[given.contender])
        print(json.dumps(asdict(found)) if given.json else f"{found.verdict}: {found.told}")
        return
    cells = [
        (probe, contender)
        for probe in ([given.probe] if given.probe else PROBES)
        for contender in ([given.contender] if given.contender else CONTENDERS)
    ]
    with ThreadPoolExecutor(given.jobs) as pool:
        found_by_cell = dict(zip(cells, pool.map(_in_a_process, cells), strict=True))
    if given.docs:
        page.write(PROBES, CONTENDERS, found_by_cell)


def _in_a_process(cell: tuple[str, str]) -> Finding:
    environ = {n: value for n, value in os.environ.items() if not n.startswith("VERTO_RESILIENCE_")}
    ran = subprocess.run(
        [sys.executable, "-m", "tests.comparison", *cell, "--json"],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        timeout=_LONGEST,
        check=False,
    )
    if ran.returncode:
        sys.exit(f"{' '.join(cell)} could not be looked at:\n{ran.stderr}")
    told = json.loads(ran.stdout.splitlines()[-1])
    found = Finding(Verdict(told["verdict"]), told["told"])
    print(f"{cell[0]:12} {cell[1]:15} {found.verdict}: {found.told}", flush=True)
    return found


if __name__ == "__main__":
    main()
