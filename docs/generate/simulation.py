"""Plays the scenarios of docs/simulation.md, and writes their tables into it.

A row is what the command line plays with the arguments that stand in it; the same seed gives the
same figures on every machine.
"""

import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from verto_resilience.pipeline import Policy
from verto_resilience.simulation import (
    Figures,
    IncidentKind,
    Scenario,
    Strategy,
    figures,
    play_side_by_side,
)

PAGE = Path(__file__).resolve().parents[1] / "simulation.md"
USUAL = Scenario()
AMPLE = replace(USUAL, incident=IncidentKind.ERRORS, length=400.0, workers=20)

INCIDENTS = {
    "`--incident outage --severity 1`": replace(USUAL, incident=IncidentKind.OUTAGE, severity=1.0),
    "`--incident brownout`": USUAL,
    "`--incident brownout --severity 0.95 --length 5`": replace(USUAL, severity=0.95, length=5.0),
    "`--incident capacity --severity 1`": replace(
        USUAL, incident=IncidentKind.CAPACITY, severity=1.0
    ),
    "`--incident capacity --severity 0.5`": replace(
        USUAL, incident=IncidentKind.CAPACITY, severity=0.5
    ),
    "`--incident errors --severity 1`": replace(USUAL, incident=IncidentKind.ERRORS, severity=1.0),
    "`--incident throttling --severity 1`": replace(
        USUAL, incident=IncidentKind.THROTTLING, severity=1.0
    ),
    "`--queue 50`": replace(USUAL, queue=50),
}
FLEETS = {f"`--clients {count}`": replace(USUAL, clients=count) for count in (10, 100, 1000, 10000)}
SHARES = {
    f"`--incident errors --severity {share} --length 400 --workers 20`": replace(
        AMPLE, severity=share
    )
    for share in (0.05, 0.1, 0.2, 0.3)
}
OF_ONE_KIND = (Strategy.NONE, Strategy.OURS, Strategy.SHARED)


def main() -> int:
    """Play them all; a minute or two."""
    text = PAGE.read_text(encoding="utf-8")
    for name, rows, strategies, cell in (
        ("simulated-incidents", INCIDENTS, tuple(Strategy), _back),
        ("simulated-fleets", FLEETS, OF_ONE_KIND, _back),
        ("simulated-shares", SHARES, OF_ONE_KIND, _during),
    ):
        table = "\n".join(_table(rows, strategies, cell))
        marked = re.compile(rf"(?<=<!-- table: {name} -->\n).*?(?=<!-- end {name} -->)", re.DOTALL)
        text = marked.sub(f"{table}\n", text)
    PAGE.write_text(text, encoding="utf-8")
    return 0


def _table(
    rows: dict[str, Scenario],
    strategies: Sequence[Strategy],
    cell: Callable[[Figures], str],
) -> list[str]:
    words = " | ".join(strategy.words for strategy in strategies)
    lines = [f"| | {words} |", "|---" * (len(strategies) + 1) + "|"]
    for name, scenario in rows.items():
        runs = play_side_by_side(
            scenario, strategies, Policy(), processes=2, progress=lambda _one, _done: None
        )
        lines.append(f"| {name} | {' | '.join(cell(figures(run)) for run in runs)} |")
        print(lines[-1])
    return lines


def _back(row: Figures) -> str:
    back = "stays down" if row.recovered is None else f"{row.recovered} s"
    return f"{back}, {row.amplification:.2f}"


def _during(row: Figures) -> str:
    return f"{row.goodput_during:.0f}/s, {row.amplification:.2f}"


if __name__ == "__main__":
    sys.exit(main())
