"""One path in many spellings: which are the same, and which a server may take for the same.

RFC 3986 section 6.2.2 says what is the same: escapes of what needs none, the case of an escape's
letters, dot segments. Servers forgive more, each in its own way: capitals, an escaped or a backward
slash, parameters behind a semicolon. Which of them a server forgives is not known here.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import unquote

Parts = tuple[str, ...]


def spellings(path: str) -> tuple[Parts, Parts]:
    """Give :func:`same_parts` and :func:`forgiven_parts`; remembered, if the path is not long."""
    return _remembered(path) if len(path) <= _LONGEST_REMEMBERED else _both(path)


def same_parts(path: str) -> Parts:
    """Give the segments of a path as RFC 3986 normalises them, without empty ones."""
    segments = _without_dots(same_name(path).split("/"))
    return tuple(segment for segment in segments if segment)


def same_name(text: str) -> str:
    """Give text with its escapes in upper case, and as characters where these need none."""
    return _ESCAPE.sub(_normal, text)


def forgiven_parts(path: str) -> Parts:
    """Give the segments of a path as the most forgiving of servers would read them."""
    plain = unquote(path, errors="replace").replace("\\", "/").casefold()
    segments = (segment.partition(";")[0] for segment in plain.split("/"))
    return tuple(_without_dots(segment for segment in segments if segment))


_LONGEST_REMEMBERED = 256
_ESCAPE = re.compile("%[0-9A-Fa-f]{2}")
_UNRESERVED = re.compile("[A-Za-z0-9._~-]")


def _both(path: str) -> tuple[Parts, Parts]:
    return same_parts(path), forgiven_parts(path)


_remembered = lru_cache(maxsize=1024)(_both)


def _normal(escape: re.Match[str]) -> str:
    character = chr(int(escape[0][1:], 16))
    return character if _UNRESERVED.fullmatch(character) else escape[0].upper()


def _without_dots(segments: Iterable[str]) -> list[str]:
    kept: list[str] = []
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    return kept
