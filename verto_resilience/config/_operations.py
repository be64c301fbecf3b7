"""The table of operations in force: the documented one, and a file read over it."""

from verto_resilience.config._catalogue import read_text_file
from verto_resilience.outcome import Operations


def load_operations(path: str | None) -> Operations:
    """Give the documented table with the rows of a file added, or in the place of others.

    Args:
        path: A TOML file, as the setting ``operations`` names it; ``None`` for the documented table
            as it is. A relative path starts at the working directory.

    Raises:
        ConfigurationError: The file cannot be read, or has bad rows; one error lists all of them.
    """
    documented = Operations.documented()
    if path is None:
        return documented
    from verto_resilience.outcome import read_operations_file  # what nobody needs who has no file

    name = f"operations {path}"
    return read_operations_file(read_text_file(path, name=name), over=documented, name=name)
