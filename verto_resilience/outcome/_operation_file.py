"""The table of operations as a TOML file: the form of ``operations.toml``, read over a table.

A file adds operations, or says otherwise what is known of one::

    [[operation]]
    method = "POST"
    template = "/wallets/{wallet_id}/transfer"
    kind = "moves_money"
    repeatable = "never"
"""

import tomllib

from verto_resilience.errors import ConfigurationError
from verto_resilience.outcome._operation import read_operations
from verto_resilience.outcome._operations import Operations
from verto_resilience.outcome._refusal import refused


def read_operations_file(text: str, *, over: Operations, name: str = "operations") -> Operations:
    """Give a table in which the rows of a file are added to another's, or take their place.

    A row takes the place of one with the same method, the same template but for the names in
    braces, and the same conditions. It is whole: what it does not say has its default.

    Args:
        text: The content of the file. Besides ``[[operation]]`` a table ``[sources]`` may stand
            there, for people.
        over: The table to start from; it stays as it is.
        name: What an error calls the file.

    Raises:
        ConfigurationError: One error with every bad row.
    """
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise refused(name, [f"this is no TOML: {error}"]) from None
    problems = [
        f"{key!r} is no table of operations; there is [[operation]]"
        for key in document
        if key not in {"operation", "sources"}
    ]
    rows = document.get("operation", [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        problems.append("operation is no list of rows; write [[operation]], with double brackets")
        rows = []
    try:
        operations = read_operations(rows)
    except ConfigurationError as error:
        raise refused(name, [*problems, *error.problems]) from None
    if problems:
        raise refused(name, problems)
    return over.extend(*operations)
