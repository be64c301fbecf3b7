"""What lies at the bottom of an exception, in words, without what may be secret.

The text of an exception of requests holds the URL, and that may hold a token. What the operating
system and the TLS library say of a connection does not.
"""

import socket
import ssl
from collections.abc import Iterator

from urllib3.exceptions import TimeoutError as UrllibTimeoutError

_MOST = 20


def cause_of(error: BaseException) -> str | None:
    """Say what went wrong with the connection; ``None`` where nobody says."""
    parts = list(_chain(error))
    for part in parts:
        match part:
            case ssl.SSLCertVerificationError(verify_message=str(why)):
                return f"the certificate is refused: {why}"
            case ssl.SSLError(reason=str(why)):
                return f"no TLS: {why.lower().replace('_', ' ')}"
            case socket.gaierror() if part.strerror:
                return f"the name cannot be resolved: {part.strerror}"
            case OSError() if part.strerror:
                return part.strerror
            case _:
                continue
    # Last, for urllib3 counts as timeouts what the system knows better.
    if any(isinstance(part, UrllibTimeoutError | TimeoutError) for part in parts):
        return "timed out"
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Give an exception and those that it was made of, each once."""
    waiting, seen = [error], set[int]()
    while waiting and len(seen) < _MOST:
        part = waiting.pop(0)
        if id(part) in seen:
            continue
        seen.add(id(part))
        yield part
        within = (*part.args, getattr(part, "reason", None), part.__cause__, part.__context__)
        waiting += [other for other in within if isinstance(other, BaseException)]
