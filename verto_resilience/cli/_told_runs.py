"""How simulated runs are told: a progress bar, and a table of what they came to."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.measure import Measurement
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
_ROOM = 1000
_BOUND = "\N{NO-BREAK SPACE}"
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
    if not console.is_terminal:
        # An older rich would end with an empty line.
        yield lambda _one, _done: None
        return
    with Progress(*columns, console=console, transient=True) as bars:
        tasks = {one: bars.add_task(one.words.ljust(_NAME), total=1.0) for one in strategies}
        yield lambda one, done: bars.update(tasks[one], completed=done)


def show_runs(runs: Sequence[Played]) -> None:
    """Print the story, a row for each run, and what it says."""
    console = Console(highlight=False)
    for sentence in story(runs[0].scenario):
        console.print(wrapped(sentence), soft_wrap=True)
    console.print()
    rows = [(run.strategy, figures(run)) for run in runs]
    table = _table(rows)
    if _width_of(table, console) <= console.width:
        console.print(table)
    else:
        console.print(*_blocks(rows), sep="\n", soft_wrap=True)
    console.print()
    for line, style in _verdicts(runs[0].scenario, rows):
        console.print(Text(wrapped(line), style=style), soft_wrap=True)


def _width_of(table: Table, console: Console) -> int:
    """Give the columns that it would have with room for all."""
    return Measurement.get(console, console.options.update(max_width=_ROOM), table).maximum


def _table(rows: Sequence[tuple[Strategy, Figures]]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("strategy", no_wrap=True)
    for name in _COLUMNS:
        table.add_column(name, justify="right", no_wrap=True)
    for strategy, row in rows:
        *cells, back = _cells(row)
        style = "red" if row.recovered is None else "green"
        table.add_row(_title(strategy), *cells, Text(back, style=style))
    return table


def _blocks(rows: Sequence[tuple[Strategy, Figures]]) -> Iterator[Text]:
    """Give what the table says, for a terminal that would cut its titles off."""
    for strategy, row in rows:
        pairs = zip(_COLUMNS, _cells(row), strict=True)
        told = ", ".join(f"{name}: {cell}".replace(" ", _BOUND) for name, cell in pairs if cell)
        lines = wrapped(told, first="  ", others="  ").replace(_BOUND, " ")
        yield Text("\n").join([_title(strategy), Text(lines)])


def _title(strategy: Strategy) -> Text:
    return Text(strategy.words, style="bold" if strategy.is_ours else "")


def _cells(row: Figures) -> tuple[str, ...]:
    return (
        f"{row.reached:,}",
        f"{row.amplification:.2f}",
        f"{row.goodput_before:.0f}/s",
        f"{row.goodput_during:.0f}/s",
        f"{row.goodput_at_the_end:.0f}/s",
        f"{row.wasted:.0%}",
        "" if row.p99 is None else f"{row.p99:.1f} s",
        "not seen" if row.recovered is None else f"{row.recovered} s",
    )


def _verdicts(
    scenario: Scenario, rows: Sequence[tuple[Strategy, Figures]]
) -> Iterator[tuple[str, str]]:
    lost = [strategy.words for strategy, row in rows if row.recovered is None]
    if lost:
        yield overload(scenario, "; ".join(lost)), "red"
        yield "", ""
    yield _LEGEND, "dim"
