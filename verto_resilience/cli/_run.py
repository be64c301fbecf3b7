"""``verto-resilience run``: a command whose sessions are mounted without touching its code."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from verto_resilience.cli._told_error import tell_error
from verto_resilience.config import (
    PREFIX,
    is_switched_off,
    load_catalogue,
    load_operations,
    load_policies,
    parse,
    variable,
)
from verto_resilience.mounting import startup
from verto_resilience.pipeline import Unit, settings_table

SETTINGS = {"allow_interspersed_args": False}
"""For typer: what stands after the command's name is the command's own."""

_NOT_EXECUTABLE = 126
_NOT_FOUND = 127
_BY_SIGNAL = 128
_SWITCH = f"{PREFIX}INSTALL"


def run(
    command: Annotated[
        list[str], typer.Argument(metavar="COMMAND", help="What to run, with its arguments.")
    ],
) -> None:
    """Run a command, with the adapter on every session of requests that it makes.

    The settings are those of the environment; they are checked first. What the command starts by
    itself has the adapter too. Exits as the command does; with 127 when there is no such command,
    with 126 when it cannot be executed, with 2 for a mistake in the settings.
    """
    if not is_switched_off():
        general = load_policies().general
        load_catalogue(general.catalogue)
        load_operations(general.operations)
    environ = prepared(os.environ)
    try:
        if os.name != "nt":
            become(command, environ)
        code = accompany(command, environ)
    except OSError as error:
        found = shutil.which(command[0]) is not None
        there = found or (os.sep in command[0] and Path(command[0]).exists())
        why = error.strerror if there else "there is no such command"
        tell_error(f"{command[0]}: {why}")
        raise typer.Exit(_NOT_EXECUTABLE if there else _NOT_FOUND) from None
    raise typer.Exit(code)


def prepared(environ: Mapping[str, str]) -> dict[str, str]:
    """Give the environment in which every Python installs the adapter, whatever its folder."""
    folder = str(Path(startup.__file__).parent)
    others = [place for place in environ.get("PYTHONPATH", "").split(os.pathsep) if place]
    places = [folder, *(place for place in others if place != folder)]
    path = os.pathsep.join(places)
    return {**environ, **_files(environ), "PYTHONPATH": path, _SWITCH: "true"}


def _files(environ: Mapping[str, str]) -> dict[str, str]:
    """Give the variables that name files, with paths that lead there from every folder."""
    rows = [setting for setting in settings_table() if setting.unit is Unit.PATH]
    named = {variable(row): parse(row, environ.get(variable(row), "").strip()) for row in rows}
    return {name: str(Path(path).absolute()) for name, path in named.items() if path}


def become(command: list[str], environ: Mapping[str, str]) -> NoReturn:
    """Be the command from now on, with this process's number and standard input.

    Raises:
        OSError: It cannot be found or executed.
    """
    # Python ignores these for itself; a command that it becomes would inherit that.
    ignored = [getattr(signal, name, None) for name in ("SIGPIPE", "SIGXFSZ")]
    before = {number: signal.signal(number, signal.SIG_DFL) for number in ignored if number}
    sys.stdout.flush()
    try:
        os.execvpe(command[0], command, environ)  # noqa: S606 - what the command is for
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def accompany(command: list[str], environ: Mapping[str, str]) -> int:
    """Run the command beside this process, where a process cannot become another.

    An interrupt from the keyboard reaches both, and the command decides what comes of it. A
    termination is passed on.

    Returns:
        Its exit code; 128 and the signal's number where a signal ended it.

    Raises:
        OSError: It cannot be found or executed.
    """
    program = shutil.which(command[0], path=environ.get("PATH")) or command[0]
    with _left_to_the_command():
        process = subprocess.Popen([program, *command[1:]], env=environ)  # noqa: S603
        signal.signal(signal.SIGTERM, lambda *_: process.terminate())
        code = process.wait()
    return code if code >= 0 else _BY_SIGNAL - code


@contextmanager
def _left_to_the_command() -> Iterator[None]:
    """Take no notice of the keyboard, and let what was set for each signal hold again after."""
    names = ("SIGINT", "SIGBREAK", "SIGTERM")
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}
    for number in numbers:
        if number != signal.SIGTERM:
            signal.signal(number, lambda *_: None)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
