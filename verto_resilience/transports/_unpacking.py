"""Unpacking what an error came in: as much as is kept, and with no more work than that is worth.

A few bytes may say at length that there is nothing: members of a gzip that are empty, blocks that
are tables alone. What comes out says nothing of that, so what goes in is bounded, too.
"""

import re
from collections.abc import Generator, Sequence
from contextlib import suppress
from itertools import islice

import urllib3
from urllib3.exceptions import DecodeError
from urllib3.response import ContentDecoder

PIECE = 16_384

MOST_PACKED = 2**22
"""Bytes as they come that are unpacked; of a text they hold all that is kept of it."""

MOST_PACKED_AGAIN = 2**18
"""The same of what came in another wrapping: what is packed packs to hardly less."""

MOST_FRAMES = 1000
"""Frames of a zstd that are unpacked: each costs some 30 microseconds, and takes 8 bytes."""

# RFC 8878 §3.1.1 and §3.1.2, and what older versions wrote.
_FRAME = re.compile(rb"[\x22-\x28]\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18")

# urllib3 below 2.6 unpacks a piece at one go.
_AT_MOST = {"max_length": PIECE} if hasattr(ContentDecoder, "has_unconsumed_tail") else {}


def unpacking(
    packed: bytes, codings: Sequence[str], longest: int
) -> Generator[None, None, tuple[bytes, bool]]:
    """Unpack the beginning of a body, a piece at each step.

    Args:
        packed: As it came.
        codings: Its wrappings, the first one innermost; each is one that urllib3 unpacks.
        longest: Bytes that are kept, unpacked.

    Returns:
        The beginning, and whether there is more.

    Raises:
        DecodeError: It is not what its wrapping says.
    """
    body, is_cut = packed[:MOST_PACKED], len(packed) > MOST_PACKED
    for number in reversed(range(len(codings))):
        coding, most = codings[number], MOST_PACKED_AGAIN if number else longest
        end = end_of_frames(body) if coding == "zstd" else None
        body, is_longer = yield from _unwrapping(body[:end], coding, most)
        is_cut = is_cut or is_longer or end is not None
    return body, is_cut


def unpacked(packed: bytes, codings: Sequence[str], longest: int) -> tuple[bytes, bool]:
    """Do so at one go.

    Raises:
        DecodeError: It is not what its wrapping says.
    """
    steps = unpacking(packed, codings, longest)
    while True:
        try:
            next(steps)
        except StopIteration as done:
            found: tuple[bytes, bool] = done.value
            return found


def end_of_frames(packed: bytes) -> int | None:
    """Say where those end that are unpacked; ``None``: with the body."""
    more = next(islice(_FRAME.finditer(packed), MOST_FRAMES, None), None)
    return None if more is None else more.start()


def _unwrapping(packed: bytes, coding: str, most: int) -> Generator[None, None, tuple[bytes, bool]]:
    # Not read(), which goes on to the end where nothing comes out.
    raw = urllib3.HTTPResponse(headers={"Content-Encoding": coding}, preload_content=False)
    raw._init_decoder()  # noqa: SLF001
    body = bytearray()
    for start in range(0, len(packed), PIECE):
        piece = packed[start : start + PIECE]
        while True:
            part = raw._decode(piece, True, False, **_AT_MOST)  # noqa: FBT003, SLF001
            body += part
            if len(body) > most:
                return bytes(body[:most]), True
            yield
            has_more = getattr(raw._decoder, "has_unconsumed_tail", False)  # noqa: SLF001
            if not has_more or not (part or piece):
                break
            piece = b""
    # One that breaks off is given as far as it came, as by read().
    with suppress(DecodeError):
        body += raw._decode(b"", True, True)  # noqa: FBT003, SLF001
    return bytes(body[:most]), len(body) > most
