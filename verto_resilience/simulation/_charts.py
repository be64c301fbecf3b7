"""What the page draws: runs side by side over time, as plotly reads it."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from verto_resilience.simulation._figures import percentile
from verto_resilience.simulation._play import Played, Strategy
from verto_resilience.simulation._scenario import IncidentKind, Scenario
from verto_resilience.simulation._tally import Ending, Tally

DASHES = {
    Strategy.NONE: "dot",
    Strategy.RETRY: "dash",
    Strategy.RETRY_BACKOFF: "dashdot",
    Strategy.OURS: "solid",
    Strategy.SHARED: "longdash",
}
"""plotly's names: no colour stands alone."""

LIMIT = "longdashdot"

_POINTS = 150
_HEIGHT = 220
_LETTERS = 12
_MINUTE = 60.0

Values = list[float | None]


@dataclass(frozen=True, slots=True)
class Chart:
    """One drawing.

    Attributes:
        name: Its id.
        title: Its heading.
        meaning: What to see in it, in a sentence.
        values: Gives a value for each stretch of a run, from its first second and its length.
        unit: Of the values, at the axis and beside each one.
        limit: A line to compare with, and its words; ``None`` for none.
        ticks: Of a logarithmic axis; ``None`` for an even one.
        ours_only: Whether other strategies have no such thing.
    """

    name: str
    title: str
    meaning: str
    values: Callable[[Tally, slice], float | None]
    unit: str
    limit: Callable[[Scenario], tuple[float, str]] | None = None
    ticks: tuple[float, ...] | None = None
    ours_only: bool = False


def _rate(counts: Sequence[int]) -> float:
    return sum(counts) / len(counts)


def _p99(tally: Tally, span: slice) -> float | None:
    return percentile(sorted(taken for second in tally.latencies[span] for taken in second), 0.99)


def _amplification(tally: Tally, span: slice) -> float | None:
    offered = sum(tally.offered[span])
    return sum(tally.arrived[span]) / offered if offered else None


CHARTS = (
    Chart(
        "goodput",
        "Goodput",
        "Calls that succeed in a second; what is offered is the same for all.",
        lambda tally, span: _rate(tally.endings[Ending.SUCCEEDED][span]),
        "calls/s",
        lambda scenario: (scenario.rate, "offered"),
    ),
    Chart(
        "reached",
        "Requests that reach the server",
        "Above the line the server cannot keep up, however healthy it is.",
        lambda tally, span: _rate(tally.arrived[span]),
        "requests/s",
        lambda scenario: (scenario.capacity, "what it can answer when healthy"),
    ),
    Chart(
        "amplification",
        "Amplification",
        "Requests for each call: above 1 failures are answered with more load.",
        _amplification,
        "requests a call",
        lambda _: (1.0, "one for one"),
    ),
    Chart(
        "latency",
        "Latency",
        "99 of 100 successful calls take no longer, waits included; a gap is where none succeeds.",
        _p99,
        "s",
        lambda scenario: (scenario.timeout, "timeout of an attempt"),
        ticks=(0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100),
    ),
    Chart(
        "queued",
        "Queue at the server",
        "Requests that wait for a worker. In a long queue most are of clients that have gone. "
        "1 is also an empty one.",
        lambda tally, span: max(1, tally.queued[span][-1]),
        "requests",
        ticks=(1, 10, 100, 1000, 10_000, 100_000, 1_000_000),
    ),
    Chart(
        "circuits",
        "Circuits not closed",
        "Open ones refuse calls; a half-open one tries with a single request.",
        lambda tally, span: tally.not_closed[span][-1],
        "clients",
        ours_only=True,
    ),
)


def figure(chart: Chart, runs: Sequence[Played]) -> str:
    """Draw a chart; plotly's JSON, with the colours left to the page."""
    scenario = runs[0].scenario
    step = max(1, -(-scenario.seconds // _POINTS))
    spans = [slice(at, at + step) for at in range(0, scenario.seconds - step + 1, step)]
    minutes = [round((span.start + step / 2) / _MINUTE, 4) for span in spans]
    traces = [
        _line(
            played.strategy.value,
            played.strategy.words,
            (minutes, [_rounded(chart.values(played.tally, span)) for span in spans]),
            DASHES[played.strategy],
            chart.unit,
        )
        for played in runs
        if played.strategy.is_ours or not chart.ours_only
    ]
    if chart.limit is not None:
        value, words = chart.limit(scenario)
        ends = [0.0, scenario.seconds / _MINUTE]
        line = _line("limit", words, (ends, [value, value]), LIMIT, chart.unit)
        traces.append(line | {"hoverinfo": "skip", "hovertemplate": None})
    return json.dumps({"data": traces, "layout": _layout(chart, scenario)})


def _line(
    name: str, words: str, points: tuple[list[float], Values], dash: str, unit: str
) -> dict[str, Any]:
    x, y = points
    is_limit = name == "limit"
    return {
        "type": "scatter",
        "mode": "lines",
        "meta": name,
        "name": words,
        "x": x,
        "y": y,
        "line": {"dash": dash, "width": 1 if is_limit else 2.5},
        "connectgaps": False,
        "hovertemplate": f"%{{y:.3~g}} {unit}",
    }


def _layout(chart: Chart, scenario: Scenario) -> dict[str, Any]:
    shapes = []
    if scenario.incident is not IncidentKind.NONE:
        shapes.append(
            {
                "type": "rect",
                "layer": "below",
                "name": "incident",
                "xref": "x",
                "yref": "paper",
                "x0": scenario.start / _MINUTE,
                "x1": scenario.end / _MINUTE,
                "y0": 0,
                "y1": 1,
                "line": {"width": 0},
                "opacity": 0.28,
            }
        )
    scale = (
        {"type": "log", "tickvals": chart.ticks, "ticktext": [f"{tick:,}" for tick in chart.ticks]}
        if chart.ticks is not None
        else {"rangemode": "tozero"}
    )
    return {
        "height": _HEIGHT,
        "margin": {"l": 64, "r": 14, "t": 8, "b": 44},
        "showlegend": False,
        "hovermode": "x unified",
        "hoverlabel": {"align": "left", "font": {"size": _LETTERS}, "namelength": -1},
        "font": {"size": _LETTERS},
        "shapes": shapes,
        "xaxis": {
            "range": [0, scenario.seconds / _MINUTE],
            "title": {"text": "minutes", "font": {"size": _LETTERS}, "standoff": 4},
            "zeroline": False,
            "hoverformat": ".2f",
            "nticks": 12,
        },
        "yaxis": {
            "title": {"text": chart.unit, "font": {"size": _LETTERS}},
            "zeroline": False,
            "fixedrange": True,
            "nticks": 5,
        }
        | scale,
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
