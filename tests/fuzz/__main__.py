"""Fuzzes every target for some seconds with each engine; ``make fuzz`` runs this."""

import argparse
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from tests.fuzz.targets import TARGETS

_ROOT = Path(__file__).resolve().parent.parent.parent
_BUILD = _ROOT / "build" / "fuzz"
_GRACE = 60
_TRIED = re.compile(rb"(?:number_of_executed_units:|^tried:) *(\d+)", re.MULTILINE)


class Result(NamedTuple):
    """What one engine found in one target: ``trouble`` is empty when it found nothing."""

    target: str
    engine: str
    tried: int
    trouble: str


def main(arguments: list[str]) -> int:
    """Fuzz, print what was tried, and say whether nothing was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", help=f"which; all by default: {', '.join(TARGETS)}")
    parser.add_argument("--seconds", type=int, default=60, help="for each target and engine")
    parser.add_argument("--jobs", type=int, default=2, help="how many at once")
    chosen = parser.parse_args(arguments)
    engines = ["hypothesis"]
    if find_spec("atheris") is None:
        print("LEFT OUT: atheris is not installed, and not to be had for every Python")
    else:
        engines.insert(0, "atheris")
    work = [(target, engine) for target in chosen.targets or TARGETS for engine in engines]
    with ThreadPoolExecutor(chosen.jobs) as pool:
        results = list(pool.map(partial(_fuzz, chosen.seconds), *zip(*work, strict=True)))
    print("| target | engine | inputs tried | found |\n|---|---|---|---|")
    for result in results:
        found = result.trouble or "nothing"
        print(f"| {result.target} | {result.engine} | {result.tried} | {found} |")
    return 1 if any(result.trouble for result in results) else 0


def _fuzz(seconds: int, target: str, engine: str) -> Result:
    folder = _BUILD / target / engine
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "log.txt"
    command = [sys.executable, "-m", "tests.fuzz.one", target, "--engine", engine]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--seconds", str(seconds), "--folder", str(folder)],
            cwd=_ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            code = process.wait(seconds + _GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
    counts = _TRIED.findall(log.read_bytes())
    trouble = "" if code == 0 else f"something: see {log}"
    return Result(target, engine, int(counts[-1]) if counts else 0, trouble)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
