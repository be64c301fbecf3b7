"""``verto-resilience fleet``: what the processes that share a store have told each other."""

import getpass
import json
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.console import Console

from verto_resilience.cli._help import Command
from verto_resilience.cli._kill_switch import thrown_by
from verto_resilience.cli._told_error import tell_error, tell_note
from verto_resilience.cli._told_fleet import as_plain_data, as_text, length
from verto_resilience.cli._watch import watch as watch_store
from verto_resilience.config import (
    PREFIX,
    did_you_mean,
    lacking,
    load_operations,
    load_policy,
    origin_or_host,
    place_of,
)
from verto_resilience.errors import ConfigurationError
from verto_resilience.pipeline import Policy
from verto_resilience.state import (
    LONGEST,
    LinkError,
    Place,
    Standing,
    force_open,
    is_key,
    look,
    reset,
)

_SHORTEST, _HOUR = 1.0, 3600.0

_OPERATION = re.compile(r"([A-Za-z]+) (/\S*)")

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
        bool,
        typer.Option(
            "--watch",
            help="Show it anew each second, until interrupted; into a pipe with each change.",
        ),
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
    place = _place(load_policy())
    if watch:
        watch_store(lambda: _asked(place), place, as_json=as_json)
        return
    standing = _asked(place)
    if as_json:
        print(json.dumps(as_plain_data(standing, place), indent=2))
    else:
        Console(highlight=False).print(as_text(standing, place), soft_wrap=True)


def _time(given: float) -> float:
    if not _SHORTEST <= given <= LONGEST:
        raise typer.BadParameter(
            f"{given:g}: allowed is from {_SHORTEST:g} to {LONGEST:g} seconds", param_hint="--for"
        )
    return given


@fleet.command(
    "open", cls=Command, epilog="Example: verto-resilience fleet open https://api.vertofx.com"
)
def open_circuit(
    key: _Key,
    *,
    seconds: Annotated[
        float,
        typer.Option(
            "--for",
            metavar="SECONDS",
            help=f"For how long, from {_SHORTEST:g} to {LONGEST:g}.",
            callback=_time,
        ),
    ] = _HOUR,
) -> None:
    """Open a circuit in every process of the fleet, whatever they have found out.

    Nobody calls or probes until the time is up or somebody resets it; after it a probe decides.
    Processes whose breaker_mode is not enforce do not go by it, and one that has only begun sends
    what it sends before it has heard of it: no call waits for the store.
    """
    policy, known = load_policy(), _key(key)
    place = _place(policy)
    _note_what_nobody_knows(policy, known)
    with _told(place):
        force_open(place, known, seconds, by=_who())
    print(f"{known} is open for {length(seconds)}, in every process that hears of it")


@fleet.command(
    "reset", cls=Command, epilog="Example: verto-resilience fleet reset https://api.vertofx.com"
)
def reset_circuit(key: _Key) -> None:
    """Close a circuit in every process of the fleet; with an origin alone, end its pause too."""
    policy, known = load_policy(), _key(key)
    place = _place(policy)
    _note_what_nobody_knows(policy, known)
    with _told(place):
        reset(place, known, by=_who())
    print(f"{known} is closed, in every process that hears of it")


def _place(policy: Policy) -> Place:
    place = place_of(policy)
    if place is None:
        problem = f"there is no store: set {PREFIX}STORE"
        if policy.disabled:
            problem = f"the kill switch is thrown ({thrown_by()}), so there is no store"
        raise ConfigurationError(problem, problems=(problem,))
    return place


def _asked(place: Place) -> Standing:
    with _told(place):
        return look(place)


@contextmanager
def _told(place: Place) -> Iterator[None]:
    """Say what is wrong with the store, and end."""
    try:
        yield
    except LinkError as error:
        tell_error(f"store {place.address}: {error.fault.sentence}")
        raise typer.Exit(1) from None
    except ModuleNotFoundError as missing:
        raise lacking(missing) from None


def _key(given: str) -> str:
    """Give a key as circuits have it: with the port, in lower case."""
    origin, space, operation = given.strip().partition(" ")
    if not re.match("https?://[^/]", origin, re.IGNORECASE):
        raise typer.BadParameter("it begins with https:// and a host", param_hint="KEY")
    known = origin_or_host(origin)
    named = _OPERATION.fullmatch(operation)
    # More than was meant would be opened: a circuit has no path but that of its operation.
    if known is None or (space and named is None):
        raise typer.BadParameter(
            "it is an origin alone (https://host, without a path), or that and an operation "
            '("https://host POST /path")',
            param_hint="KEY",
        )
    key = known if named is None else f"{known} {named[1].upper()} {named[2]}"
    if not is_key(key):
        raise typer.BadParameter("this is no key of a circuit", param_hint="KEY")
    return key


def _note_what_nobody_knows(policy: Policy, key: str) -> None:
    """Say that an operation is not in the table of this machine; that of the fleet may have it."""
    _, _, operation = key.partition(" ")
    try:
        table = load_operations(policy.operations)
    except ConfigurationError:
        # Who must open a circuit now is not to be stopped by a file.
        return
    names = {f"{row.method} {row.template}" for row in table.rows()}
    if not operation or operation in names:
        return
    meant = table.match(*operation.split(" ", 1))
    hint = f"; did you mean {meant.method} {meant.template}?" if meant else ""
    tell_note(
        f"no operation is called {operation} here, and only processes that know one go by it"
        f"{hint or did_you_mean(operation, names)}"
    )


def _who() -> str:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = "somebody"
    return re.sub(r"[^A-Za-z0-9._@-]", "-", f"{user}@{socket.gethostname()}")[:128]
