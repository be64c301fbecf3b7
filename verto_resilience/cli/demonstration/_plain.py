"""The demo as plain text: at most 80 columns, ASCII, no movement."""

import textwrap
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Self, TextIO

from verto_resilience.cli.demonstration._screen import Labelled, Line
from verto_resilience.cli.demonstration._trace import SpanNode
from verto_resilience.pipeline import Event

_WIDTH = 80
_SUBJECT = 23
_BAR = 24


class PlainScreen:
    """Writes lines to a stream, each at once."""

    def __init__(self, output: TextIO) -> None:
        """Write here."""
        self._output = output
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        """Begin; nothing is to be prepared."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End; nothing is to be put back."""

    def opening(self, title: str, code: Sequence[str], notes: Sequence[str]) -> None:
        """Write what is about to be seen."""
        self._write(title, "")
        self._write(*(f"    {line}" for line in code), "")
        for note in notes:
            self._write(*textwrap.wrap(note, _WIDTH))

    def scene(self, number: int, total: int, title: str, about: str) -> None:
        """Write a headline."""
        self._write("", f"[{number}/{total}] {title}")
        self._write(*textwrap.wrap(about, _WIDTH, initial_indent="  ", subsequent_indent="  "))

    def call(self, who: str, text: str) -> None:
        """Write the caller's line of code."""
        self._write(f"  > {_by(who)}{text}")

    def line(self, who: str, line: Line) -> None:
        """Write what happened."""
        label = f"{_by(who)}{line.subject}"
        self._write(
            *textwrap.wrap(
                line.text,
                _WIDTH,
                initial_indent=f"    {label:<{_SUBJECT}}  ",
                subsequent_indent=" " * (_SUBJECT + 6),
            )
        )

    def note(self, event: Event) -> None:
        """Do nothing: there are no gauges."""

    def rest(self, seconds: float) -> None:
        """Take no time."""

    def table(self, title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Write a table in columns."""
        widths = [max(len(row[i]) for row in (header, *rows)) for i in range(len(header))]
        rule = "-" * (sum(widths) + 2 * len(widths) - 2)
        lines = [_columns(row, widths) for row in rows]
        self._write("", title, _columns(header, widths), rule, *lines[:-1], rule, lines[-1])

    def trace(self, title: str, root: SpanNode) -> None:
        """Write a tree of spans with their place in time."""
        self._write("", title)
        self._branch(root, root, "", "")

    def remark(self, text: str) -> None:
        """Write it."""
        self._write("", *textwrap.wrap(text, _WIDTH))

    def promises(self, title: str, promises: Sequence[Labelled]) -> None:
        """Write a list, with what shows each."""
        self._write("", title)
        for label, promise in promises:
            self._write(f"  {'ok' if promise.held else 'FAILED':<6}  {label:>3}  {promise.text}")
            self._write(f"               {promise.proof}")

    def verdict(self, text: str, *, good: bool) -> None:  # noqa: ARG002 - words say it here
        """Write it."""
        self._write("", text)

    def _branch(self, node: SpanNode, root: SpanNode, lead: str, below: str) -> None:
        state = ", error" if node.failed else ""
        bar = node.bar(root.seconds, _BAR, "=")
        self._write(f"  {lead + node.title + state:<40}|{bar}| {node.seconds:7.3f} s")
        follow = f"{below}|    " if node.children else f"{below}     "
        self._write(
            *textwrap.wrap(
                " ".join(node.facts),
                _WIDTH,
                initial_indent=f"  {follow}",
                subsequent_indent=f"  {follow}",
            )
        )
        for child in node.children:
            last = child is node.children[-1]
            self._branch(child, root, f"{below}+- ", below + ("   " if last else "|  "))

    def _write(self, *lines: str) -> None:
        with self._lock:
            for line in lines:
                print(line.rstrip(), file=self._output)
            self._output.flush()


def _by(who: str) -> str:
    return f"{who}: " if who else ""


def _columns(row: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = (
        text.ljust(width) if i == 0 else text.rjust(width)
        for i, (text, width) in enumerate(zip(row, widths, strict=True))
    )
    return "  ".join((first, *rest))
