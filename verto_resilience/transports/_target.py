"""Where a request goes, read from its URL: origin, host, and whether that is Verto's."""

from functools import lru_cache
from typing import NamedTuple
from urllib.parse import urlsplit

_AUTHORITY = len("https://")
_PORTS = {"http": 80, "https": 443}


def split_origin(prefix: str) -> tuple[str, str]:
    """Give origin (scheme, host, port; nothing secret) and host of the front part of a URL."""
    parts = urlsplit(prefix)
    host = (parts.hostname or "").lower()
    try:
        port = parts.port
    except ValueError:
        port = None
    if port is None:
        port = _PORTS.get(parts.scheme, 0)
    name = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{name}:{port}", host


def front_and_path(url: str) -> tuple[str, str, str]:
    """Cut a URL into its front (scheme and authority), its path and its query."""
    at = url.find("://") + 3
    end = len(url)
    for mark in "/?#":
        found = url.find(mark, at)
        if 0 <= found < end:
            end = found
    path, _, query = url[end:].partition("#")[0].partition("?")
    return url[:end], path, query


def is_verto(host: str, verto_hosts: tuple[str, ...]) -> bool:
    """Say whether a host is one of these domains, or below one of them."""
    host = host.removesuffix(".")
    names = [name.lower() for name in verto_hosts]
    return any(host == name or host.endswith(f".{name}") for name in names)


class Target(NamedTuple):
    """Where requests go whose URLs begin alike: origin, host, and whether that is Verto's."""

    origin: str
    host: str
    verto: bool


def plain_front(url: str) -> str | None:
    """Give the scheme and authority of a URL, where they may be remembered as they stand.

    ``None`` where a user and password, or a query, would be remembered with them, and where no
    path says where they end.
    """
    end = url.find("/", _AUTHORITY)
    front = url[:end]
    return None if end < 0 or "@" in front or "?" in front or "#" in front else front


def target_of(url: str, verto_hosts: tuple[str, ...]) -> Target:
    """Read where a URL leads; looked up for all calls to an origin but the first."""
    front = plain_front(url)
    if front is None:
        scheme, _, authority = front_and_path(url)[0].partition("://")
        front = f"{scheme}://{authority.rpartition('@')[2]}"
    return _target(front, verto_hosts)


@lru_cache(maxsize=4096)
def _target(front: str, verto_hosts: tuple[str, ...]) -> Target:
    origin, host = split_origin(front)
    return Target(origin, host, is_verto(host, verto_hosts))
