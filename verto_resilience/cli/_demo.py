"""``verto-resilience demo``: the library at work on real sockets, checked by the server's log."""

import sys
from typing import Annotated

import typer

from verto_resilience.cli.demonstration import choose_screen, show
from verto_resilience.config import PREFIX, is_switched_off

_INTERRUPTED = 130


def demo(
    *,
    plain: Annotated[
        bool, typer.Option("--plain", help="Plain text, as when the output is no terminal.")
    ] = False,
) -> None:
    """Watch an ordinary client meet a throttled, a failing and a recovering server.

    A sandbox on this machine plays the server, and its own log is what the promises are checked
    against. Takes less than 20 seconds. Exits with 1 when a promise did not hold.
    """
    if is_switched_off():
        print(
            f"error: {PREFIX}DISABLED is set, so there is nothing to show: unset it",
            file=sys.stderr,
        )
        raise typer.Exit(2)
    try:
        held = show(choose_screen(plain=plain))
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        raise typer.Exit(_INTERRUPTED) from None
    raise typer.Exit(0 if held else 1)
