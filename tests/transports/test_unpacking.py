import gzip
import io
import os
import random
import zlib
from collections.abc import Callable

import pytest
import urllib3
from urllib3.exceptions import DecodeError

from tests.end_to_end.faults import UNPACKS_IN_PIECES
from verto_resilience.transports._unpacking import end_of_frames, unpacked, unpacking

KEPT = 2**24
TAKEN = 2**22
"""Bytes that are unpacked of what came."""
TAKEN_AGAIN = 2**18
"""The same of what came in another wrapping."""
STEP = 2**14
FRAMES = 1000
"""Frames of a zstd that are unpacked."""
TEXT = b"".join(b'{"code": %d, "message": "no such payment"},' % n for n in range(20_000))


def _stored(data: bytes) -> bytes:
    """Wrap without packing: the beginning of the one is that of the other."""
    return gzip.compress(data, 0)


def _raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


@pytest.mark.parametrize("data", [b"", b"fine", TEXT, os.urandom(3_000_000)], ids=len)
@pytest.mark.parametrize(
    ("codings", "pack"),
    [
        (["gzip"], gzip.compress),
        (["x-gzip"], gzip.compress),
        (["deflate"], zlib.compress),
        (["deflate"], _raw_deflate),
        (["gzip"], lambda data: gzip.compress(data) + b"\0" * 1000),
        (["gzip"], lambda data: gzip.compress(data) + gzip.compress(b"more")),
    ],
    ids=["gzip", "x_gzip", "deflate", "raw_deflate", "padded", "two_members"],
)
def test_what_an_honest_server_packs_is_whole(
    codings: list[str], pack: Callable[[bytes], bytes], data: bytes
) -> None:
    """What comes out is what urllib3 would have given, to the last byte."""
    packed = pack(data)
    headers = {"Content-Encoding": codings[0]}
    whole = urllib3.HTTPResponse(io.BytesIO(packed), headers, preload_content=False).read()

    assert unpacked(packed, codings, KEPT) == (whole, False)


def test_what_an_honest_server_packs_twice_is_whole() -> None:
    """The outermost wrapping is named last, and taken off first."""
    packed = gzip.compress(zlib.compress(TEXT))

    assert unpacked(packed, ["deflate", "gzip"], KEPT) == (TEXT, False)


def test_half_of_a_body_is_unpacked_as_far_as_it_goes() -> None:
    """One that breaks off is given as urllib3 gives it."""
    body, is_cut = unpacked(gzip.compress(TEXT)[:20_000], ["gzip"], KEPT)

    assert not is_cut
    assert 0 < len(body) < len(TEXT)
    assert TEXT.startswith(body)


def test_what_is_held_back_at_the_end_is_given() -> None:
    """All has been taken of a deflate without a header, and not all of its last match given."""
    data = bytes(5 * STEP + 1)

    assert unpacked(_raw_deflate(data), ["deflate"], KEPT) == (data, False)


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_what_is_not_packed_is_told(coding: str) -> None:
    """It is for the caller to say in whose words."""
    with pytest.raises(DecodeError):
        unpacked(b"no such thing" * 9, [coding], KEPT)


def test_no_more_is_given_than_is_kept() -> None:
    """A bomb is unpacked as far as it is wanted, whatever is left of it."""
    assert unpacked(gzip.compress(bytes(KEPT)), ["gzip"], 1_000_000) == (bytes(1_000_000), True)
    assert unpacked(gzip.compress(bytes(KEPT)), ["gzip"], KEPT) == (bytes(KEPT), False)


def test_no_more_is_taken_than_a_text_needs() -> None:
    """What comes out says nothing of the work: what goes in is bounded."""
    data = random.Random(0).randbytes(TAKEN + 1_000_000)

    body, is_cut = unpacked(_stored(data), ["gzip"], KEPT)

    assert is_cut
    assert TAKEN - 1000 < len(body) < TAKEN
    assert data.startswith(body)


def test_little_is_taken_of_what_was_packed_again() -> None:
    """A few kilobytes may hold megabytes of wrapping, and nothing in them."""
    packed = gzip.compress(gzip.compress(b"") * 300_000)
    data = random.Random(0).randbytes(2 * TAKEN_AGAIN)
    assert len(packed) < 2**14

    assert unpacked(packed, ["gzip", "gzip"], KEPT) == (b"", True)
    body, is_cut = unpacked(gzip.compress(_stored(data)), ["gzip", "gzip"], KEPT)

    assert is_cut
    assert TAKEN_AGAIN - 1000 < len(body) < TAKEN_AGAIN


def _frame(data: bytes) -> bytes:
    """Wrap in a frame of one block that is not packed (RFC 8878 §3.1.1)."""
    size = len(data).to_bytes(1)
    block = (len(data) << 3 | 1).to_bytes(3, "little")
    return b"\x28\xb5\x2f\xfd\x20" + size + block + data


def test_what_comes_after_the_last_frame_that_is_taken_is_left_off() -> None:
    """Frames to be skipped count as others do."""
    packed = _frame(b"x") + b"\x50\x2a\x4d\x18\0\0\0\0" * (FRAMES - 1)

    assert end_of_frames(packed) is None
    assert end_of_frames(packed + _frame(b"y") + _frame(b"z")) == len(packed)


@pytest.mark.skipif(
    "zstd" not in urllib3.HTTPResponse.CONTENT_DECODERS, reason="urllib3 has no zstd here"
)
@pytest.mark.parametrize(("number", "is_cut"), [(FRAMES, False), (FRAMES + 1, True)])
def test_no_more_frames_are_taken_than_an_honest_server_makes(number: int, is_cut: bool) -> None:
    """Each of them takes long for its size, also one to be skipped."""
    packed = _frame(b"x") + b"\x50\x2a\x4d\x18\0\0\0\0" * (number - 2) + _frame(b"y")

    assert unpacked(packed, ["zstd"], KEPT) == (b"x" if is_cut else b"xy", is_cut)


@pytest.mark.skipif(not UNPACKS_IN_PIECES, reason="urllib3 below 2.6 unpacks a piece at one go")
@pytest.mark.parametrize(
    "packed",
    [gzip.compress(b"") * 50_000, gzip.compress(bytes(1_000_000))],
    ids=["from_much", "to_much"],
)
def test_it_goes_in_small_steps(packed: bytes) -> None:
    """Each takes, and gives, as much as a piece: whoever steps may do something else between."""
    steps = len(list(unpacking(packed, ["gzip"], KEPT)))

    assert steps >= 1_000_000 // STEP
