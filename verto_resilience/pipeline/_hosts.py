"""Names of hosts: what may stand in a list of them, and how it is compared with a URL's host."""

import re

_LONGEST = 253
_NAME = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.(?!\Z)|\Z))+", re.IGNORECASE)


def is_host(text: str) -> bool:
    """Say whether a text is the name of a host or an IP address, and nothing besides.

    An IPv6 address may stand in brackets, as in a URL. A name beyond ASCII is written as requests
    sends it, with ``xn--``.
    """
    if len(text) <= _LONGEST and _NAME.fullmatch(text) is not None:
        return True
    import ipaddress  # only where there is an address, and it takes its time to load

    try:
        ipaddress.IPv6Address(without_brackets(text))
    except ValueError:
        return False
    return True


def without_brackets(host: str) -> str:
    """Give an IPv6 address as the host of a split URL has it; any other text as it is."""
    return host[1:-1] if host[:1] + host[-1:] == "[]" and ":" in host else host
