"""A sheet to draw calls on: one of the two importers of plotly.

Heights are counted in pixels: a unit of the vertical axis is one pixel, so that bars and letters
keep their size however much there is to draw. Colours are filled in by the page, from its style.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

import plotly.graph_objects as go

from verto_resilience.flight import _looks as looks
from verto_resilience.flight._bands import Band
from verto_resilience.flight._looks import Look
from verto_resilience.flight._record import CallRecord, Sent
from verto_resilience.flight._summary import clipped, length, name_of

STRIP = 24
_LETTERS = 12
_BOTTOM = 48
_SIDE = 14
_LONG = 600.0
_TRIANGLE = 1.2


@dataclass(slots=True)
class Bars:
    base: list[float] = field(default_factory=list)
    x: list[float] = field(default_factory=list)
    y: list[float] = field(default_factory=list)
    width: list[float] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    hover: list[str] = field(default_factory=list)


class Sheet:
    """A drawing in the making; ``depth`` is how far down it reaches, ``origin`` where x is 0."""

    def __init__(self, origin: float) -> None:
        self.origin = origin
        self.depth = 0.0
        self._bars: dict[Look, Bars] = {}
        self._marks: dict[tuple[Look, int], Bars] = {}
        self._texts: list[dict[str, Any]] = []
        self._shapes: list[dict[str, Any]] = []

    def write(self, y: float, text: str, *, right: bool = False, name: str = "ink") -> None:
        self._texts.append(
            {
                "x": 1 if right else 0,
                "y": y,
                "xref": "paper",
                "xshift": _SIDE - 2 if right else 2 - _SIDE,
                "xanchor": "right" if right else "left",
                "yanchor": "middle",
                "text": escape(text, quote=False),
                "showarrow": False,
                "name": name,
            }
        )

    def band(self, band: Band, centre: float) -> None:
        look = looks.BANDS[band.kind]
        lasted = looks.seconds(band.seconds)
        word = look.words.rpartition(" ")[2]
        self._bar(
            look,
            (band.began, band.seconds),
            centre,
            STRIP,
            text=f"{word} {lasted}",
            hover=[look.words, band.key, f"for {lasted}", band.why],
        )

    def call(self, call: CallRecord, until: float, centre: float, pitch: float) -> None:
        title = f"#{call.number} {name_of(call)}"
        number = 0
        for step in clipped(call, until):
            look = looks.look_of(step)
            if isinstance(step, Sent):
                number += 1
                cause = looks.cause_words(step.cause)
                says = [title, f"attempt {number}: {cause}", looks.seconds(step.seconds)]
                self._mark(look, step.at + step.seconds, centre, pitch * 0.42, says)
            else:
                says = [f"waited {looks.seconds(step.seconds)}", looks.SOURCES[step.source]]
                says.insert(0, title)
            height = pitch * (0.54 if isinstance(step, Sent) else 0.16)
            self._bar(look, (step.at, step.seconds), centre, height, hover=says)
        mark = looks.MARKS.get(call.verdict)
        if mark is not None:
            why = "" if call.end is None else call.end.sentence
            over = call.began + length(call, until)
            size = pitch * (0.46 if mark is looks.REFUSED else 0.72)
            self._mark(mark, over, centre, size, [title, mark.words, why])

    def shade(self, bands: Sequence[Band], top: float) -> None:
        """Let the bands shine through the calls below them."""
        self._shapes += [
            {
                "type": "rect",
                "layer": "below",
                "name": looks.BANDS[band.kind].name,
                "x0": band.began - self.origin,
                "x1": band.ended - self.origin,
                "y0": top,
                "y1": self.depth,
                "line": {"width": 0},
                "opacity": 0.13,
            }
            for band in bands
        ]

    def finish(self, total: float, axis: str) -> str:
        unit, name = (60.0, "minutes") if total > _LONG else (1.0, "seconds")
        figure = go.Figure(
            [
                *(self._bar_trace(look, bars, unit) for look, bars in self._bars.items()),
                *(self._mark_trace(*kind, bars, unit) for kind, bars in self._marks.items()),
            ],
        )
        for shape in self._shapes:
            shape["x0"], shape["x1"] = shape["x0"] / unit, shape["x1"] / unit
        figure.update_layout(
            template="none",
            barmode="overlay",
            height=round(self.depth + _BOTTOM),
            margin={"l": _SIDE, "r": _SIDE, "t": 0, "b": _BOTTOM},
            showlegend=False,
            hovermode="closest",
            hoverlabel={"align": "left", "font": {"size": _LETTERS}, "namelength": 0},
            font={"size": _LETTERS},
            uniformtext={"minsize": _LETTERS, "mode": "hide"},
            annotations=self._texts,
            shapes=self._shapes,
            xaxis={
                "range": [0, total / unit],
                "title": {"text": f"{name} {axis}", "font": {"size": _LETTERS}, "standoff": 6},
                "zeroline": False,
                "nticks": 9,
                "automargin": False,
            },
            yaxis={
                "range": [self.depth, 0],
                "visible": False,
                "fixedrange": True,
            },
        )
        written: str = figure.to_json(engine="json")
        return written

    def _bar(
        self,
        look: Look,
        at: tuple[float, float],
        centre: float,
        height: float,
        *,
        hover: list[str],
        text: str = "",
    ) -> None:
        began, lasted = at
        bars = self._bars.setdefault(look, Bars())
        bars.base.append(began - self.origin)
        bars.x.append(lasted)
        bars.y.append(centre)
        bars.width.append(height)
        bars.text.append(text)
        since = f"from {looks.instant(began - self.origin)}"
        bars.hover.append(
            "<br>".join(escape(line, quote=False) for line in [*hover, since] if line)
        )

    def _mark(self, look: Look, at: float, centre: float, size: float, hover: list[str]) -> None:
        if look.symbol.startswith("triangle"):
            size *= _TRIANGLE  # of the same size, it looks smaller than the others
        marks = self._marks.setdefault((look, round(size)), Bars())
        marks.x.append(at - self.origin)
        marks.y.append(centre)
        marks.hover.append("<br>".join(escape(line, quote=False) for line in hover if line))

    @staticmethod
    def _bar_trace(look: Look, bars: Bars, unit: float) -> go.Bar:
        return go.Bar(
            meta=look.name,
            orientation="h",
            base=[_rounded(base / unit) for base in bars.base],
            x=[_rounded(length / unit) for length in bars.x],
            y=bars.y,
            width=bars.width,
            text=bars.text if any(bars.text) else None,
            textposition="inside",
            insidetextanchor="start",
            textangle=0,
            hovertext=bars.hover,
            hovertemplate="%{hovertext}<extra></extra>",
            marker={
                "line": {"width": 0},
                "pattern": {"shape": look.pattern, "size": 6, "solidity": 0.32},
            },
        )

    @staticmethod
    def _mark_trace(look: Look, size: int, marks: Bars, unit: float) -> go.Scatter:
        return go.Scatter(
            meta=look.name,
            mode="markers",
            x=[_rounded(x / unit) for x in marks.x],
            y=marks.y,
            cliponaxis=False,
            hovertext=marks.hover,
            hovertemplate="%{hovertext}<extra></extra>",
            marker={"symbol": look.symbol, "size": size, "line": {"width": 1}},
        )


def _rounded(value: float) -> float:
    return round(value, 6)
