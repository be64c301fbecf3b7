import gzip
import io
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter

import verto_resilience
from tests.end_to_end.sessions import PATIENT, Mounter, balance, circuit, quick, report
from tests.end_to_end.wire import (
    BROKEN_CHUNK,
    RESET_IN_BODY,
    SHORT_BODY,
    STALLED_BODY,
    TRUNCATED_CHUNKS,
    Say,
    Wirer,
    answer,
)
from verto_resilience import CircuitOpenError, Failure, Health
from verto_resilience.pipeline import End
from verto_resilience.testing import Fault, Reply, Sandbox

pytestmark = pytest.mark.end_to_end

TIMEOUT = 0.25
BREAKS = {
    "truncated_chunks": (TRUNCATED_CHUNKS, Failure.BODY),
    "broken_chunk": (BROKEN_CHUNK, Failure.BODY),
    "short_content_length": (SHORT_BODY, Failure.BODY),
    "reset_in_body": (RESET_IN_BODY, Failure.RESET),
    "stalled_body": (STALLED_BODY, Failure.READ_TIMEOUT),
}
broken = pytest.mark.parametrize(("fault", "failure"), BREAKS.values(), ids=BREAKS)
BIG = b"b" * 1_000_000
PAYLOAD = bytes(range(256)) * 40


@broken
def test_broken_body_is_a_failed_attempt_and_resent(
    mounted: Mounter, wired: Wirer, fault: Say, failure: Failure
) -> None:
    """A GET whose body breaks off is sent again, and the caller sees the whole body only."""
    wire = wired(fault, answer(b"whole"))
    session = mounted()

    response = session.get(wire.url, timeout=TIMEOUT)

    first = report(response).attempts[0].outcome
    assert response.content == b"whole"
    assert (first.failure, first.health) == (failure, Health.BAD)
    assert len(wire.heard) == 2
    assert circuit(session, wire.url).failures == 1


@broken
def test_broken_body_of_a_write_is_not_resent(
    mounted: Mounter, wired: Wirer, fault: Say, failure: Failure
) -> None:
    """A POST whose answer breaks off may have been executed: sent once, and told as unknown."""
    wire = wired(fault)

    with pytest.raises(requests.exceptions.RequestException) as failed:
        mounted().post(wire.url, json={}, timeout=TIMEOUT)

    assert len(wire.heard) == 1
    assert report(failed.value).ambiguous


@broken
def test_broken_bodies_open_the_circuit(
    mounted: Mounter, wired: Wirer, fault: Say, failure: Failure
) -> None:
    """Five bodies that break off open the circuit: headers alone are no success."""
    wire = wired(*[fault] * 5)
    session = mounted(max_attempts=1)
    for _ in range(5):
        with pytest.raises(requests.exceptions.RequestException):
            session.get(wire.url, timeout=TIMEOUT)

    with pytest.raises(CircuitOpenError) as refused:
        session.get(wire.url)

    assert refused.value.last_failure == failure


READERS: dict[str, Callable[[requests.Response], object]] = {
    "content": lambda response: response.content,
    "iter_content": lambda response: list(response.iter_content(4)),
    "iter_lines": lambda response: list(response.iter_lines()),
    "raw_read": lambda response: response.raw.read(),
    "raw_stream": lambda response: list(response.raw.stream(4)),
}


@broken
@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_streamed_body_that_breaks_is_told_to_the_circuit(
    *,
    mounted: Mounter,
    plain: requests.Session,
    wired: Wirer,
    fault: Say,
    failure: Failure,
    read: Callable[[requests.Response], object],
) -> None:
    """With ``stream=True`` a late failure counts once, and the caller sees what plain gives."""
    wire = wired(fault, fault)
    session = mounted()
    caught = []
    for one in (plain, session):
        response = one.get(wire.url, stream=True, timeout=TIMEOUT)
        with pytest.raises(Exception) as failed:  # noqa: PT011 - compared below
            read(response)
        caught.append((type(failed.value), _text(failed.value)))

    assert caught[0] == caught[1]
    assert len(wire.heard) == 2
    stands = circuit(session, wire.url)
    assert (stands.calls, stands.failures, stands.last_failure) == (1, 1, failure)


