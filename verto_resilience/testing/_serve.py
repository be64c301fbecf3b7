"""The sandbox in the foreground, for a person at a terminal."""

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator
from itertools import count as counted
from types import FrameType
from typing import TextIO

from verto_resilience.testing._log import Arrival
from verto_resilience.testing._reply import RetryAfterForm
from verto_resilience.testing._sandbox import Sandbox


def serve(
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    script: str | None = None,
    path: str | None = None,
    seconds: float | None = None,
    count: int | None = None,
    form: RetryAfterForm | str | None = None,
    repeat: bool = False,
    require_auth: bool = False,
    code_key: str = "code",
    tls: tuple[str, str] | None = None,
    output: TextIO | None = None,
    stop: threading.Event | None = None,
) -> int:
    """Run a sandbox until SIGINT or SIGTERM, with one line for each request.

    No query, header or body is printed.

    Args:
        host: Address to listen on.
        port: 0 for any free one; the first line says which.
        script: A named script or answers, see :meth:`Sandbox.play`; ``None`` for none.
        path: The path it plays on; ``None`` for every path.
        seconds: An option of the script.
        count: An option of the script.
        form: An option of the script.
        repeat: An option of the script.
        require_auth: Whether a bearer token is asked for.
        code_key: JSON key of the API error code.
        tls: Paths of a certificate and its key, for HTTPS.
        output: Where the lines go; ``None`` for standard output.
        stop: Ends it when set; ``None`` for signals alone.

    Returns:
        The exit code, 0.

    Raises:
        ConfigurationError: A setting cannot be, or the port is taken.
    """
    lines = sys.stdout if output is None else output
    ended = threading.Event() if stop is None else stop
    told = threading.Lock()

    def say(line: str) -> None:
        try:
            with told:
                lines.write(f"{line}\n")
                lines.flush()
        except (OSError, ValueError):
            # Nobody reads any more (`| head`), so nobody needs the server.
            ended.set()

    executed = counted()

    def answered(arrival: Arrival) -> None:
        if arrival.executed:
            next(executed)
        say(describe(arrival))

    sandbox = Sandbox(
        host=host,
        port=port,
        require_auth=require_auth,
        code_key=code_key,
        tls=tls,
        on_answer=answered,
    )
    sandbox.play(
        "healthy" if script is None else script,
        path=path,
        seconds=seconds,
        count=count,
        form=form,
        repeat=repeat,
    )
    with _signals(ended), sandbox:
        say(f"sandbox at {sandbox.url} (Ctrl+C ends it)")
        ended.wait()
    trades = len(sandbox.trades)
    say(f"{sandbox.arrived} requests, {next(executed)} executed, {trades} trades booked")
    return 0


def describe(arrival: Arrival) -> str:
    """Put an arrival into one line, without anything that may be secret."""
    answer = "no answer" if arrival.status is None else str(arrival.status)
    notes = [
        f"retry-after {arrival.retry_after} s" if arrival.retry_after is not None else "",
        "executed" if arrival.executed else "",
        "replayed" if arrival.replayed else "",
        str(arrival.fault or ""),
    ]
    told = ", ".join(note for note in notes if note)
    line = f"#{arrival.number} {arrival.method} {_printable(arrival.path)} -> {answer}"
    return f"{line} ({told})" if told else line


def _printable(text: str) -> str:
    return "".join(sign if sign.isprintable() else "?" for sign in text)


@contextlib.contextmanager
def _signals(ended: threading.Event) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(_signal: int, _frame: FrameType | None) -> None:
        ended.set()

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
