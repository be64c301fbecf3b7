"""``verto-resilience sandbox``: a server on this machine that answers as Verto documents."""

from typing import Annotated

import typer

from verto_resilience.testing import SCRIPT_NAMES, RetryAfterForm, serve

_EXAMPLE = "503 x2, 429 retry-after=1, ok delay=0.5"


def sandbox(
    *,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Address to listen on.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(metavar="PORT", help="0 for any free one.")] = 0,
    script: Annotated[
        str | None,
        typer.Option(
            metavar="SCRIPT",
            help=f"What to play: {', '.join(SCRIPT_NAMES)}; or a list of answers: '{_EXAMPLE}'.",
        ),
    ] = None,
    path: Annotated[
        str | None,
        typer.Option(metavar="PATH", help="Path or template it plays on; every one by default."),
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", help="How long throttled (2 by default) or down lasts."),
    ] = None,
    count: Annotated[
        int | None,
        typer.Option(metavar="NUMBER", help="Number of 503s of down or recovering."),
    ] = None,
    form: Annotated[
        str | None,
        typer.Option(
            metavar="FORM",
            help=f"How throttled and recovering write Retry-After: {' or '.join(RetryAfterForm)}.",
        ),
    ] = None,
    repeat: Annotated[
        bool, typer.Option("--repeat", help="Begin a list of answers again after its last.")
    ] = False,
    require_auth: Annotated[
        bool, typer.Option("--require-auth", help="Ask for a bearer token.")
    ] = False,
    code_key: Annotated[
        str, typer.Option(metavar="KEY", help="JSON key of the API error code.")
    ] = "code",
    certificate: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Certificate file, for HTTPS; with --key."),
    ] = None,
    key: Annotated[str | None, typer.Option(metavar="FILE", help="Its key file.")] = None,
) -> None:
    """Answer as Verto documents, on this machine, until Ctrl+C; one line for each request."""
    tls = None
    if certificate is not None and key is not None:
        tls = (certificate, key)
    elif certificate is not None or key is not None:
        raise typer.BadParameter("--certificate and --key go together")
    if repeat and script in {None, *SCRIPT_NAMES}:
        given = f"--script '{_EXAMPLE}'"
        raise typer.BadParameter(f"it goes with answers: {given}", param_hint="--repeat")
    _check(script, {"path": path, "seconds": seconds, "count": count, "form": form})
    code = serve(
        host,
        port,
        script=script,
        path=path,
        seconds=seconds,
        count=count,
        form=form,
        repeat=repeat,
        require_auth=require_auth,
        code_key=code_key,
        tls=tls,
    )
    raise typer.Exit(code)


def _check(script: str | None, options: dict[str, object]) -> None:
    """Refuse an option that would change nothing, and say what it goes with."""
    for name, value in options.items():
        scripts = [s for s, known in SCRIPT_NAMES.items() if name == "path" or name in known]
        if value is None or script in scripts or script not in {None, *SCRIPT_NAMES}:
            continue
        rest = "--script" if name == "path" else f"--script {' or '.join(scripts)}"
        raise typer.BadParameter(f"it goes with {rest}", param_hint=f"--{name}")
