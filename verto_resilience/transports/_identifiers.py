"""Identifiers that come with an answer, bounded and freed of what the request carried.

A server may put into them what it likes: a line of a log, a megabyte, the token that it was sent.
"""

import re

from verto_resilience.outcome import scrub_known
from verto_resilience.pipeline import LONGEST_ID
from verto_resilience.transports._header_store import values_of
from verto_resilience.transports._request_secrets import Sent, secrets_of

# As Verto documents its own, and the usual form of any other.
_UUID = re.compile(r"[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}")


def identifier(
    value: str | bytes | None, secrets: frozenset[str], limit: int = LONGEST_ID
) -> str | None:
    """Give what of an identifier may be shown; ``None`` when nothing is left.

    Args:
        value: As it stands in the header.
        secrets: What the request carried as credentials; it is taken out.
        limit: Characters.
    """
    if value is None:
        return None
    text = value.decode("latin-1") if isinstance(value, bytes) else value
    # What is not printed goes first: without it the parts of a secret would come together.
    return scrub_known(bounded(text, limit), secrets)[:limit] or None


def identifier_from(value: str | None, sent: Sent) -> str | None:
    """Give what of an answer's identifier may be shown, as :func:`identifier` does, and sooner.

    To collect the credentials of a request takes longer than to see that a UUID is none of them.
    """
    if value is None or (_UUID.fullmatch(value) is not None and not _carries(sent, value)):
        return value
    return identifier(value, secrets_of(sent))


def bounded(text: str, limit: int) -> str:
    """Give the beginning of a text, without what is not printed."""
    return "".join(c for c in text[:limit] if c.isprintable()).strip()


def _carries(sent: Sent, value: str) -> bool:
    """Say whether a value stands anywhere in a request."""
    for text in (sent.url, sent.body, *values_of(sent.headers)):
        if isinstance(text, str):
            if value in text:
                return True
        elif isinstance(text, bytes) and value.encode() in text:
            return True
    return False
