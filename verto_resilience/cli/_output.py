"""Standard output as it may be: on a full disk, closed, or with nobody who reads any more."""

import io
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from typing import TextIO, TypeVar

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
    if not isinstance(sys.stdout, io.TextIOWrapper) or not isinstance(sys.stderr, io.TextIOWrapper):
        return command()
    with (
        _instead_of(sys.stdout, _Output) as output,
        _instead_of(sys.stderr, _Errors) as errors,
        redirect_stdout(output),
        redirect_stderr(errors),
    ):
        return _arrived(command, output)


def drop_what_is_left(stream: TextIO) -> None:
    """Have the interpreter find nothing to complain of when it flushes the stream at the end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
    stream.flush()


class _Output(io.TextIOWrapper):
    """Standard output, which remembers its first fault: a command may keep it to itself."""

    fault: OSError | None = None

    def write(self, text: str, /) -> int:
        try:
            return super().write(text)
        except OSError as error:
            raise self._unwritten(error) from error

    def flush(self) -> None:
        try:
            super().flush()
        except OSError as error:
            raise self._unwritten(error) from error

    def _unwritten(self, error: OSError) -> UnwrittenError:
        self.fault = self.fault or error
        return UnwrittenError("standard output cannot be written")


class _Errors(io.TextIOWrapper):
    """Standard error: when it cannot be written, there is nobody to be told of that."""

    def write(self, text: str, /) -> int:
        try:
            return super().write(text)
        except OSError:
            drop_what_is_left(self)
            return len(text)

    def flush(self) -> None:
        try:
            super().flush()
        except OSError:
            drop_what_is_left(self)


def _arrived(command: Callable[[], int], output: _Output) -> int:
    try:
        code = _flushed(command(), output)
    except UnwrittenError:
        code = NOBODY_READS
    if output.fault is None:
        return code
    drop_what_is_left(output)
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


_Kind = TypeVar("_Kind", bound=io.TextIOWrapper)


@contextmanager
def _instead_of(stream: io.TextIOWrapper, kind: type[_Kind]) -> Iterator[_Kind]:
    """Give another stream that writes to the same place, until the end of the block."""
    errors = stream.errors or "strict"
    other = kind(
        stream.buffer,
        encoding=stream.encoding,
        # A sign that the encoding lacks is no reason to show nothing.
        errors="backslashreplace" if errors == "strict" else errors,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )
    try:
        yield other
    finally:
        with suppress(UnwrittenError):
            other.detach()
