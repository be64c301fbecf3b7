"""How each thing looks and what it is called: one table for drawings, legend and page.

A colour never stands alone: each look has a pattern or a shape of its own as well. Colours stand in
``page.css`` under the name of the look, once for light and once for dark.
"""

from dataclasses import dataclass

from verto_resilience.flight._record import Sent, Step, Verdict
from verto_resilience.outcome import Category
from verto_resilience.pipeline import End, WaitSource


@dataclass(frozen=True, slots=True)
class Look:
    """One kind of mark.

    Attributes:
        name: Of its colour.
        words: What it says in the legend.
        pattern: plotly's name of the pattern of a bar; empty for none.
        symbol: plotly's name of the mark at its end; empty for none.
    """

    name: str
    words: str
    pattern: str = ""
    symbol: str = ""


SUCCESS = Look("success", "answered well", symbol="circle")
CLIENT = Look("client", "request at fault (4xx)", "\\", "square")
LIMITED = Look("limited", "told to slow down (429)", ".", "triangle-down")
SERVER = Look("server", "server failed (5xx)", "/", "triangle-up")
TRANSPORT = Look("transport", "no usable answer", "x", "cross")
WAIT = Look("wait", "waited")
ATTEMPTS = (SUCCESS, CLIENT, LIMITED, SERVER, TRANSPORT)

OPEN = Look("open", "circuit open")
HALF_OPEN = Look("half-open", "circuit half-open", "/")
PAUSE = Look("pause", "origin paused")
BANDS = {"open": OPEN, "half_open": HALF_OPEN, "pause": PAUSE}

REFUSED = Look("refused", "refused, nothing sent", symbol="x-thin")
UNKNOWN = Look("unknown", "outcome unknown", symbol="diamond-open")
NOT_ENDED = Look("not-ended", "not ended", symbol="triangle-right-open")
MARKS = {
    Verdict.REFUSED: REFUSED,
    Verdict.OUTCOME_UNKNOWN: UNKNOWN,
    Verdict.NOT_ENDED: NOT_ENDED,
}

_OF_CATEGORY = {
    Category.SUCCESS: SUCCESS,
    Category.REDIRECT: SUCCESS,
    Category.API_FAILURE: CLIENT,
    Category.CLIENT_ERROR: CLIENT,
    Category.RATE_LIMITED: LIMITED,
    Category.SERVER_ERROR: SERVER,
    Category.TRANSPORT: TRANSPORT,
}

SOURCES = {
    WaitSource.RETRY_AFTER: "as Retry-After told",
    WaitSource.BACKOFF: "backoff",
    WaitSource.SERVER_ERROR_BAND: "Verto's band after a 5xx",
    WaitSource.PAUSE: "origin paused",
    WaitSource.NONE: "none",
}

ENDS = {end: end.value.replace("_", " ") for end in End}


def look_of(step: Step) -> Look:
    """Give the look of an attempt or a wait."""
    return _OF_CATEGORY[step.category] if isinstance(step, Sent) else WAIT


def look_of_category(category: Category) -> Look:
    """Give the look of an attempt of this category."""
    return _OF_CATEGORY[category]


def seconds(value: float) -> str:
    """Write a length of time as short as it may be understood."""
    if value >= _HOUR:
        return f"{value / _HOUR:.1f} h"
    if value >= 2 * _MINUTE:
        return f"{value / _MINUTE:.1f} min"
    if value >= 1.0:
        return f"{value:.2f} s"
    return f"{value * 1000:.0f} ms" if value >= _MILLISECOND else "< 1 ms"


def instant(value: float) -> str:
    """Write seconds since a beginning, fit to be compared from row to row."""
    return f"{value:.2f} s" if value < _HOUR else f"{value:.0f} s"


def cause_words(cause: str) -> str:
    """Write a status or a failure."""
    return cause.replace("_", " ")


def story(steps: list[Step]) -> str:
    """Tell attempts and waits in words: ``503, waited 450 ms, 200``."""
    told = [
        cause_words(step.cause) if isinstance(step, Sent) else f"waited {seconds(step.seconds)}"
        for step in steps
    ]
    return ", ".join(told)


_MILLISECOND = 0.001
_MINUTE = 60.0
_HOUR = 3600.0
