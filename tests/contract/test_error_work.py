"""An error that takes long to unpack, for it unpacks to little: an answer all the same."""

import gzip
import random

import pytest

from tests.contract.edges import Edge, RequestsEdge, Urllib3Edge
from tests.contract.seen import failures
from tests.end_to_end.httpx_edge.test_tasks import theirs
from tests.end_to_end.sessions import quick
from tests.end_to_end.wire import Say, Then, Wire, answer

pytestmark = pytest.mark.end_to_end

TAKEN = 2**22
"""Bytes of an error's body that are unpacked."""
GZIP = "Content-Encoding: gzip\r\n"
NOTHING = gzip.compress(b"")


@theirs
def test_error_that_unpacks_to_nothing_without_end_is_an_answer(edge: Edge) -> None:
    """Members that are empty go on until enough was taken, and not until the deadline."""
    head = f"HTTP/1.1 400 Said\r\nTransfer-Encoding: chunked\r\n{GZIP}\r\n".encode()
    chunk = b"%x\r\n%b\r\n" % (len(NOTHING) * 3_000, NOTHING * 3_000)
    with Wire(Say(head, Then.CLOSE, over=chunk)) as wire:
        sender = edge.client(quick())

        came = sender.send("GET", wire.url)

        assert (came.status, came.body) == (400, b"")
        assert failures(came) == [None]
        wire.forget()
        assert sender.send("GET", f"{wire.url}/after").body == b"fine"
        sender.close()


def test_error_that_is_long_as_it_comes_is_unpacked_as_far_as_a_text_goes(edge: Edge) -> None:
    """What no text packs to is given up to there, whatever it would unpack to."""
    whole = random.Random(0).randbytes(TAKEN + 1_000_000)
    with Wire(answer(gzip.compress(whole, 0), status=400, head=GZIP)) as wire:
        sender = edge.client(quick())

        came = sender.send("GET", wire.url)

        assert came.status == 400
        assert TAKEN - 1000 < len(came.body) < TAKEN
        assert whole.startswith(came.body)
        wire.forget()
        assert sender.send("GET", f"{wire.url}/after").body == b"fine"
        sender.close()


@pytest.mark.parametrize("reader", [RequestsEdge(), Urllib3Edge()], ids=lambda edge: edge.name)
def test_what_is_not_unpacked_is_not_waited_for(reader: Edge) -> None:
    """What reads and unpacks in one stops with the one where it stops with the other."""
    head = f"HTTP/1.1 400 Said\r\nContent-Length: 9999999\r\n{GZIP}\r\n".encode()
    with Wire(Say(head + NOTHING * 215_000, Then.STALL)) as wire:
        sender = reader.client(quick())

        came = sender.send("GET", wire.url, timeout=4.0)

        assert (came.status, came.body) == (400, b"")
        assert failures(came) == [None]
        sender.close()


def test_error_in_two_wrappings_is_unpacked_no_further_than_an_honest_one_goes(edge: Edge) -> None:
    """Sixteen kilobytes hold six megabytes of wrapping: a small part of it is looked at."""
    last = b"the end"
    packed = gzip.compress(NOTHING * 300_000 + gzip.compress(last))
    head = "Content-Encoding: gzip, gzip\r\n"
    assert len(packed) < 2**14
    with Wire(answer(packed, status=400, head=head)) as wire:
        sender = edge.client(quick())

        came = sender.send("GET", wire.url)

        assert (came.status, came.body) == (400, b"")
        sender.close()


@pytest.mark.parametrize(("number", "coding"), [(1, "gzip"), (20, "gzip, gzip"), (200_000, "gzip")])
def test_error_of_an_honest_server_is_whole(edge: Edge, number: int, coding: str) -> None:
    """Megabytes of text come as they were packed, and their connection goes on."""
    whole = b"".join(b'{"code": 2, "message": "no payment %d"},' % n for n in range(number))
    packed = whole
    for _ in coding.split(","):
        packed = gzip.compress(packed)
    head = f"Content-Encoding: {coding}\r\n"
    with Wire(answer(packed, status=400, head=head), answer()) as wire:
        sender = edge.client(quick())

        came = sender.send("GET", wire.url)

        assert (came.status, came.body) == (400, whole)
        assert came.bearer.headers["Content-Encoding"] == coding
        assert sender.send("GET", wire.url).body == b"fine"
        assert wire.connections == 1
        sender.close()
