"""Headers as requests keeps them, looked up where they lie.

Its dictionary spells a name anew for each value that it gives and each copy, and raises and catches
an error for each name that is not there. Every call asks it for so many that this is felt.
"""

from collections.abc import Iterable
from typing import Any

from requests.structures import CaseInsensitiveDict

# Any other, or one that keeps them in another way, is asked by its own methods.
_KIND: Any = CaseInsensitiveDict if vars(CaseInsensitiveDict()).keys() == {"_store"} else None


def value_of(headers: Any, name: str) -> Any:
    """Give the value of a header; ``None`` when it is not there."""
    if type(headers) is not _KIND:
        return headers.get(name)
    found = headers._store.get(name.lower())  # noqa: SLF001
    return None if found is None else found[1]


def values_of(headers: Any) -> Iterable[Any]:
    """Give the values of all headers."""
    if type(headers) is not _KIND:
        values: Iterable[Any] = headers.values()
        return values
    return [value for _, value in headers._store.values()]  # noqa: SLF001


def copy_of(headers: Any) -> Any:
    """Give a copy that can be written to."""
    if type(headers) is not _KIND:
        return headers.copy()
    copied: Any = object.__new__(_KIND)
    copied._store = headers._store.copy()  # noqa: SLF001
    return copied
