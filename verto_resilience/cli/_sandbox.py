"""``verto-resilience sandbox``: a server on this machine that answers as Verto documents."""

from typing import Annotated

import typer

from verto_resilience.testing import SCRIPT_NAMES, RetryAfterForm, serve


def sandbox(
    *,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0 for any free one.")] = 0,
    script: Annotated[
        str | None, typer.Option(help=f"What to play: {', '.join(SCRIPT_NAMES)}.")
    ] = None,
    path: Annotated[
        str | None, typer.Option(help="Path or template it plays on; every path by default.")
    ] = None,
    seconds: Annotated[float | None, typer.Option(help="Length of 'throttled' or 'down'.")] = None,
    count: Annotated[
        int | None, typer.Option(help="Number of 503s of 'down' or 'recovering'.")
    ] = None,
    form: Annotated[
        str | None, typer.Option(help=f"Retry-After as {' or '.join(RetryAfterForm)}.")
    ] = None,
    require_auth: Annotated[
        bool, typer.Option("--require-auth", help="Ask for a bearer token.")
    ] = False,
    code_key: Annotated[str, typer.Option(help="JSON key of the API error code.")] = "code",
    certificate: Annotated[
        str | None, typer.Option(help="Certificate file, for HTTPS; with --key.")
    ] = None,
    key: Annotated[str | None, typer.Option(help="Its key file.")] = None,
) -> None:
    """Answer as Verto documents, on this machine, until Ctrl+C; one line for each request."""
    tls = None
    if certificate is not None and key is not None:
        tls = (certificate, key)
    elif certificate is not None or key is not None:
        raise typer.BadParameter("--certificate and --key go together")
    code = serve(
        host,
        port,
        script=script,
        path=path,
        seconds=seconds,
        count=count,
        form=form,
        require_auth=require_auth,
        code_key=code_key,
        tls=tls,
    )
    raise typer.Exit(code)
