"""A request at the requests edge: what it is, and a copy of it with other headers."""

from collections.abc import Iterable, Mapping
from typing import Any

from requests.models import PreparedRequest

from verto_resilience.outcome import IDEMPOTENT_METHODS, is_repeatable
from verto_resilience.pipeline import CallRequest, IdempotencyKeys, Pipeline, Policy
from verto_resilience.transports._header_store import copy_of, value_of
from verto_resilience.transports._header_values import header_text
from verto_resilience.transports._insecure import refuse_insecure
from verto_resilience.transports._sends import sends_before
from verto_resilience.transports._target import target_of
from verto_resilience.transports._verto_headers import (
    CORRELATION_ID,
    IDEMPOTENCY_KEY,
    headers_to_add,
    known_operation,
)


def describe(
    pipeline: Pipeline,
    prepared: PreparedRequest,
    *,
    replayable: bool,
    refreshable: bool,
    verify: Any,
) -> tuple[CallRequest, Policy, dict[str, str]]:
    """Read from a request what the machines need to know.

    Args:
        pipeline: Settings and tables.
        prepared: As requests made it; not changed.
        replayable: Whether its body can be sent again byte for byte.
        refreshable: Whether there is somebody to ask for new credentials.
        verify: How certificates are checked, as ``send`` is told.

    Returns:
        What it is, the settings of its origin, and the headers that are added to it.

    Raises:
        InsecureRequestError: It would call Verto without TLS or without checking the certificate.
        requests.exceptions.InvalidHeader: Its correlation id or idempotency key would break the
            headers apart.
    """
    url, general = prepared.url or "", pipeline.policy
    method = prepared.method or ""
    upper = method.upper()
    target = target_of(url, general.verto_hosts)
    origin, verto = target.origin, target.verto
    policy = pipeline.policies.of(origin)
    operation = None
    added: dict[str, str] = {}
    correlation_id = header_text(prepared, CORRELATION_ID)
    own_key = None
    if verto or upper not in IDEMPOTENT_METHODS:
        # Only where it decides: to look for a header that is not there costs a microsecond.
        own_key = header_text(prepared, IDEMPOTENCY_KEY)
    if verto:
        refuse_insecure(origin, target.host, verify=verify, policy=general, request=prepared)
        operation = known_operation(pipeline, upper, url, prepared.body)
        added = headers_to_add(operation, policy, correlation_id=correlation_id, key=own_key)
        correlation_id = added.get(CORRELATION_ID, correlation_id)
    key = added.get(IDEMPOTENCY_KEY, own_key)
    counts = bool(key) and policy.idempotency_keys is not IdempotencyKeys.OFF
    # By place: by name this call would take twice as long.
    request = CallRequest(
        method,
        url,
        origin,
        operation,
        is_repeatable(upper, operation, has_key=counts),
        replayable,
        verto,
        as_text(value_of(prepared.headers, "Host")),
        correlation_id if verto else None,
        key,
        verto and refreshable,
        sends_before(prepared),
    )
    return request, policy, added


def with_headers(
    prepared: PreparedRequest, headers: Mapping[str, str], *, without: Iterable[str] = ()
) -> PreparedRequest:
    """Give a copy that shares all but its headers."""
    copy = type(prepared).__new__(type(prepared))
    copy.__dict__.update(prepared.__dict__)
    copy.headers = copied = copy_of(prepared.headers)
    for name in without:
        del copied[name]
    for name, value in headers.items():
        copied[name] = value
    return copy


def as_text(value: str | bytes | None) -> str | None:
    """Give a header's value as text: every byte has a character (RFC 9110 section 5.5)."""
    return value.decode("latin-1") if isinstance(value, bytes) else value