def _text(error: BaseException) -> str:
    return str(error).partition(" at 0x")[0]


def test_streamed_bodies_that_break_open_the_circuit(mounted: Mounter, wired: Wirer) -> None:
    """Five bodies in a row that break in the caller's hands open the circuit."""
    wire = wired(*[SHORT_BODY] * 5)
    session = mounted()
    for _ in range(5):
        response = session.get(wire.url, stream=True)
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            _ = response.content

    with pytest.raises(CircuitOpenError):
        session.get(wire.url)


def test_probe_whose_body_breaks_late_opens_the_circuit_again(
    mounted: Mounter, wired: Wirer
) -> None:
    """At half-open a streamed answer that breaks is a bad probe."""
    wire = wired(*[answer(status=503)] * 5, SHORT_BODY)
    session = mounted(max_attempts=1)
    for _ in range(5):
        session.get(wire.url)
    _sleep_until_half_open(session, wire.url)
    response = session.get(wire.url, stream=True)

    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        _ = response.content

    assert circuit(session, wire.url).state == "open"


def _sleep_until_half_open(session: requests.Session, url: str) -> None:
    time.sleep(circuit(session, url).open_for + 0.01)


def test_streamed_body_read_to_its_end_is_a_success(mounted: Mounter, wired: Wirer) -> None:
    """A streamed answer that holds is one good call, whole and readable once."""
    wire = wired(answer(b"whole"))
    session = mounted()

    response = session.get(wire.url, stream=True)

    assert b"".join(response.iter_content(2)) == b"whole"
    stands = circuit(session, wire.url)
    assert (stands.calls, stands.failures) == (1, 0)


def test_streamed_answer_comes_at_the_headers(mounted: Mounter, wired: Wirer) -> None:
    """With ``stream=True`` the call returns before the body has come."""
    wire = wired(STALLED_BODY)

    response = mounted().get(wire.url, stream=True)

    assert response.status_code == 200
    assert response.raw.read(4) == b"only"
    response.close()


class Ticket(io.BytesIO):
    """A seekable stream that is no file."""


def at_offset(_: Path) -> Any:
    """Give a stream that has been read from already."""
    stream = Ticket(b"skipped" + PAYLOAD)
    stream.seek(len(b"skipped"))
    return stream


def open_file(folder: Path) -> Any:
    """Give an open file."""
    path = folder / "payload"
    path.write_bytes(PAYLOAD)
    return path.open("rb")


def read_ahead(folder: Path) -> Any:
    """Give an open file whose first bytes were read already."""
    path = folder / "payload"
    path.write_bytes(b"skipped" + PAYLOAD)
    file = path.open("rb")
    file.read(len(b"skipped"))
    return file


@pytest.mark.parametrize(
    "make", [lambda _: PAYLOAD, open_file, at_offset, read_ahead], ids=lambda make: make.__name__
)
@pytest.mark.parametrize("first", [503, 429, Reply.ok(fault=Fault.RESET)], ids=str)
def test_body_that_can_be_rewound_is_resent_byte_for_byte(
    verto: Sandbox,
    mounted: Mounter,
    tmp_path: Path,
    make: Callable[[Path], Any],
    first: int | Reply,
) -> None:
    """Bytes, files and seekable streams arrive alike each time, from where they stood."""
    verto.script("/status/200", [first, first])
    body = make(tmp_path)

    response = mounted(**PATIENT).put(f"{verto.url}/status/200", data=body)

    assert response.status_code == 200
    assert [arrival.body for arrival in verto.log] == [PAYLOAD] * 3
    assert len({arrival.headers["Content-Length"] for arrival in verto.log}) == 1
    if hasattr(body, "close"):
        body.close()


