"""What is known of a request to a Verto host, and the headers of Verto's own that it gets."""

import uuid

from verto_resilience.outcome import Operation, OperationKind, Repeatable
from verto_resilience.pipeline import IdempotencyKeys, Pipeline, Policy
from verto_resilience.transports._knowing import operation_here
from verto_resilience.transports._target import front_and_path

CORRELATION_ID = "Vfx-Correlation-Id"
CALL_ID = "Vfx-Api-Call-Id"
IDEMPOTENCY_KEY = "Idempotency-Key"


def known_operation(pipeline: Pipeline, method: str, url: str, body: object) -> Operation | None:
    """Find the operation that a request is: what the caller says in this block, then the tables.

    Args:
        pipeline: Has the tables.
        method: In upper case.
        url: Whole.
        body: As it is sent; what is not in memory is not looked at.
    """
    _, path, query = front_and_path(url)
    text = body if isinstance(body, bytes | str) else None
    operation = operation_here(method, path, query, text)
    return pipeline.operations.match(method, path, query, text) if operation is None else operation


def headers_to_add(
    operation: Operation | None, policy: Policy, *, correlation_id: str | None, key: str | None
) -> dict[str, str]:
    """Give the headers that go with every attempt of a call to a Verto host.

    Args:
        operation: Which one it is, if it is known.
        policy: The settings of the origin.
        correlation_id: What the caller sends by itself, or ``None``.
        key: The caller's own ``Idempotency-Key``, or ``None``.
    """
    added: dict[str, str] = {}
    if correlation_id is None and policy.correlation_ids:
        added[CORRELATION_ID] = str(uuid.uuid4())
    if key is None and _gets_a_key(operation, policy):
        added[IDEMPOTENCY_KEY] = str(uuid.uuid4())
    return added


def _gets_a_key(operation: Operation | None, policy: Policy) -> bool:
    return (
        policy.idempotency_keys is IdempotencyKeys.AUTO
        and operation is not None
        and operation.repeatable is Repeatable.WITH_KEY
        and operation.kind is not OperationKind.READ
    )
