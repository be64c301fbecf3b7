"""An error whose body is long, or never ends, or packs a bomb: an answer all the same."""

import gzip
import random
import zlib
from collections.abc import Callable

import pytest

from tests.contract.edges import Client, Edge
from tests.contract.seen import failures
from tests.end_to_end.faults import UNPACKS_IN_PIECES, bomb, endless
from tests.end_to_end.httpx_edge.test_tasks import theirs
from tests.end_to_end.sessions import PATIENT, quick
from tests.end_to_end.test_wire_faults import nothing_left
from tests.end_to_end.wire import Say, Then, Wire, answer
from verto_resilience import Failure, report

pytestmark = pytest.mark.end_to_end

KEPT = 2**24
"""Bytes of an error's body that are kept, unpacked."""
MEMORY = 80_000_000
"""What calls and the server may hold for it: two bodies for a moment, each while put together."""


def twice_packed(status: int) -> Say:
    """Make a bomb of a few hundred bytes, in two wrappings."""
    packed = bomb(status, 20).data.partition(b"\r\n\r\n")[2]
    head = "Content-Encoding: gzip, gzip\r\n"
    return answer(gzip.compress(packed), status=status, head=head)


def deflated(status: int) -> Say:
    """Make a bomb by the other coding."""
    head = "Content-Encoding: deflate\r\n"
    return answer(zlib.compress(bytes(20 * 2**20)), status=status, head=head)


def long(status: int) -> Say:
    """Make an error of which everything was announced."""
    return answer(b"x" * (KEPT + 1), status=status, then=Then.CLOSE)


in_pieces = pytest.mark.skipif(
    not UNPACKS_IN_PIECES, reason="urllib3 below 2.6 unpacks at one go what it has read"
)
TOO_LONG = [
    pytest.param(bomb, marks=in_pieces, id="bomb"),
    pytest.param(twice_packed, marks=in_pieces, id="twice_packed"),
    pytest.param(deflated, marks=in_pieces, id="deflated"),
    pytest.param(endless, id="endless"),
    pytest.param(long, id="long"),
]


@theirs
@pytest.mark.parametrize("make", TOO_LONG)
def test_error_of_any_length_comes_back_with_its_beginning(
    caplog: pytest.LogCaptureFixture, edge: Edge, make: Callable[[int], Say]
) -> None:
    """The status and 16 MiB of it, resends included; the pool is usable and nothing is left."""
    with nothing_left(caplog, MEMORY), Wire(*[make(503)] * 2) as wire:
        sender: Client = edge.client(quick(**PATIENT, max_attempts=2))

        came = sender.send("GET", wire.url)

        seen = report(came.bearer)
        assert (came.status, len(came.body)) == (503, KEPT)
        assert seen is not None
        assert [attempt.outcome.status for attempt in seen.attempts] == [503, 503]
        wire.forget()
        assert sender.send("GET", f"{wire.url}/after").body == b"fine"
        sender.close()
        del came, seen, sender


def test_long_error_within_the_bound_is_whole(edge: Edge) -> None:
    """Ten megabytes of it are read as a part of the attempt, and the connection goes on."""
    body = b"x" * 10_000_000
    with Wire(answer(body, status=400), answer()) as wire:
        sender = edge.client(quick())

        came = sender.send("GET", wire.url)

        assert came.body == body
        assert sender.send("GET", wire.url).body == b"fine"
        assert wire.connections == 1
        sender.close()


@pytest.mark.parametrize("wrappings", [2, 3])
def test_error_that_is_packed_too_often_comes_back_packed(edge: Edge, wrappings: int) -> None:
    """A few kilobytes in three wrappings may take hours to unpack, whatever is within."""
    body = random.Random(0).randbytes(20_000) if wrappings == 2 else b"fine"
    head = f"Content-Encoding: {', '.join(['gzip'] * wrappings)}\r\n"
    with Wire(answer(body, status=400, head=head), answer()) as wire:
        sender = edge.client(quick())

        came = sender.send("GET", wire.url)

        assert (came.status, came.body) == (400, body)
        assert "Content-Encoding" not in came.bearer.headers
        assert sender.send("GET", wire.url).body == b"fine"
        assert wire.connections == 1
        sender.close()


@theirs
def test_long_error_that_breaks_off_is_a_failed_attempt(edge: Edge) -> None:
    """An error without a length is read as a part of its attempt, as any other body."""
    broken = Say(
        b"HTTP/1.1 503 Said\r\nTransfer-Encoding: chunked\r\n\r\n200000\r\n" + b"x" * 2**21,
        Then.CLOSE,
    )
    with Wire(broken, answer()) as wire:
        sender = edge.client(quick())

        came = sender.send("GET", wire.url)

        assert came.body == b"fine"
        assert failures(came) == [Failure.BODY, None]
        sender.close()


@in_pieces
def test_success_of_any_length_is_whole(caplog: pytest.LogCaptureFixture, edge: Edge) -> None:
    """The bound is for errors alone: a success that unpacks to more is what was asked for."""
    with nothing_left(caplog, 2 * MEMORY), Wire(bomb(200, 20)) as wire:
        sender = edge.client(quick())

        assert len(sender.send("GET", wire.url).body) == 20 * 2**20
        sender.close()
        del sender
