import io
import os
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import urllib3

from verto_resilience.transports._bodies import Replay

IN_MEMORY = {
    "nothing": None,
    "bytes": b"body",
    "text": "body",
    "bytearray": bytearray(b"body"),
    "memoryview": memoryview(b"body"),
    "empty": b"",
    "list": [b"a", b"b"],
    "tuple": (b"a", b"b"),
}


def _generator() -> Iterator[bytes]:
    yield b"body"


class Unseekable(io.RawIOBase):
    """Knows where it stands and cannot go back, as a response or a pipe that counts."""

    def tell(self) -> int:
        """Say where it stands."""
        return 0

    def readable(self) -> bool:
        """Can be read."""
        return True


class Stranger:
    """Behaves as it is told to."""

    def __init__(self, **behaviour: Any) -> None:
        """Take what its methods do."""
        self.__dict__.update(behaviour)

    def __iter__(self) -> Iterator[bytes]:
        """Be a body."""
        yield b"body"


def _fails(*args: object) -> int:
    raise RuntimeError("no")


ONE_WAY: dict[str, Any] = {
    "generator": _generator(),
    "iterator": iter([b"body"]),
    "no tell": Stranger(seek=lambda at: at),
    "no seek": Stranger(tell=lambda: 0),
    "tell fails": Stranger(seek=lambda at: at, tell=_fails),
    "tell says nothing": Stranger(seek=lambda at: at, tell=lambda: None),
    "tell says words": Stranger(seek=lambda at: at, tell=lambda: "start"),
    "seek is no method": Stranger(seek=True, tell=lambda: 0),
    "says it is not seekable": Stranger(seek=lambda at: at, tell=lambda: 0, seekable=lambda: False),
    "counts but cannot go back": Unseekable(),
}


@pytest.mark.parametrize("body", IN_MEMORY.values(), ids=IN_MEMORY)
def test_what_is_in_memory_can_be_sent_again(body: Any) -> None:
    """Bodies that are no streams are there the second time as well."""
    replay = Replay(body)

    assert replay.possible
    assert replay.rewind()


@pytest.mark.parametrize("body", ONE_WAY.values(), ids=ONE_WAY)
def test_what_cannot_go_back_is_sent_once(body: Any) -> None:
    """A body of which a second send would be empty, or half, is never sent again."""
    assert not Replay(body).possible


@pytest.mark.parametrize("start", [0, 1, 4])
def test_a_stream_is_rewound_to_where_it_stood(start: int) -> None:
    """A stream that was read from is sent from there both times."""
    body = io.BytesIO(b"body")
    body.seek(start)
    replay = Replay(body)
    first = body.read()

    went = replay.rewind()

    assert replay.possible
    assert went
    assert body.read() == first


def test_it_is_rewound_as_often_as_need_be() -> None:
    """Every send has the same bytes."""
    body = io.BytesIO(b"body")
    replay = Replay(body)
    sends = []

    for _ in range(3):
        sends.append(body.read())
        replay.rewind()

    assert sends == [b"body"] * 3


@pytest.mark.parametrize("mode", ["rb", "r"])
def test_a_file_can_be_sent_again(tmp_path: Path, mode: str) -> None:
    """Files are rewound, opened as bytes or as text."""
    path = tmp_path / "body"
    path.write_bytes(b"0123456789")

    with path.open(mode) as body:
        body.read(3)
        replay = Replay(body)
        first = body.read()
        replay.rewind()
        second = body.read()

    assert replay.possible
    assert first == second
    assert len(first) == 7


def test_a_spooled_file_can_be_sent_again() -> None:
    """A temporary file that is still in memory is rewound too."""
    with tempfile.SpooledTemporaryFile() as body:
        body.write(b"body")
        body.seek(0)
        replay = Replay(body)
        body.read()

        replay.rewind()

        assert replay.possible
        assert body.read() == b"body"


def test_a_pipe_is_sent_once() -> None:
    """The reading end of a pipe cannot go back."""
    reading, writing = os.pipe()
    os.close(writing)

    with os.fdopen(reading, "rb") as body:
        possible = Replay(body).possible

    assert not possible


def test_a_closed_file_is_sent_once() -> None:
    """What cannot even say where it stands is not sent again."""
    body = io.BytesIO(b"body")
    body.close()

    assert not Replay(body).possible


def test_the_response_of_another_request_is_sent_once() -> None:
    """A download that is passed on as an upload counts its bytes, and cannot go back."""
    body = urllib3.HTTPResponse(io.BytesIO(b"body"), preload_content=False)

    assert body.tell() == 0
    assert not Replay(body).possible


def test_a_member_of_an_archive_is_sent_again_if_the_archive_can_go_back() -> None:
    """Whether a stream can go back is for the stream to say."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as writer:
        writer.writestr("member", b"body")

    with zipfile.ZipFile(archive) as reader, reader.open("member") as body:
        replay = Replay(body)
        body.read()
        replay.rewind()
        again = body.read()

    assert replay.possible
    assert again == b"body"


def test_a_multipart_body_can_be_sent_again() -> None:
    """A form with files is put into memory by requests before it is sent."""
    prepared = requests.Request(
        "POST", "https://api.example.com/", files={"file": io.BytesIO(b"body")}, data={"a": "b"}
    ).prepare()

    assert Replay(prepared.body).possible


def test_a_stream_that_loses_the_ability_says_so() -> None:
    """A stream that will not go back is not sent wrong, nor does its fault hide the answer."""
    body = io.BytesIO(b"body")
    replay = Replay(body)
    body.close()

    assert not replay.rewind()


def test_looking_does_not_move_a_stream() -> None:
    """The first send finds the stream as the caller left it."""
    body = io.BytesIO(b"body")
    body.seek(2)

    Replay(body)

    assert body.tell() == 2
