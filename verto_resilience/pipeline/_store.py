"""The store of a fleet: where it is, with secrets that nothing shows, and how it stands with it."""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import parse_qsl, unquote, urlsplit

SCHEMES = ("redis", "rediss", "unix")
_OPTIONS = frozenset({"db", "ssl_ca_certs", "ssl_certfile", "ssl_keyfile"})
_HOST = re.compile(r"\[[0-9A-Fa-f:.]+\]|[\w.-]+", re.ASCII)
_ENDS_A_HOST = re.compile(r"[/?#]")
_DATABASE = re.compile("[0-9]{1,9}")
ALLOWED = (
    "redis://HOST:PORT/DATABASE, rediss:// in its place for TLS, unix:///PATH for a socket, or "
    "none; options of an address are db, ssl_ca_certs, ssl_certfile and ssl_keyfile"
)
"""What may be given, in words."""


class StoreState(StrEnum):
    """How a process stands with the store of its fleet.

    ``REFUSED``: it answers, and does not do what it is asked. Unless ``CONNECTED`` the process goes
    by its own machines.
    """

    CONNECTED = "connected"
    LOST = "lost"
    REFUSED = "refused"


class StoreFault(StrEnum):
    """What is wrong with a store."""

    NO_SUCH_HOST = "no_such_host"
    NOBODY_LISTENS = "nobody_listens"
    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    LOADING = "loading"
    TOO_MANY_FILES = "too_many_files"
    NOT_REDIS = "not_redis"
    NO_TLS = "no_tls"
    TLS_ONLY = "tls_only"
    CERTIFICATE = "certificate"
    CERTIFICATE_FILE = "certificate_file"
    CREDENTIALS = "credentials"
    NOT_PERMITTED = "not_permitted"
    DATABASE = "database"
    TOO_OLD = "too_old"
    CLUSTER = "cluster"
    READ_ONLY = "read_only"
    FULL = "full"
    REFUSED = "refused"

    @property
    def passes(self) -> bool:
        """Whether it is about the way to the server, and not about what was asked for."""
        return self in _PASSING

    @property
    def sentence(self) -> str:
        """Say it in words."""
        return _SENTENCES[self]


_PASSING = frozenset(
    {
        StoreFault.NO_SUCH_HOST,
        StoreFault.NOBODY_LISTENS,
        StoreFault.UNREACHABLE,
        StoreFault.TIMEOUT,
        StoreFault.LOADING,
        StoreFault.TOO_MANY_FILES,
    }
)
_SENTENCES = {
    StoreFault.NO_SUCH_HOST: "its host is not known; correct the name, or see to name resolution",
    StoreFault.NOBODY_LISTENS: "nobody listens there; start it, or correct the address",
    StoreFault.UNREACHABLE: "it cannot be reached; look for a wrong host or port, a firewall, "
    "or a socket that this user may not open",
    StoreFault.TIMEOUT: "it does not answer in time; see whether it is overloaded, "
    "or a firewall is between",
    StoreFault.LOADING: "it is loading its data, or waiting for its master; it takes a while",
    StoreFault.TOO_MANY_FILES: "this process has too many open files; close some, "
    "or raise the limit (ulimit -n)",
    StoreFault.NOT_REDIS: "what answers there is no Redis; correct host and port",
    StoreFault.NO_TLS: "it speaks no TLS at that port; use redis://, or its port for TLS",
    StoreFault.TLS_ONLY: "it speaks TLS at that port; use rediss://",
    StoreFault.CERTIFICATE: "its certificate is not trusted; use the host that it is made out to, "
    "and name its authority by ssl_ca_certs",
    StoreFault.CERTIFICATE_FILE: "a file of certificates cannot be used; correct ssl_ca_certs, "
    "ssl_certfile or ssl_keyfile in the address",
    StoreFault.CREDENTIALS: "it refuses the credentials; correct user and password, "
    "in the address or in the variables for them",
    StoreFault.NOT_PERMITTED: "the user may not do what is needed; "
    "give it the rights that docs/fleet.md names",
    StoreFault.DATABASE: "it has no database of that number; name another, such as 0",
    StoreFault.TOO_OLD: "it is too old; use Redis 7.0 or newer, or Valkey",
    StoreFault.CLUSTER: "it is a cluster, which is not supported; use a single server",
    StoreFault.READ_ONLY: "it is a replica that cannot be written; use its primary",
    StoreFault.FULL: "it is full; make room, or raise its maxmemory",
    StoreFault.REFUSED: "it refuses what it is asked; see its own log",
}


class Secret:
    """A text that shows itself to nobody who does not ask for it by name."""

    __slots__ = ("revealed",)

    def __init__(self, text: str) -> None:
        """Keep it."""
        self.revealed = text

    def __eq__(self, other: object) -> bool:
        """Compare what is kept."""
        return isinstance(other, Secret) and other.revealed == self.revealed

    def __hash__(self) -> int:
        """Go by what is kept."""
        return hash(self.revealed)

    def __str__(self) -> str:
        """Say that there is one."""
        return "REDACTED"

    __repr__ = __str__


@dataclass(frozen=True, slots=True)
class StoreAddress:
    """The URL of a store.

    Attributes:
        url: As it was given, secrets included.
        shown: The same without them; also what ``str`` gives.
    """

    url: str = field(repr=False)
    shown: str = field(init=False)

    def __post_init__(self) -> None:
        """Work out what may be shown."""
        object.__setattr__(self, "shown", without_secrets(self.url))

    def __str__(self) -> str:
        """Show it without secrets."""
        return self.shown


def is_store_url(url: str) -> bool:
    """Say whether a text is the URL of a Redis, as far as one can tell without asking it."""
    try:
        parts = urlsplit(url)
        options = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
        _ = parts.port
    except ValueError:
        return False
    database = dict(options).get("db", "0")
    if parts.scheme not in SCHEMES or not {name for name, _ in options} <= _OPTIONS:
        return False
    if not _DATABASE.fullmatch(database) or not url.isprintable() or parts.fragment:
        return False
    if parts.scheme == "unix":
        return len(parts.path) > 1 and not parts.hostname
    path = unquote(parts.path).strip("/")
    return bool(parts.hostname) and (not path or bool(_DATABASE.fullmatch(path)))


def without_secrets(text: str) -> str:
    """Give a URL without user and password, and without what a slip may have made part of them."""
    scheme, colon, rest = text.partition("://")
    if not colon:
        # What is no URL may be a password that was put in the wrong place.
        return "REDACTED"
    # Up to the last sign: a password that was not quoted may hold any of the others.
    user, at, place = rest.rpartition("@")
    front = f"{scheme}://{'REDACTED@' if at else ''}"
    if not at and any(ord(sign) <= ord(" ") for sign in rest):
        return f"{scheme}://REDACTED"
    if is_store_url(text):
        return front + place
    # Nobody knows which part of it is which, but for a host that stands where one belongs.
    host = None if _ENDS_A_HOST.search(user) else _HOST.match(place)
    if host is None:
        return f"{scheme}://REDACTED"
    return f"{front}{host.group()}{'/REDACTED' if host.group() != place else ''}"
