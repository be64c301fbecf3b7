"""The table for the terminal, and docs/downstream.md."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.downstream.differences import Difference, Found
from tests.downstream.runs import Run, Way
from tests.downstream.suites import ROOT, Suite

PAGE = ROOT / "docs" / "downstream.md"

_HEAD = (
    "| suite | tests | pass bare | fail bare | differ mounted | differ installed |",
    "|---|---|---|---|---|---|",
)


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one suite.

    Attributes:
        suite: The suite.
        runs: Its runs; empty when it was not run.
        found: What differs.
        missing: Why it could not be had; empty when it could.
    """

    suite: Suite
    runs: Mapping[Way, Run]
    found: Sequence[Found] = ()
    missing: str = ""

    @property
    def troubles(self) -> list[str]:
        """What keeps its runs from being compared."""
        return [f"{way.value}: {run.trouble}" for way, run in self.runs.items() if run.trouble]


def table(results: Sequence[Result]) -> str:
    """Give a row for each suite."""
    return "\n".join([*_HEAD, *(_row(result) for result in results)])


def page(results: Sequence[Result], known: Mapping[Difference, str], made: str) -> str:
    """Give the page of a run over all suites."""
    everything = [one for result in results for one in result.found]
    tests: dict[tuple[str, ...], list[str]] = {}
    for one in everything:
        suite, way, test = one.difference
        why = known.get(one.difference, "none yet")
        tests.setdefault((suite, way, f"{one.bare}, then {one.ours}", why), []).append(test)
    listed = [
        f"| {suite} | {'<br>'.join(map(_code, alike))} | {way} | {what} | {why} |"
        for (suite, way, what, why), alike in tests.items()
    ]
    return _TEXT.format(
        made=made, table=table(results), count=len(everything), differences="\n".join(listed)
    )


def _row(result: Result) -> str:
    suite = f"{result.suite.name} {result.suite.version}"
    if result.missing:
        return f"| {suite} | not had | | | | |"
    if result.troubles:
        return f"| {suite} | not compared | | | | |"
    outcomes = result.runs[Way.BARE].outcomes
    counts = Counter(outcomes.values())
    ways = Counter(one.difference.way for one in result.found)
    numbers = [
        len(outcomes),
        counts["passed"],
        counts["failed"] + counts["error"],
        ways[Way.MOUNTED.value],
        ways[Way.INSTALLED.value],
    ]
    return f"| {suite} | {' | '.join(map(str, numbers))} |"


def _code(text: str) -> str:
    return "`{}`".format(text.replace("|", "\\|"))


_TEXT = """# The suites of others

Does a program that works with requests or urllib3 go on working? To find out, the test-suites of
both and of packages around them are run three times, from the source distributions that `uv.lock`
names:

* **bare**, without this package;
* **mounted**: `mount(session)` in every new session, and a `VertoPoolManager` for every new pool
  manager, with one attempt for each call and no circuit. Nothing is left then of what they are for,
  so nothing should differ;
* **installed**: `install()`, and again pool managers of ours, with the settings that users get.
  Adapters that a test mounts itself are wrapped too. What differs has to be a promise.

    make downstream

wrote this page {made}.
It runs on loopback only: the names of other machines do not resolve. What fails bare needs the
internet, or another version of something (the tunnels of urllib3's own tests need its own fork of
hypercorn).

{table}

## What differs

{count} in all, each with the reason.

| suite | tests | way | bare, then with the adapter | why |
|---|---|---|---|---|
{differences}
"""
