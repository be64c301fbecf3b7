"""A plugin for the suites of others: nothing leaves this machine.

Names of other machines do not resolve. Their addresses swallow what is sent there, as a network
does that drops it: an attempt to connect takes its whole timeout. Both runs of a suite get it.
"""

import ipaddress
import socket
import time
from typing import Any

_LOCAL_NAMES = frozenset({"", "localhost", "localhost.localdomain"})
_FOR_EVER = 30.0
_INTERNET = frozenset({socket.AF_INET, socket.AF_INET6})

_getaddrinfo = socket.getaddrinfo
_connect = socket.socket.connect


def pytest_configure() -> None:
    """Close the way out."""
    socket.getaddrinfo = _resolve
    socket.socket.connect = _reach  # type: ignore[method-assign,assignment]


def _resolve(host: Any, *args: Any, **kwargs: Any) -> Any:
    if not is_here(host) and _address(host) is None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    return _getaddrinfo(host, *args, **kwargs)


def _reach(sock: socket.socket, address: Any) -> None:
    if sock.family in _INTERNET and not is_here(address[0]):
        timeout = sock.gettimeout()
        time.sleep(_FOR_EVER if timeout is None else timeout)
        raise TimeoutError("timed out")
    _connect(sock, address)


def is_here(host: Any) -> bool:
    """Say whether a name or an address is of this machine; ``None`` is what a server listens on."""
    if host is None:
        return True
    name = _text(host).lower()
    if name in _LOCAL_NAMES or name.endswith(".localhost"):
        return True
    address = _address(host)
    return address is not None and (address.is_loopback or address.is_unspecified)


def _address(host: Any) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(_text(host).partition("%")[0])
    except ValueError:
        return None


def _text(host: Any) -> str:
    return host.decode("latin-1") if isinstance(host, bytes) else str(host)
