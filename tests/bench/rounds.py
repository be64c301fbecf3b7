"""Processes, rounds and ratios: who is asked when, and what is made of the answers.

Each contender has a process. In each round all are asked once, in an order that chance gives, so
that what else the machine does meets all of them alike. A ratio is taken within a round; what is
reported is the median over the rounds. Two processes of the same contender differ a little for as
long as they live, by where their memory lies: so there are several sets of processes, and their
medians are reported as well.
"""

import json
import os
import random
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
_CHANGES_CONTENDERS = re.compile("(?i).*_proxy|verto_resilience_.*|otel_.*|python.*")

Round = dict[str, dict[str, float]]


@dataclass(frozen=True, slots=True)
class Ratio:
    """A median, and the lowest and highest of the medians of each set of processes."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, sets: Sequence[Sequence[float]]) -> "Ratio":
        """Take the median of all values, and of those of each set."""
        medians = [statistics.median(values) for values in sets]
        everything = [value for values in sets for value in values]
        return cls(statistics.median(everything), min(medians), max(medians))


def ratio(sets: Sequence[Sequence[Round]], what: str, against: str, kind: str) -> Ratio:
    """Compare two contenders, round by round."""
    return Ratio.of([[one[what][kind] / one[against][kind] for one in rounds] for rounds in sets])


def environment() -> dict[str, str]:
    """Give the environment without what would change a contender."""
    kept = {
        name: value for name, value in os.environ.items() if not _CHANGES_CONTENDERS.fullmatch(name)
    }
    return {**kept, "PYTHONHASHSEED": "0"}


def run(*arguments: str) -> "subprocess.Popen[str]":
    """Start a module of this folder, with pipes."""
    return subprocess.Popen(
        [sys.executable, "-m", *arguments],
        cwd=ROOT,
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def answer(process: "subprocess.Popen[str]", question: object = None) -> Any:
    """Ask a process, and give its answer."""
    assert process.stdin is not None
    assert process.stdout is not None
    if question is not None:
        process.stdin.write(f"{question}\n")
        process.stdin.flush()
    line = process.stdout.readline()
    if not line:
        message = f"{process.args!r} ended: {process.wait(10)}"
        raise RuntimeError(message)
    return json.loads(line)


def end(process: "subprocess.Popen[str]") -> None:
    """Let a process end."""
    try:
        process.communicate(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()


@contextmanager
def server() -> Iterator[str]:
    """Run the server; gives the address to ask."""
    from tests.bench.server import PATH

    process = run("tests.bench.server")
    try:
        yield f"http://127.0.0.1:{answer(process)}{PATH}"
    finally:
        end(process)


@contextmanager
def crew(module: str, names: Sequence[str], *arguments: str) -> Iterator["Crew"]:
    """Run a process for each name; those that are not installed are left out."""
    with ExitStack() as stack:
        processes: dict[str, subprocess.Popen[str]] = {}
        missing: dict[str, str] = {}
        for name in names:
            process = run(module, name, *arguments)
            stack.callback(end, process)
            # One after the other: building is no part of what is measured.
            first = answer(process)
            if "missing" in first:
                missing[name] = first["missing"]
            else:
                processes[name] = process
        yield Crew(processes, missing)


class Crew:
    """The processes of some contenders.

    Attributes:
        missing: Who could not be built, and why.
    """

    def __init__(
        self, processes: dict[str, "subprocess.Popen[str]"], missing: dict[str, str]
    ) -> None:
        self.missing = missing
        self._processes = processes
        self._chance = random.Random(6)

    def rounds(self, question: object, *, most: int, seconds: float) -> list[Round]:
        """Ask everyone so many times over, or until the time is up."""
        end = time.monotonic() + seconds
        rounds = [self._round(question)]
        while len(rounds) < most and time.monotonic() < end:
            rounds.append(self._round(question))
        return rounds

    def _round(self, question: object) -> Round:
        names = list(self._processes)
        self._chance.shuffle(names)
        return {name: answer(self._processes[name], question) for name in names}
