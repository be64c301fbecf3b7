import socket
import ssl
from typing import Any

import pytest
import requests
from urllib3.exceptions import (
    ConnectTimeoutError,
    MaxRetryError,
    NewConnectionError,
    ProtocolError,
    ReadTimeoutError,
)

from verto_resilience.cli._cause import cause_of

SECRET = "canary-4f7b1c9e2d"
NOBODY: Any = None


def _raised(error: Exception, by: BaseException) -> Exception:
    """Give an error as it is after ``raise error from by``."""
    error.__cause__ = by
    return error


def _verification() -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, f"[SSL] {SECRET} (_ssl.c:1)")
    error.verify_message = "certificate has expired"
    return error


def _handshake() -> ssl.SSLError:
    error = ssl.SSLError(1, f"[SSL: WRONG_VERSION_NUMBER] {SECRET}")
    error.reason = "WRONG_VERSION_NUMBER"
    return error


REFUSED = ConnectionRefusedError(111, "Connection refused")


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (REFUSED, "Connection refused"),
        (
            requests.ConnectionError(
                MaxRetryError(
                    NOBODY, f"/?{SECRET}", _raised(NewConnectionError(NOBODY, SECRET), REFUSED)
                )
            ),
            "Connection refused",
        ),
        (
            _raised(requests.ConnectionError(SECRET), socket.gaierror(-2, "Name not known")),
            "the name cannot be resolved: Name not known",
        ),
        (
            requests.exceptions.SSLError(_verification()),
            "the certificate is refused: certificate has expired",
        ),
        (requests.exceptions.SSLError(_handshake()), "no TLS: wrong version number"),
        (
            requests.ConnectionError(ProtocolError(SECRET, ConnectionResetError(104, "Reset"))),
            "Reset",
        ),
        (requests.ConnectTimeout(ConnectTimeoutError(NOBODY, SECRET)), "timed out"),
        (requests.ReadTimeout(ReadTimeoutError(NOBODY, SECRET, SECRET)), "timed out"),
        (requests.ReadTimeout(TimeoutError("timed out")), "timed out"),
        (requests.ConnectionError(SECRET), None),
        (ValueError(SECRET), None),
        (OSError(SECRET), None),
        (ssl.SSLError(SECRET), None),
        (ssl.SSLCertVerificationError(SECRET), None),
    ],
)  # fmt: skip
def test_what_the_system_says_is_told(error: Exception, cause: str | None) -> None:
    """The word of the operating system or the TLS library, and never that of an exception."""
    assert cause_of(error) == cause


def test_what_was_being_handled_counts_too() -> None:
    """An exception may be raised while another is handled."""
    error = requests.ConnectionError()
    error.__context__ = REFUSED

    assert cause_of(error) == "Connection refused"


def test_a_circle_of_exceptions_ends() -> None:
    """Exceptions that refer to each other are looked at once."""
    one, other = requests.ConnectionError(), requests.ConnectionError()
    one.__context__, other.__context__ = other, one

    assert cause_of(one) is None


def test_a_long_chain_is_looked_at_in_part() -> None:
    """What a thousand handlers wrapped is not worth the search."""
    error: BaseException = REFUSED
    for _ in range(1000):
        error = _raised(requests.ConnectionError(), error)

    assert cause_of(error) is None
