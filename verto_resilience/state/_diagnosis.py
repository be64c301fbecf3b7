"""What listens at an address with which no link could be made: asked once, for a person."""

import socket
import ssl
from contextlib import suppress
from urllib.parse import urlsplit

from verto_resilience.pipeline import StoreAddress, StoreFault

_PORT = 6379
_ANSWERS_OF_REDIS = frozenset({b"+", b"-"})
_ALERT_OF_TLS = b"\x15"
_MAY_HIDE_MORE = frozenset({StoreFault.TIMEOUT, StoreFault.UNREACHABLE, StoreFault.NOT_REDIS})


def diagnosed(address: StoreAddress, fault: StoreFault, *, timeout: float) -> StoreFault:
    """Find out whether TLS, or something that is no Redis, is behind a fault; else give it back.

    A Redis without TLS waits for the end of a greeting in TLS, one with TLS hangs up on any other,
    and a web server waits for more: a link sees no more of it than silence.

    Args:
        address: Where. Nothing secret is sent there.
        fault: What the link has found.
        timeout: Seconds that each question may take.
    """
    parts = urlsplit(address.url)
    if fault not in _MAY_HIDE_MORE or parts.scheme == "unix" or parts.hostname is None:
        return fault
    where = (parts.hostname, parts.port or _PORT)
    with suppress(OSError):
        answer = _answer_in_plain(where, timeout)
        if answer in _ANSWERS_OF_REDIS:
            return StoreFault.NO_TLS if parts.scheme == "rediss" else fault
        if answer and answer != _ALERT_OF_TLS:
            return StoreFault.NOT_REDIS
        if parts.scheme == "redis" and (answer or _speaks_tls(where, timeout)):
            return StoreFault.TLS_ONLY
    return fault


def _answer_in_plain(where: tuple[str, int], timeout: float) -> bytes:
    """Give the first byte of what is answered; none when it hangs up or is silent."""
    with socket.create_connection(where, timeout) as asking, suppress(OSError):
        # A Redis takes it for a command, and an empty one.
        asking.sendall(b"PING\r\n\r\n")
        return asking.recv(1)
    return b""


def _speaks_tls(where: tuple[str, int], timeout: float) -> bool:
    # Nothing is said to it, so it does not matter who it is.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with socket.create_connection(where, timeout) as asking:
        try:
            with context.wrap_socket(asking):
                return True
        except OSError:
            return False
