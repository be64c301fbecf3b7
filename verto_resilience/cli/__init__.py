"""The command line; needs the extra ``cli`` (typer and rich)."""

from verto_resilience.cli._app import run

__all__ = ["run"]
