"""Standard output as it may be: on a full disk, closed, or with nobody who reads any more."""

import io
import os
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from typing import Any, TextIO, cast

from verto_resilience.cli._told_error import tell_error

UNWRITTEN = 4
"""The exit code when standard output cannot be written."""

NOBODY_READS = 141
"""The exit code when who reads the output has gone: what a shell gives for a SIGPIPE."""


class UnwrittenError(OSError):
    """Standard output cannot be written; the cause is what the system said.

    It has no number of its own: at a broken pipe typer and rich end a program, each as it likes.
    """

    @property
    def is_unread(self) -> bool:
        """Whether somebody read, and has gone."""
        return isinstance(self.__cause__, BrokenPipeError)


def carry_out(command: Callable[[], int]) -> int:
    """Carry out a command, and see to it that what it prints arrives.

    Args:
        command: Gives its exit code.

    Returns:
        That code, or one of those above. A command that has put up with a reader who went away
        keeps its own.
    """
    _open_what_is_closed()
    output, errors = _Output(sys.stdout), _Errors(sys.stderr)
    with redirect_stdout(cast("TextIO", output)), redirect_stderr(cast("TextIO", errors)):
        return _arrived(command, output)


def drop_what_is_left(stream: TextIO) -> None:
    """Have the interpreter find nothing to complain of when it flushes the stream at the end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
    stream.flush()


class _Output:
    """Standard output, which remembers its first fault: a command may keep it to itself.

    It stands before the stream and not in its place, for whoever takes hold of it (a handler of
    logging in a module of the user's) may write when the command is over.
    """

    def __init__(self, stream: TextIO) -> None:
        self.fault: OSError | None = None
        self.stream = stream
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            # A sign that the encoding lacks is no reason to show nothing.
            stream.reconfigure(errors="backslashreplace")

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)

    def write(self, text: str) -> int:
        try:
            return self.stream.write(text)
        except OSError as error:
            raise self._unwritten(error) from error

    def flush(self) -> None:
        try:
            self.stream.flush()
        except OSError as error:
            raise self._unwritten(error) from error

    def _unwritten(self, error: OSError) -> UnwrittenError:
        self.fault = self.fault or error
        return UnwrittenError("standard output cannot be written")


class _Errors:
    """Standard error: when it cannot be written, there is nobody to be told of that."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)

    def write(self, text: str) -> int:
        try:
            return self.stream.write(text)
        except OSError:
            drop_what_is_left(self.stream)
            return len(text)

    def flush(self) -> None:
        try:
            self.stream.flush()
        except OSError:
            drop_what_is_left(self.stream)


def _arrived(command: Callable[[], int], output: _Output) -> int:
    try:
        code = _flushed(command(), output)
    except UnwrittenError:
        code = NOBODY_READS
    if output.fault is None:
        return code
    drop_what_is_left(output.stream)
    if isinstance(output.fault, BrokenPipeError):
        return code
    tell_error(f"standard output cannot be written: {output.fault.strerror}")
    return UNWRITTEN


def _flushed(code: int, output: _Output) -> int:
    # After a fault that the command has put up with, this would only meet it again.
    if output.fault is None:
        output.flush()
    return code


def _open_what_is_closed() -> None:
    """Put something in the place of closed outputs: else a file opened later would get its number.

    What stands in for standard output can only be read, so that nothing vanishes unnoticed.
    """
    if sys.stdout is None:
        sys.stdout = _stand_in(1, os.O_RDONLY)
    if sys.stderr is None:
        sys.stderr = _stand_in(2, os.O_WRONLY)


def _stand_in(number: int, access: int) -> TextIO:
    opened = os.open(os.devnull, access)
    if opened != number:
        # Not inherited, so that a command that is run finds it closed as well.
        os.dup2(opened, number, inheritable=False)
        os.close(opened)
    return open(number, "w", encoding="utf-8", closefd=False)
