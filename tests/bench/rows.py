"""The table: what is compared with what, and which ratio is the goal."""

import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tests.bench.breakers import BREAKERS
from tests.bench.rounds import Ratio, Round, answer, crew, end, ratio, run, server

WORKER = "tests.bench.worker"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    Attributes:
        what: What was measured.
        against: What it is compared with.
        goal: The most (or least) that is aimed for; ``None`` where it is shown for orientation.
        value: The figure; a ratio unless ``unit`` says otherwise.
        at_least: Whether the goal is a least.
        unit: Of value and goal.
    """

    what: str
    against: str
    goal: float | None
    value: Ratio
    at_least: bool = False
    unit: str = ""

    @property
    def is_met(self) -> bool | None:
        """Whether the goal is met, by the figure as it is printed."""
        if self.goal is None:
            return None
        value = round(self.value.median, 3)
        return value >= self.goal if self.at_least else value <= self.goal


@dataclass(frozen=True, slots=True)
class Part:
    """What one part of a run gave: rows, figures behind them, and what could not be had."""

    rows: list[Row]
    figures: dict[str, Any]
    missing: dict[str, str]


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to measure: the seconds of each part, and the rounds it takes at the most."""

    seconds: dict[str, float]
    rounds: int
    origins: int


FULL = Effort(
    {"calls": 150, "breaker": 40, "refusal": 15, "flat": 25, "threads": 25, "import": 15},
    rounds=250,
    origins=10_000,
)
QUICK = Effort(
    {"calls": 14, "breaker": 3, "refusal": 2, "flat": 3, "threads": 3, "import": 2},
    rounds=30,
    origins=1_000,
)

_GETS = (
    # what, its contender, against, its contender, goal
    ("get, VertoAdapter", "adapter", "plain requests", "plain", 0.95),
    ("get, mount(session)", "mounted", "plain requests", "plain", 0.95),
    ("get, VertoAdapter, SDK", "adapter, sdk", "plain requests", "plain", 1.10),
    ("get, mount(session), SDK", "mounted, sdk", "plain requests", "plain", 1.10),
    ("get, VertoAdapter, SDK", "adapter, sdk", "RequestsInstrumentor", "instrumentor, sdk", 0.88),
    ("get, mount(session), SDK", "mounted, sdk", "RequestsInstrumentor", "instrumentor, sdk", 0.88),
    ("get, VertoAdapter, SDK", "adapter, sdk", "by hand", "by hand, sdk", 0.82),
    ("get, mount(session), SDK", "mounted, sdk", "by hand", "by hand, sdk", 0.82),
    ("as Verto's host", "verto", "plain requests", "plain", None),
    ("as Verto's host, SDK", "verto, sdk", "plain requests", "plain", None),
    ("RequestsInstrumentor, SDK", "instrumentor, sdk", "plain requests", "plain", None),
    ("by hand, SDK", "by hand, sdk", "plain requests", "plain", None),
    ("RequestsInstrumentor, no SDK", "instrumentor, no sdk", "plain requests", "plain", None),
    ("an adapter that does nothing", "passing", "plain requests", "plain", None),
    ("plain requests again: noise", "plain again", "plain requests", "plain", None),
)


def calls(effort: Effort) -> Part:
    """Measure a successful GET: every way against every other."""
    names = list(dict.fromkeys(name for row in _GETS for name in (row[3], row[1])))
    with server() as url, crew(WORKER, names, url) as processes:
        rounds = processes.rounds(50, most=effort.rounds, seconds=effort.seconds["calls"])
        missing = processes.missing
    rows = [
        Row(what, against, goal, ratio(rounds, name, other, "cpu"))
        for what, name, against, other, goal in _GETS
        if name not in missing and other not in missing
    ]
    return Part(rows, figures(rounds, "plain"), missing)


def breaker(effort: Effort) -> Part:
    """Measure asking leave and recording a success, from one thread and from eight."""
    with crew("tests.bench.breakers", list(BREAKERS)) as processes:
        half = effort.seconds["breaker"] / 2
        count = 20_000 if effort is FULL else 5_000
        one = processes.rounds(f"1 {count}", most=effort.rounds, seconds=half)
        eight = processes.rounds(f"8 {count}", most=effort.rounds, seconds=half)
        missing = processes.missing
    # Those without a lock lose counts under threads: shown, but no goal.
    goals = {"pybreaker": 1.0, "interlock": 1.0, "circuitbreaker": None, "purgatory": None}
    notes = {"circuitbreaker": ", no lock", "purgatory": ", no lock"}
    rows = [
        Row(
            "breaker, 1 thread",
            other + notes.get(other, ""),
            goal,
            ratio(one, "ours", other, "cpu"),
        )
        for other, goal in goals.items()
        if other not in missing
    ]
    alone = statistics.median(each["ours"]["wall"] for each in one)
    together = Ratio.of([each["ours"]["wall"] / alone for each in eight])
    rows.append(Row("breaker, 8 threads", "1 thread", 1.5, together))
    by_threads = {
        f"{name}, {threads} threads": spent(rounds, name)
        for threads, rounds in ((1, one), (8, eight))
        for name in rounds[0]
    }
    return Part(rows, by_threads, missing)


