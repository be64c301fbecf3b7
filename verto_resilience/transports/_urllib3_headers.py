"""Headers of a request as urllib3 takes them: a mapping of any kind."""

from collections.abc import Iterable, Mapping
from typing import Any

from urllib3 import HTTPHeaderDict


def header_of(headers: Mapping[str, Any], name: str) -> Any:
    """Give the value of a header, whatever the letters of its name; ``None``: it is not there."""
    if isinstance(headers, HTTPHeaderDict):
        return headers.get(name)
    lower = name.lower()
    for key, value in headers.items():
        if isinstance(key, str) and key.lower() == lower:
            return value
    return None


def text_of(headers: Mapping[str, Any], name: str) -> str | None:
    """Give it as text, where it may have been given as bytes."""
    value = header_of(headers, name)
    return value.decode("latin-1") if isinstance(value, bytes) else value


def with_headers(
    headers: Mapping[str, Any], extra: Mapping[str, str], *, without: Iterable[str] = ()
) -> Mapping[str, str]:
    """Give a copy with these in the place of others of the same names."""
    if isinstance(headers, HTTPHeaderDict):
        copied = headers.copy()
        for name in without:
            copied.discard(name)
        copied.update(extra)
        return copied
    gone = {name.lower() for name in (*extra, *without)}
    kept = {
        name: value
        for name, value in headers.items()
        if not (isinstance(name, str) and name.lower() in gone)
    }
    return kept | dict(extra)
