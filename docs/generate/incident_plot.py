"""Draws what clients made of an incident, as an SVG that is legible on a light and a dark page."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from tests.incidents.figures import WIDTH, Fifth
from tests.incidents.play import OFFERED, Played
from verto_resilience import State

_STYLE = """
text { font: 12px system-ui, sans-serif; fill: #3d444d }
.title { font-size: 15px; font-weight: 600 }
.client { font-weight: 600 }
.paper { fill: #ffffff }
.trigger { fill: #d1242f; opacity: .11 }
.open { fill: #8250df }
.grid { stroke: #8c959f; stroke-opacity: .35 }
.offered { stroke: #6e7781; stroke-dasharray: 5 4 }
.reached { stroke: #bc4c00 }
.succeeded { stroke: #0969da; fill: #0969da; fill-opacity: .18 }
.line { stroke-width: 1.8; fill: none }
@media (prefers-color-scheme: dark) {
  text { fill: #d1d7e0 }
  .paper { fill: #151b23 }
  .trigger { fill: #f47067; opacity: .18 }
  .open { fill: #b083f0 }
  .offered { stroke: #9198a1 }
  .reached { stroke: #f69d50 }
  .succeeded { stroke: #539bf5; fill: #539bf5; fill-opacity: .25 }
}
"""

_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 14, 90, 34
_WIDTH, _PANEL, _GAP = 860, 110, 34
_STEP_OF_TIME = 2


def drawn(title: str, runs: Mapping[str, Played], cut: Mapping[str, Sequence[Fifth]]) -> str:
    """Draw a panel for each client, one above the other.

    Args:
        title: Above all.
        runs: By the name of the client.
        cut: The same, in fifths of a second.
    """
    seconds = max(played.seconds for played in runs.values())
    loads = [max(fifth.reached, fifth.succeeded) for fifths in cut.values() for fifth in fifths]
    highest = max(OFFERED, *(load / WIDTH for load in loads))
    scale = _Scale(seconds, highest)
    height = _TOP + len(runs) * (_PANEL + _GAP) - _GAP + _BOTTOM
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
            f'width="{_WIDTH}" height="{height}" role="img">'
        ),
        f"<title>{escape(title)}: load and successes in each second</title>",
        f"<style>{_STYLE}</style>",
        f'<rect class="paper" width="{_WIDTH}" height="{height}" rx="6"/>',
        f'<text class="title" x="{_LEFT}" y="24">{escape(title)}, in each second</text>',
        *_legend(),
    ]
    for number, (client, played) in enumerate(runs.items()):
        bottom = _TOP + number * (_PANEL + _GAP) + _PANEL
        parts += _panel(client, played, cut[client], scale, bottom)
    parts += _time_axis(scale, height - _BOTTOM + 22)
    return "\n".join([*parts, "</svg>", ""])


class _Scale:
    """Turns seconds and rates into places."""

    def __init__(self, seconds: float, highest: float) -> None:
        self.seconds, self.highest = seconds, highest

    def x(self, second: float) -> float:
        return round(_LEFT + second / self.seconds * (_WIDTH - _LEFT - _RIGHT), 1)

    def rise(self, rate: float) -> float:
        return round(rate / self.highest * _PANEL, 1)


def _legend() -> list[str]:
    marks = (
        ("offered", "calls wanted"),
        ("reached", "requests that reached the server"),
        ("succeeded", "calls that succeeded"),
    )
    parts, x = [], _LEFT
    for look, words in marks:
        parts.append(f'<line class="line {look}" x1="{x}" x2="{x + 26}" y1="43" y2="43"/>')
        parts.append(f'<text x="{x + 32}" y="47">{words}</text>')
        x += 56 + 6 * len(words)
    for look, words in (("trigger", "trigger"), ("open", "circuit open")):
        parts.append(f'<rect class="{look}" x="{x}" y="37" width="26" height="11"/>')
        parts.append(f'<text x="{x + 32}" y="47">{words}</text>')
        x += 56 + 6 * len(words)
    return parts


def _panel(
    client: str, played: Played, fifths: Sequence[Fifth], scale: _Scale, bottom: float
) -> list[str]:
    left, right = scale.x(played.start), scale.x(played.end)
    parts = [
        (
            f'<rect class="trigger" x="{left}" y="{bottom - _PANEL}" width="{right - left:.1f}" '
            f'height="{_PANEL}"/>'
        )
    ]
    for rate in (0, int(OFFERED), *range(100, int(scale.highest) + 1, 50)):
        y = bottom - scale.rise(rate)
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y}" y2="{y}"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{y + 4}" text-anchor="end">{rate}</text>')
    wanted = bottom - scale.rise(OFFERED)
    rates = {
        "succeeded": [fifth.succeeded / WIDTH for fifth in fifths],
        "reached": [fifth.reached / WIDTH for fifth in fifths],
    }
    steps = {look: _steps(values, scale, bottom) for look, values in rates.items()}
    closed = f"{_LEFT},{bottom} {steps['succeeded']} {_WIDTH - _RIGHT},{bottom}"
    parts += [
        f'<polygon class="succeeded" stroke="none" points="{closed}" style="stroke:none"/>',
        f'<polyline class="line succeeded" style="fill:none" points="{steps["succeeded"]}"/>',
        f'<polyline class="line reached" points="{steps["reached"]}"/>',
        (
            f'<line class="line offered" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{wanted}" '
            f'y2="{wanted}"/>'
        ),
        *_open(played, scale, bottom),
        f'<text class="client" x="{_LEFT}" y="{bottom - _PANEL - 6}">{escape(client)}</text>',
    ]
    return parts


def _steps(rates: Iterable[float], scale: _Scale, bottom: float) -> str:
    points: list[str] = []
    last: float | None = None
    number = 0
    for number, rate in enumerate(rates):
        y = round(bottom - scale.rise(rate), 1)
        if y != last:
            x = scale.x(number * WIDTH)
            points += [f"{x},{y}"] if last is None else [f"{x},{last}", f"{x},{y}"]
        last = y
    points.append(f"{scale.x((number + 1) * WIDTH)},{last}")
    return " ".join(points)


def _open(played: Played, scale: _Scale, bottom: float) -> list[str]:
    parts, since = [], dict[str, float]()
    for move in played.moves:
        if move.after is State.CLOSED:
            parts.append((since.pop(move.key, move.at), move.at))
        else:
            since.setdefault(move.key, move.at)
    parts += [(start, played.seconds) for start in since.values()]
    return [
        f'<rect class="open" x="{scale.x(start)}" y="{bottom + 2}" '
        f'width="{scale.x(end) - scale.x(start):.1f}" height="5"/>'
        for start, end in parts
    ]


def _time_axis(scale: _Scale, y: float) -> list[str]:
    return [
        f'<text x="{scale.x(second)}" y="{y}" text-anchor="middle">{second} s</text>'
        for second in range(0, int(scale.seconds) + 1, _STEP_OF_TIME)
    ]
