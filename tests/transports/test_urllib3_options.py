import ssl
from typing import Any

import pytest
import urllib3.exceptions as uex
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.util import Retry, Timeout

from verto_resilience.transports._urllib3_options import (
    retries_of,
    timeout_of,
    verifies,
    without_resends,
)

POOL = HTTPConnectionPool("127.0.0.1", 1)
ERRORS: list[Exception] = [
    uex.NewConnectionError(HTTPConnection("127.0.0.1", 1), "refused"),
    uex.ReadTimeoutError(POOL, "/", "slow"),
    uex.ProtocolError("Connection aborted."),
    uex.SSLError("bad"),
]
GIVEN = {
    "default": Retry.DEFAULT,
    "many": Retry(10, status_forcelist=[503]),
    "without_total": Retry(None, connect=3, read=3, redirect=3, status=3, other=3),
    "disabled": Retry(False),
    "read_false": Retry(5, read=False),
    "connect_false": Retry(5, connect=False),
    "any_method": Retry(5, allowed_methods=None),
    "get_alone": Retry(5, allowed_methods=["GET"]),
}


def _spent(retries: Retry, method: str, error: Exception) -> type[Exception]:
    """Give what is raised once nothing is left."""
    for _ in range(30):
        try:
            retries = retries.increment(method, "/", error=error, _pool=POOL)
        except uex.HTTPError as raised:
            return type(raised)
    raise AssertionError


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("given", GIVEN.values(), ids=GIVEN)
def test_nothing_is_resent_and_errors_keep_their_form(
    given: Retry, method: str, error: Exception
) -> None:
    """The first error is raised, in the form that the caller's own would raise the last one."""
    off = without_resends(given)

    with pytest.raises(uex.HTTPError) as raised:
        off.increment(method, "/", error=error, _pool=POOL)

    assert type(raised.value) is _spent(given, method, error)


@pytest.mark.parametrize("status", [413, 429, 500, 503])
@pytest.mark.parametrize("given", GIVEN.values(), ids=GIVEN)
def test_no_status_is_resent(given: Retry, status: int) -> None:
    """Neither by a list of statuses nor for a ``Retry-After``."""
    assert not without_resends(given).is_retry("GET", status, has_retry_after=True)


def test_a_class_of_the_callers_own_counts_no_more() -> None:
    """One that overrides how it counts is not what goes along with an attempt."""

    class Endless(Retry):
        def increment(self, *args: Any, **kw: Any) -> "Endless":
            return self

    assert type(without_resends(Endless(5))) is Retry


@pytest.mark.parametrize(
    ("given", "default", "total"),
    [(None, None, 3), (None, Retry(7), 7), (5, Retry(7), 5), (False, None, False), (0, None, 0)],
)
def test_what_holds_is_what_a_pool_would_go_by(
    given: Any, default: Retry | None, total: int
) -> None:
    """The call's own first, then the manager's, then urllib3's default."""
    assert retries_of(given, default).total == total


@pytest.mark.parametrize(
    ("given", "expected"), [((1.0, 2.0), (1.0, 2.0)), ((None, 2.0), (None, 2.0))]
)
def test_a_pair_becomes_a_timeout(given: Any, expected: Any) -> None:
    """Connect and read seconds, in the form that a pool takes."""
    timeout = timeout_of(given)

    assert isinstance(timeout, Timeout)
    assert (timeout.connect_timeout, timeout.read_timeout) == expected


@pytest.mark.parametrize("given", [None, 3, 2.5, Timeout(total=1)])
def test_other_timeouts_are_left_as_they_are(given: Any) -> None:
    """A pool takes them as they are."""
    assert timeout_of(given) is given


def _context(mode: ssl.VerifyMode) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = mode
    return context


@pytest.mark.parametrize(
    ("settings", "checked"),
    [
        ({}, True),
        ({"cert_reqs": "CERT_REQUIRED"}, True),
        ({"cert_reqs": ssl.CERT_OPTIONAL}, True),
        ({"cert_reqs": "CERT_NONE"}, False),
        ({"cert_reqs": "NONE"}, False),
        ({"cert_reqs": ssl.CERT_NONE}, False),
        ({"ssl_context": _context(ssl.CERT_NONE)}, False),
        ({"ssl_context": _context(ssl.CERT_REQUIRED)}, True),
        ({"ssl_context": _context(ssl.CERT_NONE), "cert_reqs": "CERT_REQUIRED"}, True),
        ({"assert_hostname": False}, False),
        ({"assert_hostname": "another.example.com"}, True),
        ({"cert_reqs": "CERT_NONE", "assert_fingerprint": "aa:bb"}, True),
    ],
)
def test_it_is_known_whether_certificates_are_checked(
    settings: dict[str, Any], checked: bool
) -> None:
    """As urllib3 reads its settings: what is required goes before what the context says."""
    assert verifies(settings) is checked
