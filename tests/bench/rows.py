"""The table: what is compared with what, and which ratio is the goal."""

import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from tests.bench.breakers import BREAKERS
from tests.bench.figures import Effort, Part, Row
from tests.bench.rounds import Ratio, Round, answer, crew, end, ratio, run, server

WORKER = "tests.bench.worker"


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
    ("VertoAdapter, no_proxy set", "adapter, no_proxy", "plain, likewise", "plain, no_proxy", None),
    ("mount, no_proxy set", "mounted, no_proxy", "plain, likewise", "plain, no_proxy", None),
    ("as Verto's host", "verto", "plain requests", "plain", None),
    ("as Verto's host, SDK", "verto, sdk", "plain requests", "plain", None),
    ("RequestsInstrumentor, SDK", "instrumentor, sdk", "plain requests", "plain", None),
    ("the SDK alone, records alike", "straight, sdk", "plain requests", "plain", None),
    ("get in a span, SDK", "mounted, sdk, in a span", "plain requests", "plain", None),
    (
        "get in a span, SDK",
        "mounted, sdk, in a span",
        "RequestsInstrumentor",
        "instrumentor, sdk, in a span",
        None,
    ),
    ("by hand, SDK", "by hand, sdk", "plain requests", "plain", None),
    ("RequestsInstrumentor, no SDK", "instrumentor, no sdk", "plain requests", "plain", None),
    ("an adapter that does nothing", "passing", "plain requests", "plain", None),
    ("plain requests again: noise", "plain again", "plain requests", "plain", None),
)


def calls(effort: Effort) -> Part:
    """Measure a successful GET: every way against every other."""
    names = list(dict.fromkeys(name for row in _GETS for name in (row[3], row[1])))
    sets, missing = asked(names, 50, effort, "calls")
    rows = [
        Row(what, against, goal, ratio(sets, name, other, "cpu"))
        for what, name, against, other, goal in _GETS
        if name not in missing and other not in missing
    ]
    return Part(rows, figures(sets, "plain"), missing)


_EDGES = (
    # what, its contender, against, its contender
    ("VertoPoolManager", "VertoPoolManager", "urllib3.PoolManager", "PoolManager"),
    ("VertoPoolManager, SDK", "VertoPoolManager, sdk", "urllib3.PoolManager", "PoolManager"),
    ("VertoTransport", "VertoTransport", "httpx.Client", "Client"),
    ("VertoTransport, SDK", "VertoTransport, sdk", "httpx.Client", "Client"),
    ("AsyncVertoTransport", "AsyncVertoTransport", "httpx.AsyncClient", "AsyncClient"),
    ("AsyncVertoTransport, SDK", "AsyncVertoTransport, sdk", "httpx.AsyncClient", "AsyncClient"),
)


def edges(effort: Effort) -> Part:
    """Measure a successful GET at the other edges, each against the client it stands in."""
    names = list(dict.fromkeys(name for row in _EDGES for name in (row[3], row[1])))
    sets, missing = asked(names, 50, effort, "edges")
    rows = [
        Row(f"get, {what}", against, None, ratio(sets, name, other, "cpu"))
        for what, name, against, other in _EDGES
        if name not in missing and other not in missing
    ]
    return Part(rows, figures(sets, "PoolManager"), missing)


def breaker(effort: Effort) -> Part:
    """Measure asking leave and recording a success, from one thread and from eight."""
    one: list[list[Round]] = []
    eight: list[list[Round]] = []
    seconds = effort.seconds["breaker"] / effort.sets / 2
    for _ in range(effort.sets):
        with crew("tests.bench.breakers", list(BREAKERS)) as processes:
            for threads, sets in ((1, one), (8, eight)):
                question = f"{threads} {effort.operations}"
                sets.append(processes.rounds(question, most=effort.rounds, seconds=seconds))
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
    together = Ratio.of(
        [
            [each["ours"]["wall"] / spent([alone], "ours")["wall"] for each in rounds]
            for alone, rounds in zip(one, eight, strict=True)
        ]
    )
    rows.append(Row("breaker, 8 threads", "1 thread", 1.5, together))
    by_threads = {
        f"{name}, {threads} threads": spent(sets, name)
        for threads, sets in ((1, one), (8, eight))
        for name in sets[0][0]
    }
    return Part(rows, by_threads, missing)


