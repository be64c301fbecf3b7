"""Bodies of errors: read to the end, but not for ever.

A success is as long as the caller asked for. An error is a few hundred bytes; one that is
megabytes is a server out of order, or one that packs a bomb.
"""

from collections.abc import Iterable, Sequence
from typing import NoReturn

import requests
import urllib3
from requests.exceptions import ChunkedEncodingError, ContentDecodingError
from requests.exceptions import ConnectionError as RequestsConnectionError
from requests.exceptions import SSLError as RequestsSSLError
from urllib3.exceptions import DecodeError, HTTPError, ProtocolError, ReadTimeoutError, SSLError

from verto_resilience.transports._unpacking import MOST_PACKED, PIECE, unpacked

FIRST_ERROR = 400
LONGEST_ERROR = 2**24
"""Bytes of an error's body that are kept, unpacked; also the most ``error_body_limit`` may be."""

SMALL = LONGEST_ERROR // 1032
"""Bytes that one deflate cannot make too many of: 1032 of each at the most."""

_DEFLATED = frozenset({"gzip", "x-gzip", "deflate"})
_CODINGS = _DEFLATED | {"br", "zstd"}
# Of these a few bytes may become any number.
_DENSE = frozenset({"br", "zstd"})
# Those that are small are no more after one than is kept, and a second is the last.
_WRAPPINGS = 2


def may_be_too_long(response: requests.Response) -> bool:
    """Say whether this is an error whose body may unpack to more than is kept."""
    raw = response.raw
    return (
        response.status_code >= FIRST_ERROR
        and isinstance(raw, urllib3.HTTPResponse)
        and vars(response).get("_content") is False
        and _may_be_too_long(raw)
    )


def is_packed_too_often(codings: Sequence[str], size: int | None) -> bool:
    """Say whether nobody knows how long it takes to unpack a body.

    What one wrapping has within may be nothing at all for the next, and take hours to find out.

    Args:
        codings: Its wrappings, in lower case.
        size: Bytes as it comes; ``None``: not known.
    """
    if len(codings) < _WRAPPINGS or size == 0:
        return False
    return size is None or size > SMALL or len(codings) > _WRAPPINGS or bool(_DENSE & {*codings})


def read_error(response: requests.Response) -> None:
    """Read the body into ``response.content``, up to :data:`LONGEST_ERROR` bytes of it.

    What comes after them is not waited for: the connection is closed. What is packed too often
    stays so.

    Raises:
        RequestException: What ``response.content`` itself raises.
    """
    raw = response.raw
    if _stays_packed(raw):
        response.headers.pop("Content-Encoding", None)
    try:
        body, is_cut = _kept(raw.stream(PIECE, decode_content=False), _codings(raw))
    except HTTPError as error:
        raise_of_requests(error)
    if is_cut:
        response.close()
    response._content = body  # noqa: SLF001
    response._content_consumed = True  # type: ignore[attr-defined]  # noqa: SLF001


def raise_of_requests(error: HTTPError) -> NoReturn:
    """Raise what requests makes of an error of urllib3 while it reads a body."""
    for kind, raised in _RAISED:
        if isinstance(error, kind):
            raise raised(error)
    raise error


_RAISED = (
    (ProtocolError, ChunkedEncodingError),
    (DecodeError, ContentDecodingError),
    (ReadTimeoutError, RequestsConnectionError),
    (SSLError, RequestsSSLError),
)


def preload(response: urllib3.HTTPResponse) -> bool:
    """Read the body into ``response.data``, of an error up to :data:`LONGEST_ERROR` bytes of it.

    Returns:
        Whether more would have come: the connection has to be closed.

    Raises:
        urllib3.exceptions.HTTPError: What urllib3 raises while it preloads.
    """
    is_cut = False
    if response.status >= FIRST_ERROR and _may_be_too_long(response):
        # Who unpacks it has to know what it is packed in.
        unpacks = response.decode_content and not _stays_packed(response)
        codings = _codings(response) if unpacks else []
        # Not stream(), which tells of a broken chunk by another exception.
        pieces = iter(lambda: response.read(PIECE, decode_content=False), b"")
        body, is_cut = _kept(pieces, codings)
    else:
        body = response.read()
    if is_cut:
        response.close()
    response._body = body  # noqa: SLF001
    return is_cut


def beginning(pieces: Iterable[bytes], limit: int = LONGEST_ERROR) -> tuple[bytes, bool]:
    """Give the first bytes up to a limit, and say whether there are more."""
    body = bytearray()
    for piece in pieces:
        body += piece
        if len(body) > limit:
            del body[limit:]
            return bytes(body), True
    return bytes(body), False


def _kept(pieces: Iterable[bytes], codings: Sequence[str]) -> tuple[bytes, bool]:
    """Give what is kept of a body, and say whether more of it would come."""
    if not codings:
        return beginning(pieces)
    packed, is_cut = beginning(pieces, MOST_PACKED)
    return unpacked(packed, codings, LONGEST_ERROR)[0], is_cut


def _codings(raw: urllib3.HTTPResponse) -> list[str]:
    """Give the wrappings of a body that urllib3 would unpack; the first one is innermost."""
    named = [name.strip() for name in raw.headers.get("Content-Encoding", "").lower().split(",")]
    known = raw.CONTENT_DECODERS
    # Among several it takes one that it does not know for this.
    return [n if n in known else "deflate" for n in named] if {*named} & {*known} else []


def _stays_packed(raw: urllib3.HTTPResponse) -> bool:
    """Have a body that is packed too often come as it is; nothing says then that it is packed."""
    named = raw.headers.get("Content-Encoding", "").lower().split(",")
    codings = [coding for coding in map(str.strip, named) if coding in _CODINGS]
    if not is_packed_too_often(codings, raw.length_remaining):
        return False
    del raw.headers["Content-Encoding"]
    return True


def _may_be_too_long(raw: urllib3.HTTPResponse) -> bool:
    length = raw.length_remaining
    if length is None or length > LONGEST_ERROR:
        return True
    coding = raw.headers.get("Content-Encoding")
    # What is compressed may be a thousand times longer than it says.
    return coding is not None and (length > SMALL or coding.lower() not in _DEFLATED)
