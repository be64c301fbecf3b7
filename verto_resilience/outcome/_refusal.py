"""How a file or an environment is refused: one error that lists all that is wrong."""

from collections.abc import Iterable

from verto_resilience.errors import ConfigurationError


def refused(what: str, problems: Iterable[str]) -> ConfigurationError:
    """Make one error of many problems, a line for each.

    Args:
        what: What is refused, for the first line.
        problems: A sentence for each fault.
    """
    listed = tuple(problems)
    lines = "".join(f"\n  {problem}" for problem in listed)
    return ConfigurationError(f"{what}:{lines}", problems=listed)
