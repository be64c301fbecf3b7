"""Which screen a demo is shown on."""

import sys

from rich.console import Console

from verto_resilience.cli.demonstration._plain import PlainScreen
from verto_resilience.cli.demonstration._rich import RichScreen
from verto_resilience.cli.demonstration._screen import Screen


def choose_screen(*, plain: bool) -> Screen:
    """Give the rich screen on a terminal that can show it, else plain text.

    Args:
        plain: Plain text in any case.
    """
    console = Console(highlight=False)
    drawable = (console.encoding or "").lower().startswith("utf") and not console.is_dumb_terminal
    if plain or not sys.stdout.isatty() or not drawable:
        return PlainScreen(sys.stdout)
    return RichScreen(console)
