"""Whom a request is for, by name and port."""

from typing import NamedTuple

_DEFAULT_PORTS = {"http": 80, "https": 443}


class Server(NamedTuple):
    """``server.address`` and ``server.port``; the port is there on default ports too."""

    address: str
    port: int


def server_of(origin: str, host: str | None) -> Server:
    """Say whom a request is for.

    Args:
        origin: Scheme, host and port, such as ``https://api.example.com:443``.
        host: The ``Host`` header when the caller set one; it goes before the origin.
    """
    scheme, _, netloc = origin.rpartition("://")
    default = _DEFAULT_PORTS.get(scheme, 443)
    return _split(host or netloc, default)


def _split(netloc: str, default: int) -> Server:
    if netloc.startswith("["):
        address, _, rest = netloc[1:].partition("]")
        port = rest.removeprefix(":")
    else:
        address, _, port = netloc.partition(":")
    # More than five digits are no port, and int() of very many is slow.
    is_port = port.isascii() and port.isdigit() and len(port) <= len("65535")
    return Server(address, int(port) if is_port else default)