def test_text_body_is_resent_byte_for_byte(verto: Sandbox, mounted: Mounter) -> None:
    """Text with letters beyond ASCII arrives alike each time."""
    verto.script("/status/200", [503])

    mounted().put(f"{verto.url}/status/200", data="añ€")

    assert [arrival.body for arrival in verto.log] == ["añ€".encode()] * 2


def test_multipart_body_is_resent_byte_for_byte(
    verto: Sandbox, mounted: Mounter, tmp_path: Path
) -> None:
    """A form with a file arrives alike each time, boundary included."""
    verto.script("/status/200", [503])
    with open_file(tmp_path) as file:
        mounted().put(f"{verto.url}/status/200", data={"a": "1"}, files={"f": file})

    first, second = verto.log
    assert first.body == second.body
    assert PAYLOAD in first.body
    assert first.headers["Content-Type"] == second.headers["Content-Type"]


def pieces() -> Iterator[bytes]:
    """Give a body that can be had once."""
    yield b"once "
    yield b"only"


def pipe() -> Any:
    """Give a file that cannot be rewound."""
    reader, writer = os.pipe()
    os.write(writer, b"once only")
    os.close(writer)
    return os.fdopen(reader, "rb")


@pytest.mark.parametrize("make", [pieces, pipe])
@pytest.mark.parametrize("status", [503, 429])
def test_body_that_cannot_be_rewound_is_never_resent(
    verto: Sandbox, mounted: Mounter, make: Callable[[], Any], status: int
) -> None:
    """A generator or a pipe is sent once, whole; the answer it got comes back with the reason."""
    verto.script("/status/200", [status])
    body = make()

    response = mounted().put(f"{verto.url}/status/200", data=body)

    assert [arrival.body for arrival in verto.log] == [b"once only"]
    assert response.status_code == status
    assert report(response).end is End.BODY_NOT_REPLAYABLE
    if hasattr(body, "close"):
        body.close()


def test_note_says_that_a_body_cannot_be_rewound(mounted: Mounter, wired: Wirer) -> None:
    """An exception for a call with a generator says why it was not resent."""
    wire = wired(SHORT_BODY)

    with pytest.raises(requests.exceptions.ChunkedEncodingError) as failed:
        mounted().put(wire.url, data=pieces())

    assert [heard.body for heard in wire.heard] == [b"once only"]
    assert "its body cannot be rewound" in failed.value.__notes__[0]


def test_stream_whose_seek_fails_is_never_sent_empty(verto: Sandbox, mounted: Mounter) -> None:
    """A body that promises to rewind and then cannot is not sent again in a wrong form."""

    class Stubborn(io.BytesIO):
        """Refuses to move once it was read."""

        spent = False

        def read(self, size: int | None = -1) -> bytes:
            """Read, and be spent."""
            self.spent = True
            return super().read(size)

        def seek(self, offset: int, whence: int = 0) -> int:
            """Go anywhere while nothing was read."""
            if self.spent:
                raise OSError("gone")
            return super().seek(offset, whence)

    verto.script("/status/200", [503])

    response = mounted().put(f"{verto.url}/status/200", data=Stubborn(b"once only"), timeout=2)

    assert response.status_code == 503
    assert report(response).end is End.BODY_NOT_REPLAYABLE
    assert [arrival.body for arrival in verto.log] == [b"once only"]


@pytest.mark.parametrize("stream", [False, True])
def test_refused_answers_leave_the_connection_usable(
    verto: Sandbox, mounted: Mounter, stream: bool
) -> None:
    """Thirty calls with a 503 in each go over one connection: every refused answer is drained."""
    verto.script("/x", [503, Reply(200, json={"n": 1})], repeat=True)
    session = mounted(**PATIENT)

    for _ in range(30):
        response = session.get(f"{verto.url}/x", stream=stream)
        assert response.json() == {"n": 1}

    assert verto.arrived == 60
    assert {arrival.connection for arrival in verto.log} == {1}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("body", [b"small", BIG], ids=["small", "big"])
