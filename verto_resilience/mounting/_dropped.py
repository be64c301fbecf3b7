"""Tells whoever mounts or installs a second time which of the arguments change nothing."""

import warnings
from collections.abc import Iterable, Mapping

from verto_resilience.mounting._assembly import Assembly
from verto_resilience.transports._callers import callers_level


def dropped(assembly: Assembly, given: Mapping[str, object]) -> list[str]:
    """Name the arguments that were given, and are not what an assembly was built from."""
    return [
        name
        for name, part in given.items()
        if part is not None and not assembly.is_built_of(name, part)
    ]


def warn_of_dropped(names: Iterable[str], *, already: str, remedy: str) -> None:
    """Say at the caller's line that arguments are dropped; nothing, where none is.

    Args:
        names: Of the arguments.
        already: What is as it is, as the beginning of a sentence.
        remedy: How they come into force, as a sentence.
    """
    told = " and ".join(dict.fromkeys(names))
    if told:
        warnings.warn(
            f"{already} already and stays as it is: what is given now changes nothing there "
            f"({told}). {remedy}",
            stacklevel=callers_level(),
        )
