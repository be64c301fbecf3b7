"""The table of statuses and codes in force: the documented one, and a file merged over it."""

from pathlib import Path

from verto_resilience.errors import ConfigurationError
from verto_resilience.outcome import Catalogue


def load_catalogue(path: str | None) -> Catalogue:
    """Give the documented table with the rows of a file merged over it.

    Args:
        path: A TOML file, as the setting ``catalogue`` names it; ``None`` for the documented table
            as it is. A relative path starts at the working directory.

    Raises:
        ConfigurationError: The file cannot be read, or has bad rows; one error lists all of them.
    """
    documented = Catalogue.documented()
    if path is None:
        return documented
    from verto_resilience.outcome import read_catalogue  # brings along what reads web pages

    name = f"catalogue {path}"
    return read_catalogue(read_text_file(path, name=name), over=documented, name=name)


def read_text_file(path: str, *, name: str) -> str:
    """Read a file of UTF-8 text, with or without a byte order mark.

    Raises:
        ConfigurationError: There is none, it cannot be read, or is no text; said under ``name``.
    """
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except OSError as error:
        problem = f"{name} cannot be read: {error.strerror}"
    except ValueError as error:
        problem = f"{name} is no UTF-8 text: {error}"
    raise ConfigurationError(problem, problems=(problem,))
