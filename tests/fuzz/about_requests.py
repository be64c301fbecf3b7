"""Checks of what a caller may ask for: operations and URLs. Each takes any bytes."""

import string
from urllib.parse import urlparse

import requests

from verto_resilience.outcome import Operations
from verto_resilience.transports._target import front_and_path, target_of

_HOSTS = ("verto.example",)
_UNRESERVED = frozenset(string.ascii_letters + string.digits + "-._~")


def operations(data: bytes) -> None:
    """Any request is matched without an error, and alike for paths that are equivalent.

    Args:
        data: Method, path and query on the first line, the body on the others.
    """
    line, _, body = data.partition(b"\n")
    method, _, target = line.decode("latin-1").partition(" ")
    path, _, query = target.partition("?")
    table = Operations.documented()

    found = table.match(method, path, query, body)

    assert found is None or found in table.rows()
    assert table.match(method, path, query, body.decode("utf-8", "replace")) in {
        None,
        *table.rows(),
    }
    at = next((n for n, char in enumerate(path) if char in _UNRESERVED), None)
    # An escaped dot is a dot: RFC 3986 section 6.2.2.2.
    if at is not None and path.startswith("/") and "%" not in path[max(0, at - 2) : at]:
        escaped = f"{path[:at]}%{ord(path[at]):02x}{path[at + 1 :]}"
        assert table.match(method, escaped, query, body) == found


def urls(data: bytes) -> None:
    """Where a URL is held to lead is where requests would connect to, and no secret is in it."""
    try:
        prepared = requests.Request("GET", data.decode("utf-8", "replace")).prepare()
        url = prepared.url or ""
        parts = urlparse(url)
        host, port = parts.hostname, parts.port
    except (requests.exceptions.RequestException, ValueError):
        return
    # Of any other beginning a session has no adapter.
    if not url.lower().startswith(("http://", "https://")) or not host:
        return

    target = target_of(url, _HOSTS)

    assert target.host == host.lower()
    name = f"[{host.lower()}]" if ":" in host else host.lower()
    usual = 443 if parts.scheme == "https" else 80
    assert target.origin == f"{parts.scheme}://{name}:{usual if port is None else port}"
    last = host.lower().removesuffix(".")
    assert target.verto is (last == _HOSTS[0] or last.endswith(f".{_HOSTS[0]}"))
    front, path, query = front_and_path(url)
    assert url.startswith(front + path)
    assert "#" not in path + query
