"""``verto-resilience fleet``: what the processes that share a store have told each other."""

import getpass
import json
import re
import socket
import sys
import time
from itertools import groupby
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.live import Live
from rich.text import Text

from verto_resilience.cli._help import Command
from verto_resilience.cli._wrapped import wrapped
from verto_resilience.config import PREFIX, lacking, load_policy, origin_or_host, place_of
from verto_resilience.errors import ConfigurationError
from verto_resilience.state import (
    LONGEST,
    LinkError,
    Place,
    Record,
    Standing,
    Word,
    force_open,
    is_key,
    look,
    reset,
)

_INDENT = "    "
_BETWEEN_LOOKS = 1.0
_HOUR, _MINUTE = 3600.0, 60.0
_STYLES = {
    Word.OPEN: "bold red",
    Word.PAUSED: "yellow",
    Word.LEASED: "cyan",
    Word.CLOSED: "green",
    Word.LIFTED: "green",
}

_OPERATION = re.compile(r"(DELETE|GET|HEAD|OPTIONS|PATCH|POST|PUT|TRACE) /\S*")

fleet = typer.Typer(invoke_without_command=True)

_Key = Annotated[
    str,
    typer.Argument(
        metavar="KEY",
        help="An origin such as https://api.example.com, and where circuits are kept for each "
        'operation the operation too: "https://api.example.com POST /payments/create".',
    ),
]


@fleet.callback()
def show(
    context: typer.Context,
    *,
    watch: Annotated[
        bool, typer.Option("--watch", help="Show it anew each second, until interrupted.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON; with --watch a line each second.")
    ] = False,
) -> None:
    """Show which circuits are open, which origins are paused, and who probes.

    It shows what stands in the store that VERTO_RESILIENCE_STORE names, in its namespace; circuits
    that closed a while ago, and those of processes without a store, are not in it. Exits with 1
    when the store cannot be had.
    """
    if context.invoked_subcommand is not None:
        return
    place = _place()
    if not watch:
        standing = _asked(place)
        print(json.dumps(_plain(standing, place), indent=2)) if as_json else _print(standing, place)
    elif as_json:
        while True:
            print(json.dumps(_plain(_asked(place), place)), flush=True)
            time.sleep(_BETWEEN_LOOKS)
    else:
        with Live(console=Console(highlight=False), auto_refresh=False) as live:
            while True:
                live.update(_drawn(_asked(place), place), refresh=True)
                time.sleep(_BETWEEN_LOOKS)


@fleet.command(
    "open", cls=Command, epilog="Example: verto-resilience fleet open https://api.vertofx.com"
)
def open_circuit(
    key: _Key,
    *,
    seconds: Annotated[
        float,
        typer.Option("--for", metavar="SECONDS", help="For how long.", min=1.0, max=LONGEST),
    ] = _HOUR,
) -> None:
    """Open a circuit in every process of the fleet, whatever they have found out.

    Nobody calls or probes until the time is up or somebody resets it; after it a probe decides.
    Processes whose breaker_mode is not enforce do not go by it, and one that has only begun sends
    what it sends before it has heard of it: no call waits for the store.
    """
    place, known = _place(), _key(key)
    try:
        force_open(place, known, seconds, by=_who())
    except LinkError as error:
        raise _failed(place, error) from None
    print(f"{known} is open for {_length(seconds)}, in every process that hears of it")


@fleet.command(
    "reset", cls=Command, epilog="Example: verto-resilience fleet reset https://api.vertofx.com"
)
def reset_circuit(key: _Key) -> None:
    """Close a circuit in every process of the fleet; with an origin alone, end its pause too."""
    place, known = _place(), _key(key)
    try:
        reset(place, known, by=_who())
    except LinkError as error:
        raise _failed(place, error) from None
    print(f"{known} is closed, in every process that hears of it")


def _place() -> Place:
    place = place_of(load_policy())
    if place is None:
        problem = f"there is no store: set {PREFIX}STORE"
        raise ConfigurationError(problem, problems=(problem,))
    return place


def _asked(place: Place) -> Standing:
    try:
        return look(place)
    except LinkError as error:
        raise _failed(place, error) from None
    except ModuleNotFoundError as missing:
        raise lacking(missing) from None


def _failed(place: Place, error: LinkError) -> typer.Exit:
    print(f"error: store {place.address}: {error.fault.sentence}", file=sys.stderr)
    return typer.Exit(1)


def _key(given: str) -> str:
    """Give a key as circuits have it: with the port, in lower case."""
    origin, space, operation = given.strip().partition(" ")
    if not re.match("https?://[^/]", origin, re.IGNORECASE):
        raise typer.BadParameter("it begins with https:// and a host", param_hint="KEY")
    known = origin_or_host(origin)
    # More than was meant would be opened: a circuit has no path but that of its operation.
    if known is None or (space and _OPERATION.fullmatch(operation) is None):
        raise typer.BadParameter(
            "it is an origin alone (https://host, without a path), or that and an operation "
            '("https://host POST /path")',
            param_hint="KEY",
        )
    key = f"{known}{space}{operation}"
    if not is_key(key):
        raise typer.BadParameter("this is no key of a circuit", param_hint="KEY")
    return key


def _who() -> str:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = "somebody"
    return re.sub(r"[^A-Za-z0-9._@-]", "-", f"{user}@{socket.gethostname()}")[:128]


def _plain(standing: Standing, place: Place) -> dict[str, Any]:
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


def _print(standing: Standing, place: Place) -> None:
    Console(highlight=False).print(_drawn(standing, place), soft_wrap=True)


def _drawn(standing: Standing, place: Place) -> Text:
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


def _sentence(record: Record) -> str:
    about = record.about
    since = f"{_length(record.age)} ago, by {about.by}"
    match record.word:
        case Word.OPEN:
            why = "" if about.reason is None else f": {about.reason.value}"
            last = "" if about.failure is None else f", last failure {about.failure}"
            row = f", {record.trips} in a row" if record.trips > 1 else ""
            still = (
                f"open for {_length(record.left)} more"
                if record.left > 0.0
                else "open, and to be probed"
            )
            return f"{still}{why}{last}{row}; said {since}"
        case Word.PAUSED:
            told = "as it asked" if about.told else "by the backoff"
            left = _length(record.left)
            return f"paused for {left} more: answered {about.status}, {told}; said {since}"
        case Word.LEASED:
            return f"probed by {about.by}, at the latest until {_length(record.left)} from now"
        case Word.CLOSED:
            return f"closed {since}"
        case Word.LIFTED:
            return f"pause ended {since}"


def _length(seconds: float) -> str:
    """Write a time as people do: parts of a second only where it is short."""
    if seconds < _MINUTE:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if seconds < _HOUR:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"
