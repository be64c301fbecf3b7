"""Draws the states of a circuit from the table of its moves; ``--check`` only compares."""

import math
import sys
from pathlib import Path

from docs.generate.looks import sheet
from verto_resilience.machines import State
from verto_resilience.machines._breaker import MOVES
from verto_resilience.machines._circuit import Trigger

PLACE = Path(__file__).resolve().parents[1] / "pictures" / "circuit.svg"

_WIDTH, _HEIGHT = 760, 312
_BOX = (150, 62)
_APART, _BESIDE = 9.0, 124.0
_PLACES: dict[State, tuple[float, float]] = {
    State.CLOSED: (135, 95),
    State.OPEN: (625, 95),
    State.HALF_OPEN: (380, 262),
}
_LOOKS = {
    State.CLOSED: ("good", "every call is sent"),
    State.OPEN: ("bad", "no call is sent"),
    State.HALF_OPEN: ("trying", "probes are sent"),
}
_WORDS = {
    Trigger.TRIP: "failures in a row, rate, slow calls",
    Trigger.BREAK_OVER: "the next call is a probe",
    Trigger.PROBES_GOOD: "enough of them",
    Trigger.PROBE_BAD: "one is enough",
    Trigger.OPENED_BY_HAND: "from any state",
    Trigger.RESET_BY_HAND: "from any state",
    Trigger.OPENED_ELSEWHERE: "another process",
    Trigger.CLOSED_ELSEWHERE: "another process",
}
_TIP = (
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" '
    'orient="auto"><path class="tip" d="M0 0 L8 4 L0 8 z"/></marker></defs>'
)


def drawn() -> str:
    """Give the diagram: an arrow for each move, one for those that lead there from any state."""
    from_any = [one for one in Trigger if _leads_to(one) is not None]
    moves = [
        (before, trigger, after)
        for (before, trigger), after in MOVES.items()
        if trigger not in from_any
    ]
    parts = [_TIP]
    for before, trigger, after in moves:
        parts += _arrow(before, trigger, after)
    for state in State:
        ways = [trigger for trigger in from_any if _leads_to(trigger) is state]
        for number, trigger in enumerate(ways):
            shift = (number - (len(ways) - 1) / 2) * _BESIDE
            parts += _from_any(trigger, state, shift)
    for state in State:
        parts += _box(state)
    return sheet("The states of a circuit, and what moves it", _WIDTH, _HEIGHT, parts)


def _leads_to(trigger: Trigger) -> State | None:
    """Give the state to which this leads from each other one, if there is such a state."""
    for after in State:
        others = [MOVES.get((state, trigger)) for state in State if state is not after]
        if all(other is after for other in others):
            return after
    return None


def _arrow(before: State, trigger: Trigger, after: State) -> list[str]:
    (x1, y1), (x2, y2) = _PLACES[before], _PLACES[after]
    length = math.hypot(x2 - x1, y2 - y1)
    across, down = (y1 - y2) / length, (x2 - x1) / length
    # A pair of moves back and forth lies on both sides of the line between the boxes.
    both = any(MOVES.get((after, other)) is before for other in Trigger if _leads_to(other) is None)
    shift = _APART if both else 0.0
    x1, y1, x2, y2 = (
        x1 - across * shift,
        y1 - down * shift,
        x2 - across * shift,
        y2 - down * shift,
    )
    start, end = _edge((x1, y1), (x2, y2), before), _edge((x2, y2), (x1, y1), after)
    line = (
        f'<line class="edge" marker-end="url(#tip)" x1="{start[0]:.1f}" y1="{start[1]:.1f}" '
        f'x2="{end[0]:.1f}" y2="{end[1]:.1f}"/>'
    )
    x, y = (start[0] + end[0]) / 2, (start[1] + end[1]) / 2
    if abs(y1 - y2) < 1:
        return [line, *_words(trigger, x, y - 24, "middle")]
    # The words stand on the side to which the arrow was shifted, where it leaves them room.
    right = -across > 0 if both else x1 + x2 > _WIDTH
    rising = (x2 - x1) * (y2 - y1) < 0
    y += 10 if rising is right else -18
    return [line, *_words(trigger, x + (10 if right else -10), y, "start" if right else "end")]


def _edge(
    start: tuple[float, float], end: tuple[float, float], state: State
) -> tuple[float, float]:
    """Give the point where a line that starts in a state's box leaves it."""
    (x, y), (mid_x, mid_y) = start, _PLACES[state]
    half_width, half_height = _BOX[0] / 2 + 3, _BOX[1] / 2 + 3
    across, down = end[0] - x, end[1] - y
    sides = []
    if across:
        sides.append((math.copysign(half_width, across) - (x - mid_x)) / across)
    if down:
        sides.append((math.copysign(half_height, down) - (y - mid_y)) / down)
    nearest = min(sides)
    return x + across * nearest, y + down * nearest


def _from_any(trigger: Trigger, after: State, shift: float) -> list[str]:
    x, top = _PLACES[after][0] + shift, _PLACES[after][1] - _BOX[1] / 2
    line = (
        f'<line class="edge hand" marker-end="url(#tip)" x1="{x}" y1="{top - 26}" '
        f'x2="{x}" y2="{top - 3}"/>'
    )
    return [line, *_words(trigger, x, top - 48, "middle")]


def _words(trigger: Trigger, x: float, y: float, anchor: str) -> list[str]:
    name, more = trigger.replace("_", " "), _WORDS.get(trigger, "")
    return [
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{name}</text>',
        f'<text class="quiet" x="{x:.1f}" y="{y + 16:.1f}" text-anchor="{anchor}">{more}</text>',
    ]


def _box(state: State) -> list[str]:
    (x, y), (width, height) = _PLACES[state], _BOX
    look, more = _LOOKS[state]
    return [
        (
            f'<rect class="{look}" x="{x - width / 2}" y="{y - height / 2}" width="{width}" '
            f'height="{height}" rx="8"/>'
        ),
        f'<text class="strong" x="{x}" y="{y - 4}" text-anchor="middle">{state}</text>',
        f'<text class="quiet" x="{x}" y="{y + 16}" text-anchor="middle">{more}</text>',
    ]


def main(*, check: bool) -> int:
    """Write the diagram, or say whether it is behind the code."""
    wanted = drawn()
    if PLACE.is_file() and PLACE.read_text(encoding="utf-8") == wanted:
        return 0
    if check:
        print(f"{PLACE.name}: behind the code; run make tables")
        return 1
    PLACE.write_text(wanted, encoding="utf-8")
    print(f"{PLACE.name}: written")
    return 0


if __name__ == "__main__":
    sys.exit(main(check="--check" in sys.argv[1:]))
