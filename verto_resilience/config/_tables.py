"""The files of statuses, codes and operations that a policy names, looked at together."""

from verto_resilience.config._catalogue import load_catalogue
from verto_resilience.config._operations import load_operations
from verto_resilience.errors import ConfigurationError
from verto_resilience.pipeline import Policy


def problems_of_tables(policy: Policy) -> list[str]:
    """Read what mounting would read; gives a sentence for each fault, with the file it is in."""
    loads = (
        ("catalogue", policy.catalogue, load_catalogue),
        ("operations", policy.operations, load_operations),
    )
    problems: list[str] = []
    for setting, path, load in loads:
        try:
            load(path)
        except ConfigurationError as error:
            file = f"{setting} {path}"
            # A file that cannot be read is named already.
            problems += [p if p.startswith(file) else f"{file}: {p}" for p in error.problems]
    return problems
