"""The demo on a terminal: lines that scroll, and below them a panel that never stands still."""

import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.box import SIMPLE
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.rule import Rule
from rich.spinner import Spinner
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from verto_resilience.cli.demonstration._gauges import Gauges
from verto_resilience.cli.demonstration._screen import Labelled, Line, Tone
from verto_resilience.cli.demonstration._trace import SpanNode
from verto_resilience.machines import State
from verto_resilience.pipeline import Event

_STYLES = {
    Tone.GOOD: "green",
    Tone.BAD: "red",
    Tone.HELD: "yellow",
    Tone.CIRCUIT: "magenta",
    Tone.NOTE: "dim",
}
_MARKS = {
    Tone.GOOD: "✓",
    Tone.BAD: "✗",
    Tone.HELD: "◷",
    Tone.CIRCUIT: "◆",
    Tone.NOTE: "·",
}
_CIRCUIT = {State.CLOSED: "green", State.OPEN: "red", State.HALF_OPEN: "yellow"}
_WIDEST = 100
_SUBJECT = 22
_BAR = 24
_LENGTH = 9
_FRAMES = 12


class RichScreen:
    """Draws on a terminal; the panel shows circuit, pause and counts as they are."""

    def __init__(self, console: Console) -> None:
        """Draw here."""
        console.width = min(console.width, _WIDEST)
        self._console = console
        self._gauges = Gauges()
        self._spinner = Spinner("dots", style="cyan")
        self._live = Live(
            get_renderable=self._panel,
            console=console,
            refresh_per_second=_FRAMES,
            transient=True,
        )

    def __enter__(self) -> Self:
        """Show the panel."""
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take the panel away; what was written stays."""
        self._live.stop()

    def opening(self, title: str, code: Sequence[str], notes: Sequence[str]) -> None:
        """Show what is about to be seen."""
        shown = Syntax("\n".join(code), "python", theme="ansi_dark", background_color="default")
        words = [Text(note, style="dim") for note in notes]
        self._console.print(
            Panel(Group(shown, Text(), *words), title=f"[bold]{title}[/]", border_style="cyan")
        )

    def scene(self, number: int, total: int, title: str, about: str) -> None:
        """Draw a headline."""
        self._gauges.scene = f"{number}/{total} {title}"
        headline = Text(f"{number}/{total}  {title}", style="bold cyan")
        self._console.print(Text(), Rule(headline, align="left", style="cyan"), sep="\n")
        self._console.print(Padding(Text(about, style="italic dim"), (0, 2)))

    def call(self, who: str, text: str) -> None:
        """Show the caller's line of code."""
        self._console.print(
            Text.assemble(("  ▸ ", "bold cyan"), (_by(who), "cyan"), (text, "bold"))
        )

    def line(self, who: str, line: Line) -> None:
        """Show what happened, in two columns."""
        style = _STYLES[line.tone]
        row = Table.grid(padding=(0, 1))
        row.add_column(width=3, justify="right")
        row.add_column(width=_SUBJECT, no_wrap=True)
        row.add_column(ratio=1)
        row.add_row(
            Text(_MARKS[line.tone], style=style),
            Text.assemble((_by(who), "cyan"), line.subject),
            Text(line.text, style=style),
        )
        self._console.print(Padding(row, (0, 0, 0, 1)))

    def note(self, event: Event) -> None:
        """Bring the panel up to date."""
        self._gauges.note(event)

    def rest(self, seconds: float) -> None:
        """Let a person read; the panel goes on moving."""
        time.sleep(seconds)

    def table(self, title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Draw a table."""
        self._console.print(Text(f"\n{title}", style="bold cyan"))
        table = Table(box=SIMPLE, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
        for index, name in enumerate(header):
            table.add_column(name, justify="right" if index else "left", header_style="dim")
        for row in rows[:-1]:
            table.add_row(*(Text(text, style="dim" if text in _NOTHING else "") for text in row))
        table.add_section()
        table.add_row(*rows[-1], style="bold")
        self._console.print(table)

    def trace(self, title: str, root: SpanNode) -> None:
        """Draw a tree of spans with their place in time."""
        self._console.print(Text(f"\n{title}", style="bold cyan"))
        tree = Tree(self._span(root, root, 0), guide_style="dim")
        for child in root.children:
            tree.add(self._span(child, root, 1))
        self._console.print(tree)

    def remark(self, text: str) -> None:
        """Say something by the way."""
        self._console.print(Text(f"\n{text}", style="yellow"))

    def promises(self, title: str, promises: Sequence[Labelled]) -> None:
        """Draw a list, with what shows each."""
        self._console.print(Text(f"\n{title}", style="bold cyan"))
        for label, promise in promises:
            mark = ("✓", "bold green") if promise.held else ("✗", "bold red")
            style = "dim" if promise.held else "bold red"
            row = Table.grid(padding=(0, 1))
            row.add_column(width=3, justify="right")
            row.add_column(width=1)
            row.add_column(ratio=1)
            told = Text.assemble(promise.text, "\n", (promise.proof, style))
            row.add_row(Text(label, style="cyan"), Text(*mark), told)
            self._console.print(Padding(row, (0, 0, 0, 1)))

    def verdict(self, text: str, *, good: bool) -> None:
        """Draw how it ended."""
        style = "green" if good else "red"
        self._console.print(Text(), Panel(Text(text, style=f"bold {style}"), border_style=style))

    def _span(self, node: SpanNode, root: SpanNode, depth: int) -> RenderableType:
        style = "red" if node.failed else "green" if depth else "cyan"
        label = Table.grid(padding=(0, 1))
        # A tree indents each level by four columns; the bars are to stand in line.
        label.add_column(width=self._console.width - _BAR - _LENGTH - 4 - 4 * depth, no_wrap=True)
        label.add_column(width=_BAR)
        label.add_column(width=_LENGTH, justify="right")
        label.add_row(
            Text(f"{'✗' if node.failed else '✓'} {node.title}", style=f"bold {style}"),
            Text(node.bar(root.seconds, _BAR, "━"), style=style),
            Text(f"{node.seconds:.3f} s", style="dim"),
        )
        return Group(label, Text("  ".join(node.facts), style="dim"))

    def _panel(self) -> RenderableType:
        now, gauges = time.monotonic(), self._gauges
        state = gauges.circuit
        circuit = Text.assemble("circuit ", ("● " + state.replace("_", "-"), _CIRCUIT[state]))
        held = gauges.countdown(now)
        row = Table.grid(expand=True, padding=(0, 1))
        row.add_column(width=1)
        row.add_column(width=19, no_wrap=True)
        row.add_column(ratio=1)
        row.add_column(justify="right", no_wrap=True)
        counts = Text(f"sent {gauges.sent}  resent {gauges.resent}  refused {gauges.refused}")
        if held is None:
            row.add_row(self._spinner, circuit, Text(), counts)
        else:
            bar = Table.grid(expand=True, padding=(0, 1))
            bar.add_column(no_wrap=True)
            bar.add_column(ratio=1)
            bar.add_row(
                Text(f"{held.what} {held.left:.1f} s", style="yellow"),
                ProgressBar(held.whole, held.left, complete_style="yellow"),
            )
            row.add_row(self._spinner, circuit, bar, counts)
        title = Text(gauges.scene, style="cyan")
        return Panel(row, title=title, title_align="left", border_style="dim")


_NOTHING = frozenset({"0", "0.0 s"})


def _by(who: str) -> str:
    return f"{who} " if who else ""
