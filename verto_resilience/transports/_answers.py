"""What an answer says: how it is classified, and what identifies it."""

from collections.abc import Mapping
from typing import Any

from verto_resilience.outcome import (
    Outcome,
    classify_response,
    may_deny_success,
    read_api_error,
    told_to_wait,
)
from verto_resilience.pipeline import Pipeline, Policy, Received
from verto_resilience.transports._header_store import value_of
from verto_resilience.transports._identifiers import identifier_from
from verto_resilience.transports._request_secrets import Sent, secrets_of, without_secrets
from verto_resilience.transports._verto_headers import CALL_ID, CORRELATION_ID

_FIRST_ERROR = 400
_VERSIONS = {10: "1.0", 11: "1.1", 20: "2"}


def outcome_of_answer(
    pipeline: Pipeline,
    policy: Policy,
    status: int,
    headers: Mapping[str, str],
    body: bytes | None,
    *,
    sent: Sent,
) -> Outcome:
    """Classify an answer.

    Args:
        pipeline: Has the catalogue and the clock.
        policy: The settings of the origin.
        status: The HTTP status.
        headers: Looked up without regard to case.
        body: ``None`` when it is left to the caller to read.
        sent: The request, whose credentials the server may quote.
    """
    error = None
    if body is not None and (status >= _FIRST_ERROR or may_deny_success(body)):
        error = read_api_error(
            body,
            headers.get("Content-Type"),
            code_keys=policy.code_keys,
            limit=policy.error_body_limit,
        )
        if error is not None and error.message is not None:
            # Here, for it goes into events and reports, and they go anywhere.
            error = without_secrets(error, secrets_of(sent))
    told = told_to_wait(headers, pipeline.clock.wall()) if status >= _FIRST_ERROR else None
    return classify_response(pipeline.catalogue, status, retry_after=told, api_error=error)


def peer_of(raw: object) -> tuple[str, int] | None:
    """Give the other end of the socket, while an answer of urllib3 still has one."""
    sock: Any = getattr(getattr(raw, "connection", None), "sock", None)
    if sock is None:
        return None
    try:
        address = sock.getpeername()
    except OSError:
        return None
    return (address[0], address[1]) if isinstance(address, tuple) else None


def version_of(raw: object) -> str | None:
    """Give the version of HTTP, of an answer that has it as a number as http.client does."""
    return _VERSIONS.get(getattr(raw, "version", 0))


def details_of(
    headers: Mapping[str, str],
    version: str | None,
    peer: tuple[str, int] | None,
    sent: Sent,
    *,
    own_id: str | None,
) -> Received:
    """Say what identifies an answer.

    Args:
        headers: Looked up without regard to case.
        version: Of HTTP, such as ``1.1``; ``None`` when it is not known.
        peer: The other end.
        sent: The request, whose credentials the server may quote.
        own_id: The correlation id that was sent.
    """
    said = value_of(headers, CORRELATION_ID)
    if said is not None and said != own_id:
        said = identifier_from(said, sent)
    return Received(
        protocol_version=version,
        peer=peer,
        call_id=identifier_from(value_of(headers, CALL_ID), sent),
        correlation_id=said,
    )
