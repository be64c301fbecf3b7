"""Runs the suites of others bare and with the adapter; ``make downstream`` runs this."""

import argparse
import os
import platform
import shutil
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from tests.downstream.differences import (
    REASONS,
    Difference,
    differences,
    reasons,
    unexplained,
)
from tests.downstream.page import PAGE, Result, page, table
from tests.downstream.runs import Run, Way, end_all, run
from tests.downstream.sources import MissingSourceError, source_of
from tests.downstream.suites import ROOT, Suite, read_suites

_BUILD = ROOT / "build" / "downstream"


def main(arguments: Sequence[str]) -> int:
    """Run the suites, print the table, write the page, and say whether all is explained."""
    chosen = _parser().parse_args(arguments)
    suites = [one for one in read_suites() if not chosen.suites or one.name in chosen.suites]
    known, python = reasons(), chosen.python.absolute()
    results = [_result(suite, known, python, chosen.jobs) for suite in suites]
    print(table(results))
    failures = [f"{one.suite.name}, {trouble}" for one in results for trouble in one.troubles]
    everything = [one for result in results for one in result.found]
    for one in unexplained(everything, known):
        way, test = one.difference.way, one.difference.test
        failures.append(f"{one.difference.suite}, {way}: {test}: {one.bare}, then {one.ours}")
    missing = [f"{one.suite.name}: {one.missing}" for one in results if one.missing]
    for line in missing:
        print(f"LEFT OUT: {line}", file=sys.stderr)
    if missing and os.environ.get("CI") == "true":
        failures.append("in CI a suite that is left out is a failure")
    if not missing and not chosen.suites:
        for stale in sorted(known.keys() - {one.difference for one in everything}):
            print(f"{REASONS.name} has a reason for what does not differ: {stale}")
        PAGE.write_text(page(results, known, _made()), encoding="utf-8")
        print(f"{PAGE.relative_to(ROOT)} written")
    for line in failures:
        print(f"NOT EXPLAINED: {line}", file=sys.stderr)
    return 1 if failures else 0


def _result(suite: Suite, known: Mapping[Difference, str], python: Path, jobs: int) -> Result:
    """Compare the runs of a suite; what is new counts only if it is found a second time."""
    try:
        source = source_of(suite, _BUILD / "sources")
    except MissingSourceError as error:
        return Result(suite, {}, missing=str(error))
    work = partial(_run, suite, source=source, python=python)
    result = _compared(suite, work, jobs)
    print(f"{suite.name} {suite.version}: {len(result.found)} differences", file=sys.stderr)
    if unexplained(result.found, known):
        again = _compared(suite, work, jobs)
        steady = {one.difference for one in again.found}
        for one in result.found:
            if one.difference not in steady:
                print(f"not again: {one.difference}", file=sys.stderr)
        found = [one for one in result.found if one.difference in steady]
        return Result(suite, again.runs, found)
    return result


def _compared(suite: Suite, work: Callable[[Way], Run], jobs: int) -> Result:
    with ThreadPoolExecutor(jobs) as pool:
        try:
            runs = dict(zip(Way, pool.map(work, Way), strict=True))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            end_all()
            raise
    if any(one.trouble for one in runs.values()):
        return Result(suite, runs)
    bare = runs[Way.BARE].outcomes
    found = [
        one
        for way in (Way.MOUNTED, Way.INSTALLED)
        for one in differences(suite.name, way, bare, runs[way].outcomes)
    ]
    return Result(suite, runs, found)


def _run(suite: Suite, way: Way, *, source: Path, python: Path) -> Run:
    folder = _BUILD / suite.name / way.value
    try:
        return run(suite, way, source=source, python=python, folder=folder)
    finally:
        # Half a gigabyte otherwise, and log and report are what one looks at.
        for left in ("source", "tmp"):
            shutil.rmtree(folder / left, ignore_errors=True)


def _made() -> str:
    return f"on {datetime.now(UTC):%Y-%m-%d}, with Python {platform.python_version()}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.downstream", description=__doc__)
    parser.add_argument("suites", nargs="*", help="which; all of the table when none is named")
    parser.add_argument(
        "--python",
        type=Path,
        default=_BUILD / "venv" / "bin" / "python",
        help="of the environment with what the suites need",
    )
    parser.add_argument("--jobs", type=int, default=2, help="how many runs at once")
    return parser


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main(sys.argv[1:]))
