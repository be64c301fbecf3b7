"""What a request at the urllib3 edge is, in the words of the machines."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from urllib3.exceptions import InvalidHeader, LocationParseError
from urllib3.util import parse_url

from verto_resilience.outcome import IDEMPOTENT_METHODS, is_repeatable
from verto_resilience.pipeline import CallRequest, IdempotencyKeys, Pipeline, Policy
from verto_resilience.transports._header_values import plain_text
from verto_resilience.transports._insecure import insecurity
from verto_resilience.transports._target import Target, target_of
from verto_resilience.transports._urllib3_errors import Urllib3InsecureRequestError
from verto_resilience.transports._urllib3_headers import header_of, text_of
from verto_resilience.transports._urllib3_options import UNCHECKED
from verto_resilience.transports._urllib3_redirects import Hop
from verto_resilience.transports._verto_headers import (
    CORRELATION_ID,
    IDEMPOTENCY_KEY,
    headers_to_add,
    known_operation,
)


class Described(NamedTuple):
    """A request as the machines need to know it.

    Attributes:
        request: What it is.
        policy: The settings of its origin.
        added: Headers that go with every attempt: resends are the same request.
    """

    request: CallRequest
    policy: Policy
    added: Mapping[str, str]


def describe(
    pipeline: Pipeline,
    hop: Hop,
    headers: Mapping[str, Any],
    *,
    replayable: bool,
    refreshable: bool,
    verify: bool,
) -> Described:
    """Describe a request.

    Args:
        pipeline: Settings and tables.
        hop: What the caller asked for.
        headers: Its headers.
        replayable: Whether its body can be sent again byte for byte.
        refreshable: Whether there is somebody to ask for new credentials.
        verify: Whether certificates are checked.

    Raises:
        Urllib3InsecureRequestError: It would call Verto without TLS or without checking the
            certificate.
        urllib3.exceptions.InvalidHeader: Its correlation id would break the headers apart.
        urllib3.exceptions.LocationParseError: The URL is none.
    """
    upper = hop.method.upper()
    origin, host, verto = _target(hop.url, pipeline.policy.verto_hosts)
    policy = pipeline.policies.of(origin)
    try:
        correlation_id = plain_text(CORRELATION_ID, header_of(headers, CORRELATION_ID))
    except ValueError as error:
        raise InvalidHeader(str(error)) from None
    operation, added, own_key = None, dict[str, str](), None
    if verto or upper not in IDEMPOTENT_METHODS:
        own_key = text_of(headers, IDEMPOTENCY_KEY)
    if verto:
        found = insecurity(origin, host, verify=verify, policy=pipeline.policy, unchecked=UNCHECKED)
        if found is not None:
            message, problem = found
            raise Urllib3InsecureRequestError(message, problems=(problem,))
        operation = known_operation(pipeline, upper, hop.url, hop.options.get("body"))
        added = headers_to_add(operation, policy, correlation_id=correlation_id, key=own_key)
        correlation_id = added.get(CORRELATION_ID, correlation_id)
    key = added.get(IDEMPOTENCY_KEY, own_key)
    counts = bool(key) and policy.idempotency_keys is not IdempotencyKeys.OFF
    # By place: by name this call would take many times as long.
    request = CallRequest(
        hop.method,
        hop.url,
        origin,
        operation,
        is_repeatable(upper, operation, has_key=counts),
        replayable,
        verto,
        text_of(headers, "Host"),
        correlation_id if verto else None,
        key,
        verto and refreshable,
        hop.sends_before,
    )
    return Described(request, policy, added)


def _target(url: str, verto_hosts: tuple[str, ...]) -> Target:
    # Without a scheme urllib3 takes a URL for one of http.
    whole = url if "://" in url else f"http://{url.lstrip('/')}"
    try:
        return target_of(whole, verto_hosts)
    except ValueError:
        parse_url(url)
        raise LocationParseError(url) from None
