"""What a run gives, and how long it takes."""

from dataclasses import dataclass
from typing import Any

from tests.bench.rounds import Ratio


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
    """How long to measure.

    Attributes:
        seconds: The time for the rounds of each part.
        rounds: How many there are of each set of processes at the most.
        sets: How many sets of processes there are.
        origins: How many the memory is measured with.
        operations: How many a breaker is timed with.
        imports: How many interpreters are started.
    """

    seconds: dict[str, float]
    rounds: int
    sets: int
    origins: int
    operations: int
    imports: int


FULL = Effort(
    {"calls": 140, "edges": 30, "breaker": 40, "refusal": 20, "flat": 30, "threads": 25},
    rounds=60,
    sets=5,
    origins=10_000,
    operations=20_000,
    imports=25,
)
QUICK = Effort(
    {"calls": 14, "edges": 5, "breaker": 2, "refusal": 2, "flat": 3, "threads": 3},
    rounds=30,
    sets=1,
    origins=1_000,
    operations=2_000,
    imports=5,
)
