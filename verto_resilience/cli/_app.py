"""The commands put together, and how a mistake is told: one message, no traceback, exit code 2."""

from collections.abc import Sequence
from typing import Annotated

import typer

import verto_resilience
from verto_resilience.cli._codes import codes
from verto_resilience.cli._config import config
from verto_resilience.cli._dashboard import dashboard
from verto_resilience.cli._demo import demo
from verto_resilience.cli._doctor import doctor
from verto_resilience.cli._explain import explain
from verto_resilience.cli._fleet import fleet
from verto_resilience.cli._help import Command, Group
from verto_resilience.cli._mistake import MISTAKE, tell_mistake
from verto_resilience.cli._operations import operations
from verto_resilience.cli._output import carry_out
from verto_resilience.cli._request import request
from verto_resilience.cli._run import SETTINGS
from verto_resilience.cli._run import run as run_command
from verto_resilience.cli._sandbox import sandbox
from verto_resilience.cli._simulate import simulate
from verto_resilience.cli._told_error import tell_error
from verto_resilience.errors import ConfigurationError

COMMANDS = (
    (demo, "verto-resilience demo --plain"),
    (sandbox, "verto-resilience sandbox --port 8080 --script throttled --seconds 5"),
    (request, "verto-resilience request GET https://api-v3-sandbox.vertofx.com/fx/health --json"),
    (run_command, "verto-resilience run -- python app.py"),
    (explain, "verto-resilience explain 400 1"),
    (operations, "verto-resilience operations --kind moves_money"),
    (config, "VERTO_RESILIENCE_MAX_ATTEMPTS=5 verto-resilience config"),
    (doctor, "verto-resilience doctor --session myapp.clients:session"),
    (dashboard, "verto-resilience dashboard > verto.json"),
    (simulate, "verto-resilience simulate --incident throttling --report throttling.html"),
)
"""Every command with an example of its use; one file each."""

GROUPS = (
    (codes, "codes", "verto-resilience codes list --json"),
    (fleet, "fleet", "VERTO_RESILIENCE_STORE=redis://localhost verto-resilience fleet --watch"),
)
"""Commands that have commands of their own, with their names and an example."""

_INTERRUPTED = 130


def run(arguments: Sequence[str] | None = None) -> int:
    """Carry out a command.

    Args:
        arguments: Without the program's name; ``None`` takes those of the process.

    Returns:
        The exit code: 0 when all went well, 1 when a check failed, 2 for a mistake in what was
        given, 4 when standard output cannot be written, 130 when interrupted, 141 when nobody
        reads any more.
    """
    return carry_out(lambda: _carried_out(arguments))


def _carried_out(arguments: Sequence[str] | None) -> int:
    try:
        code = _app()(args=arguments, prog_name="verto-resilience", standalone_mode=False)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except ConfigurationError as error:
        tell_error(error)
        return 2
    except (typer.Abort, KeyboardInterrupt):
        return _INTERRUPTED
    except MISTAKE as error:
        tell_mistake(error)
        return 2
    return code if isinstance(code, int) else 0


def _app() -> typer.Typer:
    app = typer.Typer(
        cls=Group,
        add_completion=False,
        invoke_without_command=True,
        pretty_exceptions_enable=False,
        rich_markup_mode="markdown",
        help="Calls to the Verto API: safe to repeat, polite when throttled, quick to fail.",
    )
    app.callback()(_options)
    for command, example in COMMANDS:
        settings = SETTINGS if command is run_command else None
        app.command(cls=Command, epilog=f"Example: {example}", context_settings=settings)(command)
    for group, name, example in GROUPS:
        app.add_typer(group, cls=Group, name=name, epilog=f"Example: {example}")
    return app


def _options(
    context: typer.Context,
    *,
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", is_eager=True)
    ] = False,
) -> None:
    if version:
        print(verto_resilience.__version__)
        raise typer.Exit
    if context.invoked_subcommand is None:
        print(context.get_help())
        raise typer.Exit(2)
