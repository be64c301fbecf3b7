import gzip
import io
import time
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from typing import Self

import httpx
import pytest

from tests.end_to_end.httpx_edge.conftest import Call, Clients
from tests.end_to_end.httpx_edge.looks import STREAM, WHOLE, busy, circuit
from tests.end_to_end.sessions import failures, report
from tests.end_to_end.wire import (
    SHORT_BODY,
    TRUNCATED_CHUNKS,
    Say,
    Then,
    Wirer,
    answer,
)
from verto_resilience import Category, Failure
from verto_resilience.pipeline import End
from verto_resilience.transports._httpx_bodies import BODY_LIMIT

pytestmark = pytest.mark.end_to_end

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
EVENT = b"data: one\n\n"


def chunk(data: bytes) -> bytes:
    """Put one chunk on the wire."""
    return b"%x\r\n%b\r\n" % (len(data), data)


@pytest.mark.parametrize("fault", [SHORT_BODY, TRUNCATED_CHUNKS], ids=["length", "chunks"])
def test_a_small_body_is_a_part_of_its_attempt_whoever_reads_it(
    client: Clients, wired: Wirer, fault: Say
) -> None:
    """A transport is not told of ``stream()``: without a word the body is read and checked."""
    wire = wired(fault, answer(b"whole"))

    with client().stream("GET", wire.url) as response:
        body = b"".join(response.iter_raw())

    assert body == b"whole"
    assert failures(response) == [Failure.BODY, None]


def test_a_body_of_known_length_over_the_limit_is_left_to_the_client(
    client: Clients, wired: Wirer
) -> None:
    """Its call returns at the headers; a fault is told to the circuit, and not resent."""
    wire = wired(SHORT_BODY)
    sender = client(body_limit=99)

    with pytest.raises(httpx.RemoteProtocolError) as broken:
        sender.get(wire.url)

    assert len(wire.heard) == 1
    assert circuit(sender, wire.url).last_failure == Failure.BODY
    assert circuit(sender, wire.url).failures == 1
    assert broken.value.request.url == wire.url
    assert busy(sender) == 0


def test_a_body_of_unknown_length_is_read_up_to_the_limit(client: Clients, wired: Wirer) -> None:
    """What is over the limit is still on the wire when the call returns, and comes whole."""
    long = chunk(b"a" * 70_000)
    wire = wired(Say(CHUNKED + b"\r\n" + long, Then.KEEP, over=chunk(b"b" * 10), every=0.05))
    sender = client(body_limit=1000)

    with sender.stream("GET", wire.url) as response:
        pieces = response.iter_bytes()
        body = b"".join(next(pieces) for _ in range(4))

    assert body.startswith(b"a" * 1000)
    assert busy(sender) == 0


def test_a_fault_beyond_the_limit_is_not_resent(client: Clients, wired: Wirer) -> None:
    """It is the caller's to see, and the circuit's to count."""
    wire = wired(Say(CHUNKED + b"\r\n" + chunk(b"a" * 2000), Then.CLOSE))
    sender = client(body_limit=1000)

    with pytest.raises(httpx.RemoteProtocolError):
        sender.get(wire.url)

    assert len(wire.heard) == 1
    assert circuit(sender, wire.url).failures == 1


def test_events_are_handed_over_as_they_come(client: Clients, wired: Wirer) -> None:
    """A type that is made to be streamed is never read ahead."""
    head = CHUNKED + b"Content-Type: text/event-stream; charset=utf-8\r\n\r\n"
    wire = wired(Say(head + chunk(EVENT), Then.STALL))
    began = time.monotonic()

    with client().stream("GET", wire.url, timeout=4.0) as response:
        first = next(response.iter_bytes())

    assert first == EVENT
    assert time.monotonic() - began < 2.0


SLOW_JSON = Say(
    CHUNKED + b"Content-Type: application/json\r\n\r\n" + chunk(b"{}\n"),
    over=chunk(b"{}\n"),
    every=0.2,
)


def test_events_of_an_ordinary_type_have_to_be_asked_for(client: Clients, wired: Wirer) -> None:
    """Without a length they look like a body that drips, and end with the call's time."""
    times = dict.fromkeys(("call_timeout", "connect_timeout", "read_timeout"), 0.6)

    with pytest.raises(httpx.ReadTimeout):
        client(**times).get(wired(SLOW_JSON).url)


def test_events_that_were_asked_for_are_handed_over_as_they_come(
    client: Clients, wired: Wirer
) -> None:
    """Whoever says that it streams gets each piece, also beyond the time of the call."""
    times = dict.fromkeys(("call_timeout", "connect_timeout", "read_timeout"), 0.6)
    wire = wired(SLOW_JSON)

    with client(**times).stream("GET", wire.url, timeout=4.0, extensions=STREAM) as response:
        pieces = response.iter_lines()
        lines = [next(pieces) for _ in range(6)]

    assert lines == ["{}"] * 6
    assert failures(response) == [None]
    assert len(wire.heard) == 1


