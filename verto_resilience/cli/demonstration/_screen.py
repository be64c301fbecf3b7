"""What a demo is shown on: one small interface with two implementations."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Protocol, Self

from verto_resilience.cli.demonstration._promises import Promise
from verto_resilience.cli.demonstration._trace import SpanNode
from verto_resilience.pipeline import Event


class Tone(StrEnum):
    """How a line is meant."""

    GOOD = "good"
    BAD = "bad"
    HELD = "held"
    CIRCUIT = "circuit"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Line:
    """What a line is about, what it says, and how that is meant."""

    subject: str
    text: str
    tone: Tone


Labelled = tuple[str, Promise]
"""The number of a scene, and what it promised."""


class Screen(Protocol):
    """Shows the demo; :meth:`line` and :meth:`note` are called from any thread."""

    def __enter__(self) -> Self:
        """Begin."""
        ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End, also when interrupted: the terminal is left as it was found."""
        ...

    def opening(self, title: str, code: Sequence[str], notes: Sequence[str]) -> None:
        """Say what is about to be seen: the code that is run, and what is to be known of it."""
        ...

    def scene(self, number: int, total: int, title: str, about: str) -> None:
        """Begin a scene."""
        ...

    def call(self, who: str, text: str) -> None:
        """Show the caller's own line of code; ``who`` names the thread, empty for the main one."""
        ...

    def line(self, who: str, line: Line) -> None:
        """Show what happened."""
        ...

    def note(self, event: Event) -> None:
        """Bring gauges up to date."""
        ...

    def rest(self, seconds: float) -> None:
        """Give a person time to read; where nobody watches, take none."""
        ...

    def table(self, title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Show numbers; the first column is text, the last row the total."""
        ...

    def trace(self, title: str, root: SpanNode) -> None:
        """Show a call's spans as a tree."""
        ...

    def remark(self, text: str) -> None:
        """Say something by the way."""
        ...

    def promises(self, title: str, promises: Sequence[Labelled]) -> None:
        """Show what was promised, and whether it held."""
        ...

    def verdict(self, text: str, *, good: bool) -> None:
        """Say how it ended."""
        ...