def test_pool_of_one_connection_never_runs_dry(
    verto: Sandbox, plain: requests.Session, stream: bool, body: bytes
) -> None:
    """With one connection that is waited for, resends find it free, however long the answer."""
    plain.mount("http://", HTTPAdapter(pool_maxsize=1, pool_block=True))
    verto_resilience.mount(plain, policy=quick(**PATIENT))
    verto.script("/x", [Reply(503, body=body), Reply(200, body=b"good")], repeat=True)

    answers = [plain.get(f"{verto.url}/x", stream=stream).content for _ in range(10)]

    assert answers == [b"good"] * 10
    assert verto.arrived == 20


@broken
def test_pool_is_usable_after_broken_bodies(
    plain: requests.Session, wired: Wirer, fault: Say, failure: Failure
) -> None:
    """A connection that broke is replaced, never kept and never lost to the pool."""
    wire = wired(fault, answer(b"one"), fault, answer(b"two"))
    plain.mount("http://", HTTPAdapter(pool_maxsize=1, pool_block=True))
    verto_resilience.mount(plain, policy=quick())

    answers = [plain.get(wire.url, timeout=TIMEOUT).content for _ in range(3)]

    assert answers == [b"one", b"two", b"fine"]
    assert wire.connections == 3
    assert wire.still_open <= 1


@pytest.mark.parametrize("body", [b"small", BIG], ids=["small", "big"])
@pytest.mark.parametrize("max_attempts", [1, 2])
def test_kept_answer_can_still_be_streamed(
    verto: Sandbox, mounted: Mounter, body: bytes, max_attempts: int
) -> None:
    """The 503 that is returned at last with ``stream=True`` has its body yet to be read."""
    verto.script("/x", [Reply(503, body=body)], repeat=True)

    response = mounted(max_attempts=max_attempts).get(f"{verto.url}/x", stream=True)

    assert response.status_code == 503
    assert b"".join(response.iter_content(8192)) == body
    assert verto.arrived == max_attempts


@pytest.mark.parametrize("body", [b"small", BIG], ids=["small", "big"])
@pytest.mark.parametrize("coding", ["identity", "gzip"])
def test_answer_kept_over_a_wait_can_still_be_streamed(
    verto: Sandbox, mounted: Mounter, body: bytes, coding: str
) -> None:
    """A call that is ended while it waits returns the answer it had set aside, body and all."""
    sent = gzip.compress(body, 0) if coding == "gzip" else body
    held = Reply(503, body=sent, retry_after=30, headers={"Content-Encoding": coding})
    verto.script("/x", [held])
    session = mounted()
    ender = threading.Timer(0.3, session.adapters["http://"].close)
    ender.start()

    response = session.get(f"{verto.url}/x", stream=True)
    ender.join()

    assert report(response).end is End.INTERRUPTED
    assert response.content == body


def test_answer_that_is_kept_is_never_read_from_the_next(verto: Sandbox, mounted: Mounter) -> None:
    """Cookies, headers and body of the returned answer are its own, with ``stream=True`` too."""
    verto.script(
        "/x",
        [
            Reply(503, json={"n": 1}, headers={"Set-Cookie": "n=1", "X-N": "1"}),
            Reply(200, json={"n": 2}, headers={"X-N": "2"}),
        ],
    )
    session = mounted()

    response = session.get(f"{verto.url}/x", stream=True)

    assert (response.json(), response.headers["X-N"]) == ({"n": 2}, "2")
    assert session.cookies.get_dict() == {}


def test_failed_body_draws_on_the_budget(mounted: Mounter, wired: Wirer) -> None:
    """A resend for a broken body takes a token like any other."""
    wire = wired(SHORT_BODY)
    session = mounted(budget_trickle=0, budget_deposit=0)

    session.get(wire.url)

    assert balance(session, wire.url) == 9.0
