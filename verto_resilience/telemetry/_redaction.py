"""URLs without their secrets: what may stand in ``url.full``.

User and password, the fragment and every query value go; keys stay, and so does the value of a key
that is allowed by name. Keys that the conventions list as secret are never allowed.
"""

import re
from collections.abc import Collection

REDACTED = "REDACTED"

SECRET_KEYS = frozenset(
    {
        "AWSAccessKeyId",
        "Signature",
        "X-Amz-Credential",
        "X-Amz-Security-Token",
        "X-Amz-Signature",
        "X-Goog-Signature",
        "sig",
    }
)
"""Every key that a release of the semantic conventions has listed so far (1.29 to 1.45)."""

_USER = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*:)?//[^/?#]*@")
_SEPARATOR = re.compile("([&;])")


def redact_url(url: str, allowed: Collection[str] = ()) -> str:
    """Give the URL with ``REDACTED`` in place of what may be secret; never raises.

    Args:
        url: An absolute URL.
        allowed: Query keys whose values may be shown, matched with their case and as they are
            written in the URL.
    """
    if "?" not in url and "@" not in url and "#" not in url:
        return url
    url, _, _ = url.partition("#")
    if "@" in url:
        url = _USER.sub(_without_user, url)
    front, mark, query = url.partition("?")
    if not query:
        return url
    parts = _SEPARATOR.split(query)
    parts[::2] = [_without_value(part, allowed) for part in parts[::2]]
    return f"{front}{mark}{''.join(parts)}"


def _without_user(found: re.Match[str]) -> str:
    return f"{found[1] or ''}//{REDACTED}:{REDACTED}@"


def _without_value(part: str, allowed: Collection[str]) -> str:
    key, sign, value = part.partition("=")
    if not part or (sign and not value):
        return part
    # Without a sign nobody knows whether this is a key or all there is of a token.
    if not sign:
        return REDACTED
    if key in allowed and key not in SECRET_KEYS:
        return part
    return f"{key}={REDACTED}"