def refusal(effort: Effort) -> Part:
    """Measure a refusal while a circuit is open, from the call to the exception."""
    names = ["plain", "raising", "refusing", "refusing, mounted"]
    sets, _ = asked(names, 100, effort, "refusal")
    rows = [
        Row(what, against, goal, ratio(sets, name, other, "cpu"))
        for what, name, against, other, goal in (
            ("refusal, VertoAdapter", "refusing", "adapter that raises", "raising", 1.06),
            (
                "refusal, mount(session)",
                "refusing, mounted",
                "adapter that raises",
                "raising",
                1.06,
            ),
            ("refusal, VertoAdapter", "refusing", "plain requests, get", "plain", None),
        )
    ]
    return Part(rows, figures(sets, "plain"), {})


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
    for _ in range(effort.imports):
        process = run("tests.bench.imports")
        try:
            taken.append(answer(process))
        finally:
            end(process)
    ours = min(float(each["ours"]) for each in taken)
    mounted = min(float(each["ours"]) + float(each["mount"]) for each in taken)
    of_requests = min(float(each["requests"]) for each in taken)
    rows = [
        Row("import after requests", "import requests", 0.30, one_value(ours / of_requests)),
        Row("import and mount", "import requests", None, one_value(mounted / of_requests)),
        Row(
            "modules of SDK and extras", "", 0, one_value(len(taken[0]["unwanted"])), unit="loaded"
        ),
    ]
    found = {
        "ours": ours,
        "mounted": mounted,
        "requests": of_requests,
        "loaded": taken[0]["loaded"],
    }
    return Part(rows, found, {})


def flat(effort: Effort) -> Part:
    """Measure a GET where many origins are known."""
    names = ["among 1", "among 100", "among 10000"]
    sets, _ = asked(names, 50, effort, "flat")
    rows = [
        Row(f"get, {many} origins known", "1 origin", 1.10, ratio(sets, name, names[0], "cpu"))
        for many, name in (("100", names[1]), ("10,000", names[2]))
    ]
    return Part(rows, figures(sets, names[0]), {})


def threads(effort: Effort) -> Part:
    """Measure the calls per second of 64 threads."""
    names = ["threads plain", "threads adapter", "threads mounted"]
    sets, _ = asked(names, 10, effort, "threads")
    rows = [
        # Calls per second: the inverse of seconds for each call.
        Row(what, "plain adapter", 0.95, ratio(sets, names[0], name, "wall"), at_least=True)
        for what, name in (
            ("rate of 64 threads, VertoAdapter", "threads adapter"),
            ("rate of 64 threads, mount(session)", "threads mounted"),
        )
    ]
    return Part(rows, figures(sets, names[0]), {})


PARTS: dict[str, Callable[[Effort], Part]] = {
    "calls": calls,
    "edges": edges,
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


def asked(
    names: Sequence[str], calls: int, effort: Effort, part: str
) -> tuple[list[list[Round]], dict[str, str]]:
    """Ask several sets of processes in turn; gives the rounds of each, and who was missing."""
    sets: list[list[Round]] = []
    missing: dict[str, str] = {}
    seconds = effort.seconds[part] / effort.sets
    with server() as url:
        for _ in range(effort.sets):
            with crew(WORKER, names, url) as processes:
                sets.append(processes.rounds(calls, most=effort.rounds, seconds=seconds))
                missing = processes.missing
    return sets, missing


def spent(sets: Sequence[Sequence[Round]], name: str) -> dict[str, float]:
    """Give the median seconds of a contender."""
    return {
        kind: statistics.median(one[name][kind] for rounds in sets for one in rounds)
        for kind in ("cpu", "wall")
    }


def figures(sets: Sequence[Sequence[Round]], against: str) -> dict[str, Any]:
    """Give the seconds of every contender, and its ratios."""
    return {
        name: {
            **spent(sets, name),
            "rounds": [len(rounds) for rounds in sets],
            **{
                f"{kind}_ratio": asdict(ratio(sets, name, against, kind))
                for kind in ("cpu", "wall")
            },
        }
        for name in sets[0][0]
    }


def measured(names: Sequence[str], effort: Effort) -> Iterator[tuple[str, Part]]:
    """Measure these parts, one after the other."""
    for name in names:
        yield name, PARTS[name](effort)
