"""``verto-resilience demo``: the library at work on real sockets, checked by the server's log."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from verto_resilience.cli._told_error import tell_error
from verto_resilience.cli.demonstration import choose_screen, show
from verto_resilience.config import PREFIX, is_switched_off
from verto_resilience.flight import FlightRecorder, require_plotly

_INTERRUPTED = 130


def demo(
    *,
    plain: Annotated[
        bool, typer.Option("--plain", help="Plain text, as when the output is no terminal.")
    ] = False,
    report: Annotated[
        Path | None,
        typer.Option(metavar="FILE.html", help="Write the flight report of it; see the docs."),
    ] = None,
) -> None:
    """Watch an ordinary client meet a throttled, a failing and a recovering server.

    A sandbox on this machine plays the server, and its own log is what the promises are checked
    against. Takes less than 20 seconds. Exits with 1 when a promise did not hold.
    """
    if is_switched_off():
        tell_error(f"{PREFIX}DISABLED is set, so there is nothing to show: unset it")
        raise typer.Exit(2)
    recorder = None if report is None else _recorder(report)
    try:
        held = show(choose_screen(plain=plain), observer=recorder)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        raise typer.Exit(_INTERRUPTED) from None
    if recorder is not None and report is not None:
        _write(recorder, report)
    raise typer.Exit(0 if held else 1)


def _recorder(report: Path) -> FlightRecorder:
    """Make sure early that the report can be written: nobody likes to watch the demo twice."""
    try:
        require_plotly()
    except ModuleNotFoundError as missing:
        tell_error(missing)
        raise typer.Exit(2) from None
    if report.is_dir() or not report.absolute().parent.is_dir():
        raise typer.BadParameter(f"{report} cannot be written there", param_hint="--report")
    return FlightRecorder()


def _write(recorder: FlightRecorder, report: Path) -> None:
    try:
        written = recorder.write(report, title="The demo")
    except OSError as error:
        tell_error(f"{report} cannot be written: {error.strerror}")
        raise typer.Exit(2) from None
    print(f"flight report: {written}")
