"""Draws panels of the dashboard from a run: ``python -m docs.generate.dashboard_picture``."""

import sys
from collections.abc import Sequence
from html import escape
from pathlib import Path

from docs.generate.dashboard_run import SECONDS, Line, Panel, played
from docs.generate.looks import sheet

PLACE = Path(__file__).resolve().parents[1] / "pictures" / "dashboard.svg"
PANELS = (
    "Traffic: Calls and attempts",
    "Traffic: Calls by their end",
    "Traffic: Attempts by status",
    "Latency: Duration of a call",
    "Errors: Share of failures",
    "Circuits: State of each circuit",
    "Circuits: Refused",
    "Pauses: Pauses begun",
    "Retry budget: Budget left",
)

_ACROSS, _WIDTH, _HEIGHT, _EDGE = 3, 296, 196, 10
_LEFT, _TOP, _PLOT, _LEGEND = 34, 30, 96, 15
_COLOURS = ("#0969da", "#bc4c00", "#1a7f37")


def drawn(panels: Sequence[Panel]) -> str:
    """Draw the panels side by side, as the dashboard has them."""
    rows = -(-len(panels) // _ACROSS)
    parts = []
    for number, panel in enumerate(panels):
        across, down = number % _ACROSS, number // _ACROSS
        x, y = _EDGE + across * _WIDTH, _EDGE + down * _HEIGHT
        parts += [f'<g transform="translate({x} {y})">', *_panel(panel), "</g>"]
    width, height = _ACROSS * _WIDTH + 2 * _EDGE, rows * _HEIGHT + 2 * _EDGE
    title = "Panels of the dashboard: a server throttles at 5 s, is down from 12 to 17 s, recovers"
    return sheet(title, width, height, parts)


def _panel(panel: Panel) -> list[str]:
    lines = sorted(
        panel.lines, key=lambda line: -max((value for _, value in line.points), default=0)
    )
    lines = lines[: len(_COLOURS)]
    highest = max((value for line in lines for _, value in line.points), default=0.0) or 1.0
    bottom = _TOP + _PLOT
    parts = [f'<text class="strong" x="{_LEFT}" y="18">{escape(panel.title)}</text>']
    for share in (0.0, 0.5, 1.0):
        y = bottom - share * _PLOT
        parts += [
            f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _EDGE}" y1="{y}" y2="{y}"/>',
            (
                f'<text class="quiet" x="{_LEFT - 5}" y="{y + 4}" text-anchor="end">'
                f"{_number(share * highest)}</text>"
            ),
        ]
    for second in range(0, int(SECONDS) + 1, 5):
        parts.append(
            f'<text class="quiet" x="{_x(second)}" y="{bottom + 15}" text-anchor="middle">'
            f"{second} s</text>"
        )
    for number, line in enumerate(lines):
        parts += _line(line, number, highest, bottom)
    return parts


def _line(line: Line, number: int, highest: float, bottom: float) -> list[str]:
    colour = _COLOURS[number]
    x, y = _LEFT, bottom + 32 + number * _LEGEND
    points = " ".join(
        f"{_x(at)},{bottom - value / highest * _PLOT:.1f}" for at, value in line.points
    )
    return [
        f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.6"/>',
        f'<rect x="{x}" y="{y - 8}" width="10" height="3" fill="{colour}"/>',
        f'<text class="quiet" x="{x + 14}" y="{y - 2}">{escape(line.legend)}</text>',
    ]


def _x(second: float) -> float:
    return round(_LEFT + second / SECONDS * (_WIDTH - _LEFT - _EDGE), 1)


def _number(value: float) -> str:
    return f"{value:.2g}" if value < 1 else f"{value:.3g}"


if __name__ == "__main__":
    try:
        found = played(PANELS)
    except FileNotFoundError as error:
        sys.exit(str(error))
    PLACE.write_text(drawn(found), encoding="utf-8")
    print(f"{PLACE.name}: written")
