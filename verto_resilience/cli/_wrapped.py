"""Text for a terminal: lines that end between words, the next ones below where the text began."""

import shutil
import textwrap

_NARROWEST = 40
_WIDEST = 100


def width() -> int:
    """Give the columns that a line may have: those of the terminal, 80 where there is none."""
    return min(max(shutil.get_terminal_size().columns, _NARROWEST), _WIDEST)


def wrapped(text: str, *, first: str = "", others: str = "") -> str:
    """Break a text into lines; a word that is longer than a line stays whole, to be copied.

    Args:
        text: One paragraph.
        first: Stands before the first line.
        others: Stands before each other.
    """
    return textwrap.fill(
        text,
        width(),
        initial_indent=first,
        subsequent_indent=others,
        break_long_words=False,
        break_on_hyphens=False,
    )