def test_a_request_may_ask_for_all_of_it(client: Clients, wired: Wirer) -> None:
    """With ``verto_stream`` false the whole body is part of the attempt, whatever its length."""
    wire = wired(SHORT_BODY, answer(b"whole"))

    response = client(body_limit=0).get(wire.url, extensions=WHOLE)

    assert (response.content, failures(response)) == (b"whole", [Failure.BODY, None])


def test_a_limit_of_none_reads_all(client: Clients, wired: Wirer) -> None:
    """A client that never streams says so once."""
    wire = wired(SHORT_BODY, answer(b"whole"))

    assert client(body_limit=None).get(wire.url).content == b"whole"


def test_what_is_streamed_is_not_kept(client: Clients, wired: Wirer) -> None:
    """A long body passes through with no more in memory than the limit and a piece of it."""
    size = 16 * BODY_LIMIT
    data = CHUNKED + b"\r\n" + chunk(bytes(65_536)) * (size // 65_536) + b"0\r\n\r\n"
    wire = wired(Say(data))
    tracemalloc.start()
    got = 0

    with client().stream("GET", wire.url) as response:
        for piece in response.iter_bytes():
            got += len(piece)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert got == size
    assert peak < 3 * BODY_LIMIT


@pytest.mark.parametrize("status", [200, 400])
def test_a_body_that_cannot_be_decoded_is_no_failed_attempt(
    client: Clients, wired: Wirer, status: int
) -> None:
    """It came whole: whoever decodes it raises, and nothing is sent again for that."""
    head = "Content-Encoding: gzip\r\nContent-Type: application/json\r\n"
    wire = wired(answer(b"no gzip", status=status, head=head))
    sender = client()

    with pytest.raises(httpx.DecodingError):
        sender.get(wire.url)

    assert len(wire.heard) == 1
    assert circuit(sender, wire.url).failures == 0


def test_what_is_streamed_need_not_be_decodable(client: Clients, wired: Wirer) -> None:
    """A client that takes the bytes as they are gets them, from an attempt that did not fail."""
    wire = wired(answer(b"no gzip", head="Content-Encoding: gzip\r\n"))

    with client().stream("POST", wire.url, content=b"x") as response:
        body = b"".join(response.iter_raw())

    assert body == b"no gzip"
    assert failures(response) == [None]


def test_a_denied_success_is_read_through_its_encoding(call: Call, wired: Wirer) -> None:
    """A small compressed answer that says it failed is a failure of the API."""
    head = "Content-Encoding: gzip\r\nContent-Type: application/json\r\n"
    wire = wired(answer(gzip.compress(b'{"success": false}'), head=head))

    response = call("GET", wire.url)

    assert report(response).attempts[0].outcome.category is Category.API_FAILURE


def test_an_error_is_read_through_its_encoding(client: Clients, wired: Wirer) -> None:
    """The code of a compressed error body goes with the outcome."""
    head = "Content-Encoding: gzip\r\nContent-Type: application/json\r\n"
    wire = wired(answer(gzip.compress(b'{"code": 2}'), status=400, head=head))

    response = client().get(wire.url)

    error = report(response).attempts[0].outcome.api_error
    assert error is not None
    assert error.code == 2
    assert response.json() == {"code": 2}


def test_a_response_is_all_that_it_is_without_us(client: Clients, wired: Wirer) -> None:
    """It tells its time and size, and its connection is used again."""
    wire = wired(answer(b"one"), answer(b"two"))
    sender = client()

    first, second = sender.get(wire.url), sender.get(wire.url)

    assert (first.text, second.text) == ("one", "two")
    assert first.elapsed.total_seconds() > 0.0
    assert first.num_bytes_downloaded == 3
    assert wire.connections == 1


def test_a_refused_stream_frees_its_connection_before_the_resend(
    client: Clients, wired: Wirer
) -> None:
    """A pool of one connection has room for the resend of a call whose body was not read."""
    wire = wired(answer(b"x" * 100, status=503), answer(b"fine"))
    one = httpx.HTTPTransport(limits=httpx.Limits(max_connections=1))

    with client(inner=one).stream("GET", wire.url, timeout=1.0, extensions=STREAM) as response:
        assert response.read() == b"fine"

    assert wire.connections == 1


def test_a_long_answer_that_is_not_returned_is_cut_off(client: Clients, wired: Wirer) -> None:
    """It is read up to the bound for that, and its connection is given up."""
    wire = wired(answer(b"x" * 500_000, status=503), answer(b"fine"))

    with client(drain_limit=1000).stream("GET", wire.url, extensions=STREAM) as response:
        assert response.read() == b"fine"

    assert wire.connections == 2


def test_what_is_not_read_can_be_closed(client: Clients, wired: Wirer) -> None:
    """A stream that its caller leaves unread gives its connection back."""
    wire = wired(answer(b"x" * 100), answer(b"y" * 100))
    sender = client()

    with sender.stream("GET", wire.url, extensions=STREAM):
        pass
    with sender.stream("GET", wire.url):
        pass

    assert busy(sender) == 0


def test_the_rest_of_a_body_comes_as_it_comes(client: Clients, wired: Wirer) -> None:
    """What was begun within the deadline of the call goes on with the caller's timeout."""
    wire = wired(Say(CHUNKED + b"\r\n" + chunk(b"a" * 100), over=chunk(b"b"), every=0.8))
    times = dict.fromkeys(("call_timeout", "connect_timeout", "read_timeout"), 0.4)

    with client(body_limit=10, **times).stream("GET", wire.url, timeout=4.0) as response:
        pieces = response.iter_raw()

        assert [next(pieces)[:1], next(pieces)] == [b"a", b"b"]


class Dripping(httpx.SyncByteStream):
    """A body of somebody's own transport that comes a byte at a time, for five seconds."""

    def __iter__(self) -> Iterator[bytes]:
        """Give it slowly."""
        for _ in range(100):
            time.sleep(0.05)
            yield b"x"


def test_a_foreign_body_that_drips_ends_at_the_deadline(client: Clients) -> None:
    """What no socket keeps in time is looked at between its pieces."""
    inner = httpx.MockTransport(lambda request: httpx.Response(200, stream=Dripping()))
    times = dict.fromkeys(("call_timeout", "connect_timeout", "read_timeout"), 0.4)
    began = time.monotonic()

    with pytest.raises(httpx.ReadTimeout):
        client(inner=inner, **times).get("https://api.far.invalid/")

    assert time.monotonic() - began < 3.0


def test_a_foreign_stream_is_read_with_the_callers_timeout(client: Clients) -> None:
    """It was shortened for the attempt, and is what it was once the body is the caller's."""
    sent: list[httpx.Request] = []

    def note(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        assert request.extensions["timeout"]["read"] <= 0.4
        return httpx.Response(200, stream=Dripping())

    times = dict.fromkeys(("call_timeout", "connect_timeout", "read_timeout"), 0.4)
    sender = client(inner=httpx.MockTransport(note), **times)

    with sender.stream("GET", "https://api.far.invalid/", timeout=3.0, extensions=STREAM):
        assert sent[0].extensions["timeout"]["read"] == 3.0


class ReadOnce(io.BytesIO):
    """A file that can be rewound until it was read to its end."""

    was_read = False

    def read(self, size: int | None = -1) -> bytes:
        """Note that nothing is left."""
        data = super().read(size)
        self.was_read = not data
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        """Refuse from then on."""
        if self.was_read:
            raise OSError("no")
        return super().seek(offset, whence)


def test_a_body_that_will_not_rewind_after_all_is_not_resent(client: Clients, wired: Wirer) -> None:
    """It would arrive empty; the report says why it was not sent."""
    wire = wired(answer(status=503))

    response = client().put(wire.url, content=ReadOnce(b"x" * 100))

    assert report(response).end is End.BODY_NOT_REPLAYABLE
    assert len(wire.heard) == 1


class Interrupting(httpx.SyncByteStream):
    """A body in the midst of which somebody presses a key, and that notes that it is closed."""

    closed = False

    def __iter__(self) -> Self:
        """Give itself."""
        return self

    def __next__(self) -> bytes:
        """Give nothing."""
        raise KeyboardInterrupt

    def close(self) -> None:
        """Take note."""
        self.closed = True


def test_an_interrupt_in_a_body_closes_it(client: Clients) -> None:
    """What was taken for the call is given back, as in tasks that are cancelled."""
    body = Interrupting()
    sender = client(inner=httpx.MockTransport(lambda request: httpx.Response(200, stream=body)))

    with pytest.raises(KeyboardInterrupt):
        sender.get("https://api.far.invalid/")

    assert body.closed
    assert circuit(sender, "https://api.far.invalid/").in_flight == 0


REFUSED = b'{"code": 1, "message": "token expired"}'


def test_a_401_is_returned_with_its_body(client: Clients, wired: Wirer) -> None:
    """Where the hook has nothing new, what was left to the client is still there to be read."""
    wire = wired(answer(REFUSED, status=401))
    sender = client(refresh=lambda refused: None, verto_hosts=("127.0.0.1",))

    with sender.stream("GET", wire.url, extensions=STREAM) as response:
        body = response.read()

    assert (response.status_code, body) == (401, REFUSED)
    assert busy(sender) == 0


@pytest.mark.parametrize("fault", [2**22, SHORT_BODY], ids=["long", "short"])
def test_a_401_of_which_not_all_was_kept_is_not_taken_for_whole(
    client: Clients, wired: Wirer, fault: int | Say
) -> None:
    """Its connection is given up before the hook is asked; who reads to its end is told."""
    whole = fault if isinstance(fault, Say) else answer(b"x" * fault)
    wire = wired(replace(whole, data=whole.data.replace(b" 200 ", b" 401 ")))
    sender = client(refresh=lambda refused: None, verto_hosts=("127.0.0.1",))

    with (
        sender.stream("GET", wire.url, extensions=STREAM) as response,
        pytest.raises(httpx.ReadError, match="credentials"),
    ):
        response.read()

    assert response.status_code == 401
    assert busy(sender) == 0
