"""Takes out of a text what looks like a credential, before people or logs get to see it.

A server's message may quote what the caller sent. What was sent is known at the edge and is taken
out wherever it stands; beyond that, what follows a name such as ``apiKey`` and what is shaped like
a token goes. Rather one word too many than a key in a log.
"""

import re
from collections.abc import Iterable
from functools import cache

REMOVED = "[removed]"
"""What stands in place of what was taken out."""

SHORTEST_KNOWN = 4
"""Characters; what is shorter stands in too many texts by chance."""


def names_a_secret(name: str) -> bool:
    """Say whether a header, parameter or JSON key of this name holds a credential."""
    return _NAME.search(name) is not None


def scrub(text: str, known: Iterable[str] = ()) -> str:
    """Give a text without credentials.

    A UUID is none, and neither is a word of fewer than 25 characters that nothing announces.

    Args:
        text: A message of at most some hundred characters; the work grows with its square.
        known: Values that must not stay, such as the token that was sent. One that is cut off by
            the end of the text goes as well.
    """
    text = scrub_known(text, known)
    text = _TOKEN.sub(REMOVED, text)
    text = _assigned().sub(rf"\g<before>{REMOVED}", text)
    text = _announced().sub(_without_announced, text)
    return _RUN.sub(_without_long, text)


def scrub_known(text: str, known: Iterable[str]) -> str:
    """Give a text without these values, the longest first."""
    for value in sorted({v for v in known if len(v) >= SHORTEST_KNOWN}, key=len, reverse=True):
        text = text.replace(value, REMOVED)
        for length in range(min(len(value), len(text)), SHORTEST_KNOWN - 1, -1):
            if text.endswith(value[:length]):
                text = text[:-length] + REMOVED
                break
    return text


_WORDS = (
    r"authori[sz]ation|api[-_ ]?key|access[-_ ]?key|private[-_ ]?key|token|jwt|secret|passw(?:or)?d"
    r"|passphrase|credential|client[-_ ]?id|cookie|session|signature|bearer"
)
_NAME = re.compile(_WORDS, re.IGNORECASE)
# A JSON Web Token, whole or cut off.
_TOKEN = re.compile(r"\beyJ[A-Za-z0-9_-]{5,}+(?:\.[A-Za-z0-9_-]*+){0,4}")
_QUOTED = r"\"[^\"]*+\"?|'[^']*+'?|`[^`]*+`?"
_SECRET_LIKE = re.compile(r"[\"'`]|.*[0-9]|.*\w[-_+/=~]\w|.*[a-z][A-Z]|.{20}", re.DOTALL)
_RUN = re.compile(r"[A-Za-z0-9_+=~/-]{25,}+")
_LONG = re.compile(r"(?=[^/]*[0-9])(?=[^/]*[A-Za-z])[^/]{25,}")
_UUID = re.compile(
    r"(?<![0-9A-Fa-f])[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}(?![0-9A-Fa-f])"
)


@cache
def _assigned() -> re.Pattern[str]:
    """Match apiKey=..., "token": "...", Authorization: Bearer ...; compiled at its first use."""
    return re.compile(
        rf"(?P<before>(?:{_WORDS})[\w-]*+[\"'`]?\s*+(?:=>?|:)\s*+(?:(?:bearer|basic|digest)\s++)?)"
        rf"(?:\[removed\]|{_QUOTED}|[^\s,;&}}\])]++)",
        re.IGNORECASE,
    )


@cache
def _announced() -> re.Pattern[str]:
    """Match token abc-123, apiKey is 'abc', Bearer abc123; the next word may be plain English."""
    return re.compile(
        rf"(?P<before>(?:(?:{_WORDS}|basic|digest)[\w-]*+\s++(?:(?:is|was|of|value|with)\s++)?)+)"
        rf"(?P<word>{_QUOTED}|[^\s,;]++)",
        re.IGNORECASE,
    )


def _without_announced(found: re.Match[str]) -> str:
    word = found["word"]
    if word.startswith(REMOVED) or _SECRET_LIKE.match(word) is None:
        return found[0]
    return found["before"] + REMOVED


def _without_long(found: re.Match[str]) -> str:
    return REMOVED if _LONG.search(_UUID.sub("", found[0])) else found[0]
