"""Changes the code of the pure floors, one place at a time, and writes which changes no test saw.

'make mutants' runs it: mutmut on a copy below ``build/``, then the page ``docs/mutants.md``. The
reasons for survivors stand in ``mutants.toml`` beside this file; --page only writes the page again
after a run, with the reasons there are now. It fails when a survivor has no reason, or too many
survive.

mutmut makes its mutants in processes that have imported the tests, and so does not see a change in
what runs at import or is kept from then on, such as a table read once. Whatever it calls alive is
therefore tried once more in a process of its own, with the tests of its module.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from platform import python_version
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent.parent
COPY = ROOT / "build" / "mutants"
RESULTS = COPY / "results.json"
PAGE = ROOT / "docs" / "mutants.md"
REASONS = Path(__file__).with_name("mutants.toml")
FLOORS = ("machines", "outcome")
COPIED = ("pyproject.toml", "verto_resilience", "tests/conftest.py")
LEAST_SCORE = 95.0
_PATIENCE = 60.0
_KILLED, _SURVIVED = 1, 0
# A failed test, a file that cannot be imported, an error inside pytest.
_PYTEST_SAW_IT = {1, 2, 3}
_NAME = re.compile(r"verto_resilience\.(?P<module>[\w.]+)\.x[_ǁ](?P<function>.+)__mutmut_\d+")


class Change(NamedTuple):
    """What a mutant is: the lines that went and the lines that came."""

    module: str
    function: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Run:
    """One run: when, on what, with what, and what became of each mutant, by its name."""

    date: str
    minutes: int
    state: str
    tools: str
    fates: Mapping[str, str]
    survivors: list[Change]


def main(*, run: bool) -> int:
    """Make a run if told so, write the page, and say whether it is good enough."""
    if run:
        _copy()
        results = _run(int(os.environ.get("JOBS") or 1) or 1)
        RESULTS.write_text(json.dumps(asdict(results)), encoding="utf-8")
    last = Run(**json.loads(RESULTS.read_text(encoding="utf-8")))
    survivors = sorted(Change(*change) for change in last.survivors)
    reasons = _reasons()
    PAGE.write_text(_page(last, survivors, reasons), encoding="utf-8")
    unexplained = [change for change in survivors if change not in reasons]
    for change in unexplained:
        print(f"no test and no reason: {change}")
    for change in reasons.keys() - set(survivors):
        print(f"a reason for what does not survive: {change}")
    score = _score(Counter(last.fates.values()))
    print(f"{score:.1f} % killed; {PAGE.relative_to(ROOT)} written")
    return 0 if score >= LEAST_SCORE and not unexplained else 1


def _run(jobs: int) -> Run:
    began, state = datetime.now(UTC), _state()
    subprocess.run(  # noqa: S603
        [_tool("mutmut"), "run", "--max-children", str(jobs)], cwd=COPY, check=True
    )
    codes = _codes()
    alive = [name for name, code in codes.items() if code != _KILLED]
    print(f"{len(alive)} of {len(codes)} not killed; trying each in a process of its own")
    with ThreadPoolExecutor(jobs) as pool:
        again = dict(zip(alive, pool.map(_fate, alive), strict=True))
    fates = {name: again.get(name, "killed") for name in codes}
    return Run(
        date=f"{began:%Y-%m-%d}",
        minutes=round((datetime.now(UTC) - began).total_seconds() / 60.0),
        state=state,
        tools=f"Python {python_version()}, mutmut {version('mutmut')}",
        fates=fates,
        survivors=[_change(name) for name, fate in fates.items() if fate == "survived"],
    )


def _copy() -> None:
    shutil.rmtree(COPY, ignore_errors=True)
    for name in (*COPIED, *(f"tests/{floor}" for floor in FLOORS)):
        source, target = ROOT / name, COPY / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, target)


def _tool(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def _codes() -> dict[str, int | None]:
    """Give the exit code of pytest for each mutant."""
    codes: dict[str, int | None] = {}
    for floor in FLOORS:
        for path in sorted((COPY / "mutants" / "verto_resilience" / floor).glob("*.meta")):
            codes |= json.loads(path.read_text(encoding="utf-8"))["exit_code_by_key"]
    return codes


def _fate(mutant: str) -> str:
    """Try a mutant in a process of its own, with the tests of its module."""
    floor, module = _parts(mutant)[0].split("/")
    own = sorted((COPY / "mutants" / "tests" / floor).glob(f"test{module.removesuffix('.py')}*.py"))
    settings = tomllib.loads((COPY / "pyproject.toml").read_text(encoding="utf-8"))
    arguments = settings["tool"]["mutmut"]["pytest_add_cli_args"]
    tests = [str(path.relative_to(COPY / "mutants")) for path in own] or [f"tests/{floor}"]
    try:
        code = subprocess.run(  # noqa: S603
            [sys.executable, "-m", "pytest", "-x", "-q", *arguments, *tests],
            cwd=COPY / "mutants",
            env=os.environ | {"MUTANT_UNDER_TEST": mutant},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_PATIENCE,
            check=False,
        ).returncode
    except subprocess.TimeoutExpired:
        return "timeout"
    if code not in {_SURVIVED, *_PYTEST_SAW_IT}:
        raise SystemExit(f"pytest ended with {code} on {mutant}")
    return "survived" if code == _SURVIVED else "killed"


def _parts(mutant: str) -> tuple[str, str]:
    """Give the file of a mutant, below the package, and its function."""
    found = _NAME.fullmatch(mutant)
    if found is None:
        raise SystemExit(f"unknown form of a mutant's name: {mutant}")
    return found["module"].replace(".", "/") + ".py", found["function"].replace("ǁ", ".")


def _change(mutant: str) -> Change:
    diff = subprocess.run(  # noqa: S603
        [_tool("mutmut"), "show", mutant], cwd=COPY, check=True, capture_output=True, text=True
    ).stdout.splitlines()
    old = [line[1:].strip() for line in diff if line.startswith("-") and line[:3] != "---"]
    new = [line[1:].strip() for line in diff if line.startswith("+") and line[:3] != "+++"]
    return Change(*_parts(mutant), " ".join(old), " ".join(new))


def _reasons() -> dict[Change, str]:
    rows = tomllib.loads(REASONS.read_text(encoding="utf-8"))["survivor"]
    return {
        Change(row["module"], row["function"], row["old"], new): row["reason"]
        for row in rows
        for new in row["new"]
    }


def _score(counts: Mapping[str, int]) -> float:
    """Give the killed ones in percent; a mutant that hangs the tests is not counted as killed."""
    return 100.0 * counts.get("killed", 0) / (sum(counts.values()) or 1)


def _page(run: Run, survivors: Iterable[Change], reasons: Mapping[Change, str]) -> str:
    by_module: dict[str, Counter[str]] = {}
    for name, fate in run.fates.items():
        by_module.setdefault(_parts(name)[0], Counter())[fate] += 1
    rows = [_row(f"`{module}`", counts) for module, counts in sorted(by_module.items())]
    listed = [
        f"| `{change.module}` `{change.function}` | {_cell(change.old)} | {_cell(change.new)} "
        f"| {reasons.get(change, 'none yet')} |"
        for change in survivors
    ]
    return _TEXT.format(
        date=run.date,
        minutes=run.minutes,
        state=run.state,
        tools=run.tools,
        modules="\n".join([*rows, _row("all", sum(by_module.values(), Counter[str]()))]),
        count=len(listed),
        survivors="\n".join(listed),
    )


def _row(name: str, counts: Mapping[str, int]) -> str:
    numbers = [counts.get(fate, 0) for fate in ("killed", "timeout", "survived")]
    return f"| {name} | {' | '.join(map(str, [sum(numbers), *numbers]))} | {_score(counts):.1f} % |"


def _cell(text: str) -> str:
    return "`{}`".format(text.replace("|", "\\|")) if text else "left out"


def _state() -> str:
    """Name the commit, and what of the measured files is not in it."""
    measured = [f"{top}/{floor}" for top in ("verto_resilience", "tests") for floor in FLOORS]
    changed = [line[3:] for line in _git("status", "--porcelain", "--", *measured)]
    commit = f"commit {_git('rev-parse', '--short', 'HEAD')[0]}"
    return commit if not changed else f"{commit} and what was not yet in it: {_list(changed)}"


def _list(paths: Iterable[str]) -> str:
    return ", ".join(f"`{path}`" for path in paths)


def _git(*arguments: str) -> list[str]:
    git = shutil.which("git") or "git"
    done = subprocess.run(  # noqa: S603
        [git, *arguments], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return done.stdout.splitlines()


_TEXT = """# Mutants

Do the tests see it when the code is wrong? To find out, [mutmut](https://mutmut.readthedocs.io)
changes the functions of the two pure floors in one place at a time (`<` to `<=`, `+` to `-`, a
number by one, a value to `None`, an argument left out) and runs the tests that reach that place. A
mutant that no test fails for has survived. Each survivor is tried once more in a process of its
own, with the tests of its module; what is left stands below with the reason why it may.

    make mutants

wrote this page on {date}, from {state} ({tools}, {minutes} minutes).

Only `tests/outcome` and `tests/machines` are run, without the tests that measure time. What
hypothesis draws is the same in each run, and as little as the profile `mutants` allows. A timeout
is a mutant that hung the tests; it is not counted as killed. mutmut leaves alone what stands
outside of functions (tables, patterns, defaults of fields) and functions with a decorator
(properties and their setters).

| module | mutants | killed | timeouts | survived | killed, in percent |
|---|---|---|---|---|---|
{modules}

## The survivors

{count} in all.

| where | code | mutant | why it may live |
|---|---|---|---|
{survivors}
"""


if __name__ == "__main__":
    sys.exit(main(run="--page" not in sys.argv[1:]))
