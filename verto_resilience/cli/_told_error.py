"""How a mistake is told: on standard error, and in lines that fit where a person reads them."""

import sys

from verto_resilience.cli._wrapped import wrapped


def tell_error(error: object) -> None:
    """Print what is wrong; on a terminal in lines that fit, elsewhere as it is, to be searched."""
    for line in f"error: {error}".splitlines():
        indent = line[: len(line) - len(line.lstrip())]
        fits = not sys.stderr.isatty()
        print(
            line if fits else wrapped(line.lstrip(), first=indent, others=f"{indent}  "),
            file=sys.stderr,
        )
