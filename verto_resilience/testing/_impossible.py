"""One way to refuse a setting: one error that lists every fault."""

from verto_resilience.errors import ConfigurationError


def impossible(*problems: str, what: str = "") -> ConfigurationError:
    """Make the error to raise.

    Args:
        problems: One sentence for each fault.
        what: What cannot be, for the beginning of the message.
    """
    listed = "; ".join(problems)
    return ConfigurationError(
        f"{what} cannot be: {listed}" if what else listed, problems=tuple(problems)
    )
