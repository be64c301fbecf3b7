"""How what a store holds is told: in sentences for people, and as data for scripts."""

from itertools import groupby
from typing import Any

from rich.text import Text

from verto_resilience.cli._wrapped import wrapped
from verto_resilience.state import Place, Record, Standing, Word

_INDENT = "    "
_HOUR, _MINUTE = 3600.0, 60.0
_STYLES = {
    Word.OPEN: "bold red",
    Word.PAUSED: "yellow",
    Word.LEASED: "cyan",
    Word.CLOSED: "green",
    Word.LIFTED: "green",
}


def as_plain_data(standing: Standing, place: Place) -> dict[str, Any]:
    """Give what JSON can hold."""
    return {
        "store": str(place.address),
        "namespace": place.namespace,
        "ignored": standing.ignored,
        "verdicts": [
            {
                "key": record.key,
                "state": record.word.value,
                "since": round(record.age, 3),
                "left": round(record.left, 3),
                "trips": record.trips,
                "reason": record.about.reason,
                "last_failure": record.about.failure,
                "status": record.about.status if record.word is Word.PAUSED else None,
                "by": record.about.by,
                "generation": record.generation,
            }
            for record in standing.records
        ],
    }


def as_text(standing: Standing, place: Place) -> Text:
    """Draw it: a paragraph for each circuit and origin, and where it stands."""
    drawn = Text()
    for key, records in groupby(standing.records, key=lambda record: record.key):
        drawn.append(f"{key}\n", style="bold")
        for record in records:
            text = wrapped(_sentence(record), first=_INDENT, others=f"{_INDENT}  ")
            drawn.append(f"{text}\n", style=_STYLES[record.word])
    if not standing.records:
        drawn.append("nothing is open and nothing is paused\n")
    if standing.ignored:
        what = "value was" if standing.ignored == 1 else "values were"
        more = f"{standing.ignored} {what} ignored, which somebody else has written\n"
        drawn.append(more, style="yellow")
    drawn.append(f"{place.address}, namespace {place.namespace}", style="dim")
    return drawn


def length(seconds: float) -> str:
    """Write a time as people do: parts of a second only where it is short."""
    if seconds < _MINUTE:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if seconds < _HOUR:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def _sentence(record: Record) -> str:
    about = record.about
    since = f"{length(record.age)} ago, by {about.by}"
    match record.word:
        case Word.OPEN:
            why = "" if about.reason is None else f": {about.reason.value}"
            last = "" if about.failure is None else f", last failure {about.failure}"
            row = f", {record.trips} in a row" if record.trips > 1 else ""
            still = (
                f"open for {length(record.left)} more"
                if record.left > 0.0
                else "open, and to be probed"
            )
            return f"{still}{why}{last}{row}; said {since}"
        case Word.PAUSED:
            told = "as it asked" if about.told else "by the backoff"
            left = length(record.left)
            return f"paused for {left} more: answered {about.status}, {told}; said {since}"
        case Word.LEASED:
            return f"probed by {about.by}, at the latest until {length(record.left)} from now"
        case Word.CLOSED:
            return f"closed {since}"
        case Word.LIFTED:
            return f"pause ended {since}"
