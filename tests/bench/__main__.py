"""Measures what it costs, as ratios in one run; ``make bench`` runs this.

Needs no network but loopback, and ends within seven minutes.
"""

import argparse
import datetime as dt
import json
import os
import platform
import sys
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from tests.bench.figures import FULL, QUICK, Part
from tests.bench.place import TREE
from tests.bench.rounds import ROOT, environment
from tests.bench.rows import PARTS, measured
from tests.bench.table import rendered, written

_PACKAGES = (
    "requests",
    "urllib3",
    "httpx",
    "httpcore",
    "opentelemetry-sdk",
    "opentelemetry-instrumentation-requests",
    "pybreaker",
    "interlock-cb",
    "circuitbreaker",
    "purgatory",
)


def main(arguments: list[str]) -> int:
    """Measure, print, write."""
    chosen = _parser().parse_args(arguments)
    if chosen.tree:
        os.environ[TREE] = str(Path(chosen.tree).resolve())
    parts: dict[str, Part] = {}
    for name, part in measured(chosen.rows, QUICK if chosen.quick else FULL):
        parts[name] = part
        print(f"measured: {name}", file=sys.stderr, flush=True)
    rows = [row for part in parts.values() for row in part.rows]
    table = rendered(rows)
    print(table)
    for part in parts.values():
        for name, why in part.missing.items():
            print(f"left out: {name} ({why})")
    if noise := [row for row in rows if row.what.endswith("noise")]:
        print(f"noise: plain requests differ from themselves by {noise[0].value.median - 1:+.1%}")
    made_with = _made_with(quick=chosen.quick)
    target = Path(chosen.json)
    target.parent.mkdir(parents=True, exist_ok=True)
    figures = {name: part.figures for name, part in parts.items()}
    everything = {
        "made_with": made_with,
        "rows": [asdict(row) | {"is_met": row.is_met} for row in rows],
        "figures": figures,
    }
    target.write_text(json.dumps(everything, indent=1), encoding="utf-8")
    if chosen.docs:
        lines = "\n".join(f"* {name}: {value}" for name, value in made_with.items())
        written(ROOT / "docs" / "performance.md", f"{table}\n\n{lines}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a minute, and rougher figures")
    parser.add_argument(
        "--rows",
        type=lambda text: text.split(","),
        default=list(PARTS),
        help=f"only these parts: {','.join(PARTS)}",
    )
    parser.add_argument("--json", default="build/bench.json", help="where the figures are written")
    parser.add_argument("--docs", action="store_true", help="write docs/performance.md anew")
    parser.add_argument("--tree", help="measure the library in this checkout instead")
    return parser


def _made_with(*, quick: bool) -> dict[str, str]:
    packages = []
    for name in _PACKAGES:
        try:
            packages.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            packages.append(f"{name} absent")
    return {
        "date": dt.datetime.now(tz=dt.UTC).date().isoformat(),
        "command": "make bench" + (" BENCH_ARGS=--quick" if quick else ""),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "machine": f"{os.cpu_count()} processors, {platform.machine()}, {_processor()}",
        "environment": f"{len(environment())} variables",
        "packages": ", ".join(packages),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
