"""What a caller tells ``urlopen`` of retries, time and certificates, as one attempt needs it."""

import ssl
from functools import lru_cache
from typing import Any

from urllib3.util import Retry, Timeout
from urllib3.util.ssl_ import resolve_cert_reqs

from verto_resilience.transports._insecure import Unchecked

UNCHECKED = Unchecked(
    "cert_reqs, ssl_context or assert_hostname",
    "Leave them as they are, or give ca_certs the path of the CA bundle to trust",
)


def retries_of(given: Any, default: Any) -> Retry:
    """Give the ``Retry`` that a pool would go by, redirects being the manager's affair.

    Args:
        given: What the caller passed, or ``None``.
        default: What the pool manager was made with, or ``None``.
    """
    return Retry.from_int(given, redirect=False, default=default)


def without_resends(retries: Retry) -> Retry:
    """Make what resends nothing, and raises errors in the form that ``retries`` would."""
    if retries is Retry.DEFAULT:
        return _NO_RESENDS
    # Not retries.new(): a class of the caller's own may count in its own way.
    return Retry(
        0 if retries.total is not False else False,
        connect=_off(retries.connect),
        read=_off(retries.read),
        other=_off(retries.other),
        redirect=0,
        status=0,
        allowed_methods=retries.allowed_methods or None,
        history=retries.history,
    )


_NO_RESENDS = Retry(0, redirect=0)


def _off(count: Any) -> Any:
    return False if count is False else None


def timeout_of(given: Any) -> Any:
    """Turn what an attempt may take into what a pool can be given."""
    return _pair(*given) if isinstance(given, tuple) else given


@lru_cache(maxsize=64)
def _pair(connect: float | None, read: float | None) -> Timeout:
    # A pool makes a copy of it each time.
    return Timeout(connect=connect, read=read)


def verifies(settings: dict[str, Any]) -> bool:
    """Say whether a pool manager with these settings checks whom it is talking to."""
    if settings.get("assert_fingerprint"):
        return True
    if settings.get("assert_hostname") is False:
        return False
    context = settings.get("ssl_context")
    required = settings.get("cert_reqs")
    if required is None and context is not None:
        return bool(context.verify_mode != ssl.CERT_NONE)
    return bool(resolve_cert_reqs(required) != ssl.CERT_NONE)
