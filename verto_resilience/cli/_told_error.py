"""How a mistake or a note is told: on standard error, in lines that fit where a person reads."""

import sys

from verto_resilience.cli._wrapped import wrapped


def tell_error(error: object) -> None:
    """Print what is wrong; on a terminal in lines that fit, elsewhere as it is, to be searched."""
    _tell(f"error: {error}")


def tell_note(note: object) -> None:
    """Print in the same way what is worth knowing and no fault."""
    _tell(f"note: {note}")


def _tell(text: str) -> None:
    for line in text.splitlines():
        indent = line[: len(line) - len(line.lstrip())]
        fits = not sys.stderr.isatty()
        print(
            line if fits else wrapped(line.lstrip(), first=indent, others=f"{indent}  "),
            file=sys.stderr,
        )
