"""What an exception of redis-py, or of the system below it, means."""

import errno
import socket
import ssl
from collections.abc import Iterator

from verto_resilience.pipeline import StoreFault

_MOST = 10
_OUT_OF_FILES = frozenset({errno.EMFILE, errno.ENFILE})
_OF_FILES = frozenset({"X509", "PEM"})


def fault_of(error: Exception, *, over_tls: bool = False) -> StoreFault:
    """Say what is wrong.

    Args:
        error: What was raised.
        over_tls: Whether certificates belong to it: a file that is not there is one of theirs, and
            no socket.
    """
    import redis.exceptions as given

    for part in _chain(error):
        fault = _of_system(part, over_tls=over_tls)
        if fault is not None:
            return fault
    by_class: tuple[tuple[type[Exception] | tuple[type[Exception], ...], StoreFault], ...] = (
        ((given.AuthenticationError, given.AuthorizationError), StoreFault.CREDENTIALS),
        (given.NoPermissionError, StoreFault.NOT_PERMITTED),
        (given.OutOfMemoryError, StoreFault.FULL),
        (given.ReadOnlyError, StoreFault.READ_ONLY),
        (given.BusyLoadingError, StoreFault.LOADING),
        (given.InvalidResponse, StoreFault.NOT_REDIS),
        (given.MovedError, StoreFault.CLUSTER),
        ((given.TimeoutError, TimeoutError), StoreFault.TIMEOUT),
    )
    for kinds, fault in by_class:
        if isinstance(error, kinds):
            return fault
    text = str(error)
    for beginning, fault in _BY_TEXT:
        if beginning in text:
            return fault
    if isinstance(error, given.ResponseError):
        return StoreFault.REFUSED
    return StoreFault.UNREACHABLE


def is_out_of_files(error: BaseException) -> bool:
    """Say whether this process may open no more."""
    return isinstance(error, OSError) and error.errno in _OUT_OF_FILES


def is_missing(error: Exception) -> bool:
    """Say whether the server has not kept a script, or was restarted."""
    from redis.exceptions import NoScriptError

    return isinstance(error, NoScriptError)


def _of_system(error: BaseException, *, over_tls: bool) -> StoreFault | None:
    if is_out_of_files(error):
        return StoreFault.TOO_MANY_FILES
    match error:
        case socket.gaierror():
            return StoreFault.NO_SUCH_HOST
        case UnicodeError() if "idna" in str(error):
            return StoreFault.NO_SUCH_HOST
        case ConnectionRefusedError():
            return StoreFault.NOBODY_LISTENS
        case ssl.SSLError() if error.library in _OF_FILES or "PEM lib" in str(error):
            return StoreFault.CERTIFICATE_FILE
        case FileNotFoundError() | PermissionError() | IsADirectoryError() if over_tls:
            return StoreFault.CERTIFICATE_FILE
        case FileNotFoundError():
            return StoreFault.NOBODY_LISTENS
        case _:
            return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Give an exception and what led to it: redis-py makes texts of what the system knows."""
    part: BaseException | None = error
    for _ in range(_MOST):
        if part is None:
            return
        yield part
        part = part.__cause__ or part.__context__


_BY_TEXT = (
    ("NOAUTH", StoreFault.CREDENTIALS),
    ("WRONGPASS", StoreFault.CREDENTIALS),
    ("DB index", StoreFault.DATABASE),
    ("Invalid Database", StoreFault.DATABASE),
    ("NOPERM", StoreFault.NOT_PERMITTED),
    ("The user executing the script", StoreFault.NOT_PERMITTED),
    ("MASTERDOWN", StoreFault.LOADING),
    ("OOM ", StoreFault.FULL),
    ("READONLY", StoreFault.READ_ONLY),
    ("Protocol Error", StoreFault.NOT_REDIS),
    ("CERTIFICATE_VERIFY_FAILED", StoreFault.CERTIFICATE),
    ("certificate verify failed", StoreFault.CERTIFICATE),
    ("WRONG_VERSION_NUMBER", StoreFault.NO_TLS),
    ("unknown command", StoreFault.TOO_OLD),
)
BROKEN = frozenset(
    {
        StoreFault.CREDENTIALS,
        StoreFault.UNREACHABLE,
        StoreFault.NO_SUCH_HOST,
        StoreFault.NOBODY_LISTENS,
        StoreFault.TIMEOUT,
        StoreFault.NOT_REDIS,
        StoreFault.NO_TLS,
        StoreFault.TLS_ONLY,
        StoreFault.CERTIFICATE,
        StoreFault.CERTIFICATE_FILE,
        StoreFault.LOADING,
        StoreFault.TOO_MANY_FILES,
    }
)
"""After these a connection is of no more use."""
