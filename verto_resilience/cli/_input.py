"""Standard input, where an argument asks for it."""

import sys

from verto_resilience.errors import ConfigurationError


def standard_input() -> bytes:
    """Read all of it.

    Raises:
        ConfigurationError: It is closed, or cannot be read.
    """
    if sys.stdin is None:
        problem = "standard input is closed"
        raise ConfigurationError(problem, problems=(problem,))
    try:
        return sys.stdin.buffer.read()
    except OSError as error:
        problem = f"standard input cannot be read: {error.strerror}"
    raise ConfigurationError(problem, problems=(problem,))
