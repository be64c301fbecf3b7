"""Bodies of errors: read to the end, but not for ever.

A success is as long as the caller asked for. An error is a few hundred bytes; one that is
megabytes is a server out of order, or one that packs a bomb.
"""

import requests
import urllib3

LONGEST_ERROR = 2**24
"""Bytes of an error's body that are kept, unpacked; also the most ``error_body_limit`` may be."""

_FIRST_ERROR = 400
_PIECE = 16_384


def may_be_too_long(response: requests.Response) -> bool:
    """Say whether this is an error whose body may unpack to more than is kept."""
    raw = response.raw
    return (
        response.status_code >= _FIRST_ERROR
        and isinstance(raw, urllib3.HTTPResponse)
        and vars(response).get("_content") is False
        and (
            raw.length_remaining is None
            or raw.length_remaining > LONGEST_ERROR
            # What is compressed may be a thousand times longer than it says.
            or "content-encoding" in raw.headers
        )
    )


def read_error(response: requests.Response) -> None:
    """Read the body into ``response.content``, up to :data:`LONGEST_ERROR` bytes of it.

    What comes after them is not waited for: the connection is closed.

    Raises:
        RequestException: What ``response.content`` itself raises.
    """
    body = bytearray()
    for piece in response.iter_content(_PIECE):
        body += piece
        if len(body) > LONGEST_ERROR:
            del body[LONGEST_ERROR:]
            response.close()
            break
    response._content = bytes(body)  # noqa: SLF001
    response._content_consumed = True  # type: ignore[attr-defined]  # noqa: SLF001
