"""Reads the header of a response without the parser for e-mail, where it says the same.

http.client has the standard library's parser for e-mail read every header, which takes a twelfth of
a GET. Lines of plain ``name: value`` need none of it; whatever else a server sends (folded lines,
lone line breaks, what is not ASCII, a multipart type) goes to that parser as before.
"""

import http.client
import io
import re
from http.client import HTTPMessage, HTTPResponse
from types import FunctionType
from typing import Any

_begin: Any = HTTPResponse.begin
_parse: Any = http.client.parse_headers
_client = vars(http.client)
_read: Any = _client.get("_read_headers")
_is_known = _client.keys() >= {"_read_headers", "_MAXLINE", "_MAXHEADERS"}

_PLAIN = re.compile(rb"(?:[!#$%&'*+.^_`|~0-9A-Za-z-]++:[\t\x20-\x7e]*+\r\n)++\r\n")


def parse_headers(stream: Any) -> HTTPMessage:
    """Read a header up to its empty line; gives what ``http.client.parse_headers`` gives.

    Raises:
        http.client.HTTPException: A line is too long, or there are too many, by its bounds.
    """
    # Nearly every header came with the status line: no need to read it line by line.
    plain = _PLAIN.match(stream.peek()) if hasattr(stream, "peek") else None
    if plain is not None and _is_within_bounds(plain[0]):
        block = stream.read(plain.end())
    else:
        block = b"".join(_read(stream))
        plain = _PLAIN.fullmatch(block)
    if plain is None or _may_have_parts(block.lower()):
        message: HTTPMessage = _parse(io.BytesIO(block))
        return message
    message = HTTPMessage()
    for line in block.decode("ascii").split("\r\n")[:-2]:
        name, _, value = line.partition(":")
        message.set_raw(name, value.lstrip())
    message.set_payload("")
    return message


def _is_within_bounds(block: bytes) -> bool:
    # Programs set them, and http.client counts the empty line as well.
    longest: int = _client["_MAXLINE"]
    most: int = _client["_MAXHEADERS"]
    return len(block) <= longest and block.count(b"\n") <= most


def _may_have_parts(block: bytes) -> bool:
    """Whether it may be of a type for which the parser looks for parts in what follows."""
    return b"multipart" in block or b"message" in block


def _reading_plainly() -> type[HTTPResponse]:
    code = getattr(_begin, "__code__", None)
    if not _is_known or code is None or code.co_freevars or "parse_headers" not in code.co_names:
        # Another interpreter, or a method that somebody has put in place of it.
        return HTTPResponse
    # The method as it is, but that it finds this parser under the name of the other.
    begin = FunctionType(code, {**_client, "parse_headers": parse_headers})
    return type("HTTPResponse", (HTTPResponse,), {"begin": begin, "__module__": __name__})


_reads_plainly = _reading_plainly()


def response_class() -> type[HTTPResponse]:
    """Give the class for responses: the usual one, once somebody has put in a part of theirs."""
    if HTTPResponse.begin is _begin and http.client.parse_headers is _parse:
        return _reads_plainly
    return HTTPResponse
