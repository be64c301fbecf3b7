"""How simulated runs are told: a progress bar, and a table of what they came to."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from verto_resilience.cli._wrapped import wrapped
from verto_resilience.simulation import (
    Figures,
    Played,
    Scenario,
    Strategy,
    figures,
    overload,
    story,
)

_NAME = 18
_COLUMNS = ("requests", "a call", "before", "during", "at end", "wasted", "99 %", "back")
_LEGEND = (
    "a call: requests for each call, from the incident on. before, during, at end: calls that "
    "succeed in a second. wasted: work for clients that had gone. 99 %: so many of the successful "
    "calls took no longer. back: from the end of the incident until nine tenths of the calls "
    "succeed again, and go on doing so."
)


@contextmanager
def watched(strategies: Sequence[Strategy]) -> Iterator[Callable[[Strategy, float], None]]:
    """Show on a terminal how far each run is; the bars go to standard error and then away."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bars:
        tasks = {one: bars.add_task(one.words.ljust(_NAME), total=1.0) for one in strategies}
        yield lambda one, done: bars.update(tasks[one], completed=done)


def show_runs(runs: Sequence[Played]) -> None:
    """Print the story, a row for each run, and what it says."""
    console = Console(highlight=False)
    for sentence in story(runs[0].scenario):
        console.print(wrapped(sentence), soft_wrap=True)
    console.print()
    rows = [(run.strategy, figures(run)) for run in runs]
    console.print(_table(rows))
    console.print()
    for line, style in _verdicts(runs[0].scenario, rows):
        console.print(Text(wrapped(line), style=style), soft_wrap=True)


def _table(rows: Sequence[tuple[Strategy, Figures]]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("strategy", no_wrap=True)
    for name in _COLUMNS:
        table.add_column(name, justify="right", no_wrap=True)
    for strategy, row in rows:
        lost = row.recovered is None
        table.add_row(
            Text(strategy.words, style="bold" if strategy.is_ours else ""),
            f"{row.reached:,}",
            f"{row.amplification:.2f}",
            f"{row.goodput_before:.0f}/s",
            f"{row.goodput_during:.0f}/s",
            f"{row.goodput_at_the_end:.0f}/s",
            f"{row.wasted:.0%}",
            "" if row.p99 is None else f"{row.p99:.1f} s",
            Text("not seen", style="red") if lost else Text(f"{row.recovered} s", style="green"),
        )
    return table


def _verdicts(
    scenario: Scenario, rows: Sequence[tuple[Strategy, Figures]]
) -> Iterator[tuple[str, str]]:
    lost = [strategy.words for strategy, row in rows if row.recovered is None]
    if lost:
        yield overload(scenario, "; ".join(lost)), "red"
        yield "", ""
    yield _LEGEND, "dim"
