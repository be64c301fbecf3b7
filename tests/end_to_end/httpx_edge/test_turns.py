"""Bodies that are in memory already: the loop turns while they are unpacked."""

import gzip
import random
from typing import Any

import anyio
import pytest
from anyio.lowlevel import checkpoint

from tests.end_to_end.faults import UNPACKS_IN_PIECES
from tests.end_to_end.httpx_edge.conftest import Run, TaskClients
from tests.end_to_end.wire import Wirer, answer

pytestmark = pytest.mark.end_to_end

MIXED = random.Random(0).randbytes(100_000) + bytes(8_000_000)
RANDOM = random.Random(0).randbytes(900_000)


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    # A step of unpacking gives 16 kB (urllib3 below 2.6: takes so much); a piece, as it comes from
    # the wire, is 64 kB at the most.
    [(400, MIXED, 400 if UNPACKS_IN_PIECES else 7), (200, RANDOM, 10)],
    ids=["error", "success"],
)
def test_others_have_their_turn_while_a_body_is_unpacked(
    *,
    task_client: TaskClients,
    wired: Wirer,
    run: Run,
    status: int,
    body: bytes,
    expected: int,
) -> None:
    """What came from the wire is counted, and handed over, piece by piece."""
    head = "Content-Encoding: gzip\r\n"
    wire = wired(answer(gzip.compress(body), status=status, head=head))
    turns = turns_before = 0

    async def turn() -> None:
        nonlocal turns
        while True:
            await checkpoint()
            turns += 1

    async def note(name: str, _: dict[str, Any]) -> None:
        nonlocal turns_before
        if name == "http11.receive_response_body.complete":
            turns_before = turns

    async def main() -> None:
        async with task_client() as sender, anyio.create_task_group() as group:
            group.start_soon(turn)
            response = await sender.get(wire.url, extensions={"trace": note})
            group.cancel_scope.cancel()
        assert response.content == body

    run(main)

    assert turns_before > 0
    assert turns - turns_before >= expected
