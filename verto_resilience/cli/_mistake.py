"""How arguments that cannot be are told: as every other error, below how they are written."""

import sys
from typing import Any

import typer

from verto_resilience.cli._told_error import tell_error

# Typer brings its own click or uses the one that is installed, as it comes.
MISTAKE: type[Exception] = next(
    kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException"
)
"""What typer raises for arguments that cannot be."""


def tell_mistake(error: Any) -> None:
    """Print the usage and what is wrong; nothing where help has been shown in their place."""
    # How pydantic, which typer asks, begins what it says of a choice.
    message = error.format_message().replace("Value error, ", "")
    if not message:
        return
    context = getattr(error, "ctx", None)
    if context is not None:
        print(context.get_usage(), file=sys.stderr)
        print(f"Try '{context.command_path} --help' for help.", file=sys.stderr)
    tell_error(message)
