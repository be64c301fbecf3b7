"""Refuses to call Verto without TLS, or without checking whom it is talking to."""

import ipaddress
from functools import lru_cache
from typing import NamedTuple

import requests.exceptions
from requests.models import PreparedRequest

from verto_resilience.errors import ConfigurationError
from verto_resilience.pipeline import Policy
from verto_resilience.transports._pickled import PickledLight


class InsecureRequestError(PickledLight, ConfigurationError, requests.exceptions.RequestException):
    """The request was not sent: it would have gone out in the clear, or to anybody.

    Also a :class:`requests.exceptions.RequestException`.
    """

    __module__ = "verto_resilience.transports"

    def __init__(
        self,
        message: str = "",
        *,
        problems: tuple[str, ...] = (),
        request: PreparedRequest | None = None,
    ) -> None:
        """Keep the facts; all but the message have defaults, so that the error pickles."""
        super().__init__(message, problems=problems)
        # ValueError stands before RequestException, and asks nobody further.
        self.request = request
        self.response = None


def refuse_insecure(
    origin: str,
    host: str,
    *,
    verify: object,
    policy: Policy,
    request: PreparedRequest | None = None,
) -> None:
    """Let only those requests to a Verto host pass that nobody else can read or answer.

    Verto's word is TLS 1.2 or newer, and never to go on past a certificate that is not valid
    (docs.verto.co/docs/authentication).

    Args:
        origin: Scheme, host and port.
        host: In lower case.
        verify: As the adapter is given it; what is false switches the check off.
        policy: Its ``insecure_hosts`` are let pass, and so are loopback addresses.
        request: Goes with the error, as with all of requests.

    Raises:
        InsecureRequestError: Nothing is sent; the message names the remedy.
    """
    found = insecurity(origin, host, verify=verify, policy=policy)
    if found is not None:
        message, problem = found
        raise InsecureRequestError(message, problems=(problem,), request=request)


class Unchecked(NamedTuple):
    """How certificates are left unchecked with one host library.

    Attributes:
        by: What was given.
        remedy: What to do instead.
    """

    by: str
    remedy: str


_BY_VERIFY = Unchecked(
    "verify=False", "Leave verify as it is, or give it the path of the CA bundle to trust"
)


def insecurity(
    origin: str, host: str, *, verify: object, policy: Policy, unchecked: Unchecked = _BY_VERIFY
) -> tuple[str, str] | None:
    """Say what :func:`refuse_insecure` raises: message and problem; ``None`` when it lets pass."""
    in_the_clear = origin.startswith("http://")
    if (verify and not in_the_clear) or is_loopback(host):
        return None
    if any(host == name.lower() for name in policy.insecure_hosts):
        return None
    if in_the_clear:
        fault, remedy = "over http://, readable by anybody", "Use https://"
    else:
        fault = f"without checking its certificate ({unchecked.by})"
        remedy = unchecked.remedy
    problem = f"{origin} would be called {fault}"
    message = (
        f"not sent: {problem}. {remedy}. For a host of your own that stands in for Verto, name it "
        f"in the policy's insecure_hosts (VERTO_RESILIENCE_INSECURE_HOSTS={host})"
    )
    return message, problem


@lru_cache(maxsize=1024)
def is_loopback(host: str) -> bool:
    """Say whether a host is this machine: nothing sent to it leaves it."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