def refusal(effort: Effort) -> Part:
    """Measure a refusal while a circuit is open, from the call to the exception."""
    names = ["plain", "raising", "refusing"]
    with server() as url, crew(WORKER, names, url) as processes:
        rounds = processes.rounds(100, most=effort.rounds, seconds=effort.seconds["refusal"])
    rows = [
        Row(
            "refusal while open",
            "adapter that raises",
            1.06,
            ratio(rounds, "refusing", "raising", "cpu"),
        ),
        Row(
            "refusal while open",
            "plain requests, get",
            None,
            ratio(rounds, "refusing", "plain", "cpu"),
        ),
    ]
    return Part(rows, figures(rounds, "plain"), {})


def memory(effort: Effort) -> Part:
    """Measure the memory of an origin."""
    process = run("tests.bench.origins", str(effort.origins))
    try:
        size = float(answer(process))
    finally:
        end(process)
    row = Row(f"memory of an origin, of {effort.origins}", "", 3000, one_value(size), unit="B")
    return Part([row], {"bytes": size}, {})


def imports(effort: Effort) -> Part:
    """Measure the import in fresh interpreters; the best of each counts."""
    taken: list[dict[str, Any]] = []
    for _ in range(25 if effort is FULL else 5):
        process = run("tests.bench.imports")
        try:
            taken.append(answer(process))
        finally:
            end(process)
    ours = min(float(each["ours"]) for each in taken)
    of_requests = min(float(each["requests"]) for each in taken)
    rows = [
        Row("import after requests", "import requests", 0.30, one_value(ours / of_requests)),
        Row(
            "modules of SDK and extras", "", 0, one_value(len(taken[0]["unwanted"])), unit="loaded"
        ),
    ]
    found = {"ours": ours, "requests": of_requests, "loaded": taken[0]["loaded"]}
    return Part(rows, found, {})


def flat(effort: Effort) -> Part:
    """Measure a GET where many origins are known."""
    names = ["among 1", "among 100", "among 10000"]
    with server() as url, crew(WORKER, names, url) as processes:
        rounds = processes.rounds(50, most=effort.rounds, seconds=effort.seconds["flat"])
    rows = [
        Row(f"get, {many} origins known", "1 origin", 1.10, ratio(rounds, name, names[0], "cpu"))
        for many, name in (("100", names[1]), ("10,000", names[2]))
    ]
    return Part(rows, figures(rounds, names[0]), {})


def threads(effort: Effort) -> Part:
    """Measure the calls per second of 64 threads."""
    names = ["threads plain", "threads adapter"]
    with server() as url, crew(WORKER, names, url) as processes:
        rounds = processes.rounds(10, most=effort.rounds, seconds=effort.seconds["threads"])
    # Calls per second: the inverse of seconds for each call.
    value = ratio(rounds, names[0], names[1], "wall")
    row = Row("64 threads, requests/s", "plain adapter", 0.95, value, at_least=True)
    return Part([row], figures(rounds, names[0]), {})


PARTS: dict[str, Callable[[Effort], Part]] = {
    "calls": calls,
    "breaker": breaker,
    "refusal": refusal,
    "memory": memory,
    "import": imports,
    "flat": flat,
    "threads": threads,
}


def one_value(value: float) -> Ratio:
    """Give a figure that has no spread."""
    return Ratio(value, value, value)


def spent(rounds: Sequence[Round], name: str) -> dict[str, float]:
    """Give the median seconds of a contender."""
    return {kind: statistics.median(one[name][kind] for one in rounds) for kind in ("cpu", "wall")}


def figures(rounds: Sequence[Round], against: str) -> dict[str, Any]:
    """Give the seconds of every contender, and its ratios."""
    return {
        name: {
            **spent(rounds, name),
            "rounds": len(rounds),
            **{
                f"{kind}_ratio": asdict(ratio(rounds, name, against, kind))
                for kind in ("cpu", "wall")
            },
        }
        for name in rounds[0]
    }


def measured(names: Sequence[str], effort: Effort) -> Iterator[tuple[str, Part]]:
    """Measure these parts, one after the other."""
    for name in names:
        yield name, PARTS[name](effort)
