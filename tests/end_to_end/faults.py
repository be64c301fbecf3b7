"""What can go wrong on the wire, by name, and what a call ends with."""

import gzip
import ssl
import warnings
import zlib
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.end_to_end.wire import (
    BROKEN_CHUNK,
    CLOSE_AT_ONCE,
    GARBAGE,
    RESET_AT_ONCE,
    RESET_IN_BODY,
    RESET_IN_HEADERS,
    SHORT_BODY,
    STALLED,
    STALLED_BODY,
    TRUNCATED_CHUNKS,
    Say,
    Then,
    answer,
)

CERTIFICATES = Path(__file__).parents[1] / "testing"
LOOPBACK = str(CERTIFICATES / "loopback.pem")
ANOTHERS = str(CERTIFICATES / "another.pem")
EXPIRED = str(CERTIFICATES / "expired.pem")
KEY = str(CERTIFICATES / "loopback.key")


@dataclass(frozen=True, slots=True)
class Fault:
    """What a server does wrong, each time that it is asked.

    Attributes:
        comes: What a call ends with: the status of a response, or the name of an exception.
        says: What the server says each time.
        ends: Whether a plain session is through with it as well, in a time that can be waited for.
        wire: What the server is made with besides.
        verify: What certificates are checked by.
        url: The URL where it listens with plain HTTP becomes this one.
    """

    comes: int | str
    says: Say = field(default_factory=Say)
    ends: bool = True
    wire: dict[str, Any] = field(default_factory=dict)
    verify: bool | str = True
    url: tuple[str, str] = ("", "")


def said(*lines: str, body: bytes = b"", then: Then = Then.CLOSE) -> Say:
    """Make an answer of 200 and these header lines."""
    head = "".join(f"{line}\r\n" for line in ("HTTP/1.1 200 OK", *lines, ""))
    return Say(head.encode("latin-1") + body, then)


UNPACKS_IN_PIECES = tuple(map(int, version("urllib3").split(".")[:2])) >= (2, 6)
"""Whether urllib3 unpacks as much as it is asked for, and not all that it has read."""


@lru_cache(maxsize=8)
def bomb(status: int, mebibytes: int = 100) -> Say:
    """Make an answer whose body is a thousandth of what it unpacks to."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    block = bytes(2**20)
    packed = b"".join(packer.compress(block) for _ in range(mebibytes)) + packer.flush()
    return answer(packed, status=status, head="Content-Encoding: gzip\r\n")


def endless(status: int, every: float = 0.0) -> Say:
    """Make an answer whose body goes on until the client leaves."""
    head = f"HTTP/1.1 {status} Said\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n" if not every else b"1\r\nx\r\n"
    return Say(head, Then.CLOSE, over=chunk, every=every)


def tls(certificate: str = LOOPBACK) -> ssl.SSLContext:
    """Make what a server proves itself by."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, KEY)
    return context


def old_tls() -> ssl.SSLContext:
    """Make the same for a server that has learnt nothing since 2006."""
    context = tls()
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    return context


def over_tls(url: str) -> str:
    """Give the same place by the other scheme."""
    return url.replace("http://", "https://")


RESETS = {
    "closed_before_the_headers": Fault("ConnectionError", CLOSE_AT_ONCE),
    "reset_before_the_headers": Fault("ConnectionError", RESET_AT_ONCE),
    "reset_in_the_headers": Fault("ConnectionError", RESET_IN_HEADERS),
    "reset_after_the_headers": Fault(
        "ChunkedEncodingError", said("Content-Length: 9", then=Then.RESET)
    ),
    "reset_in_the_body": Fault("ChunkedEncodingError", RESET_IN_BODY),
    "silent": Fault("ReadTimeout", STALLED),
    "silent_in_the_headers": Fault("ReadTimeout", Say(b"HTTP/1.1 200 OK\r\nX:", Then.STALL)),
    "silent_in_the_body": Fault("ConnectionError", STALLED_BODY),
}
BODIES = {
    "truncated_chunked": Fault("ChunkedEncodingError", TRUNCATED_CHUNKS),
    "broken_chunk": Fault("ChunkedEncodingError", BROKEN_CHUNK),
    "length_too_long": Fault("ChunkedEncodingError", SHORT_BODY),
    "length_too_short": Fault(200, said("Content-Length: 4", body=b"only this", then=Then.KEEP)),
    "length_twice_the_same": Fault(
        200, said("Content-Length: 4", "Content-Length: 4", body=b"fine", then=Then.KEEP)
    ),
    "length_twice": Fault(
        "InvalidHeader", said("Content-Length: 4", "Content-Length: 5", body=b"fine")
    ),
    "length_negative": Fault(200, said("Content-Length: -4", body=b"fine")),
    "length_garbage": Fault(200, said("Content-Length: four", body=b"fine")),
    "length_and_chunks": Fault(
        200,
        said("Content-Length: 99", "Transfer-Encoding: chunked", body=b"4\r\nfine\r\n0\r\n\r\n"),
    ),
    "no_gzip": Fault("ContentDecodingError", answer(head="Content-Encoding: gzip\r\n")),
    "half_a_gzip": Fault(
        200, answer(gzip.compress(b"fine" * 99)[:20], head="Content-Encoding: gzip\r\n")
    ),
    "ten_megabytes_of_error": Fault(400, answer(b"x" * 10_000_000, status=400)),
    "no_utf_8": Fault(
        200, answer(b'{"a": "\xff\xfe"}', head="Content-Type: application/json; charset=utf-8\r\n")
    ),
}
HEADERS = {
    "garbage": Fault("ConnectionError", GARBAGE),
    "garbage_that_goes_on": Fault("ConnectionError", Say(b"\xfe" * 1_000_000, Then.CLOSE)),
    "100000_headers": Fault("ConnectionError", said(*["X-A: b"] * 100_000)),
    "100_headers_of_60_kilobytes": Fault("ConnectionError", said(*["X-A: " + "b" * 60_000] * 101)),
    "no_utf_8_in_headers": Fault(
        200, Say(b"HTTP/1.1 200 \xff\xfe\r\nX: \xfe\r\nX-\xff: x\r\n\r\nfine", Then.CLOSE)
    ),
    "thousand_interim_answers": Fault(
        200, Say(b"HTTP/1.1 100 Continue\r\n\r\n" * 1_000 + answer().data)
    ),
    "http_1_0": Fault(200, Say(b"HTTP/1.0 200 OK\r\n\r\nfine", Then.CLOSE)),
    "http_1_0_kept_alive": Fault(
        200, Say(b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 4\r\n\r\nfine")
    ),
    "redirect_loop": Fault("TooManyRedirects", answer(status=302, head="Location: /\r\n")),
    "redirect_with_a_reset_body": Fault(
        "TooManyRedirects",
        Say(b"HTTP/1.1 302 Go\r\nLocation: /\r\nContent-Length: 9\r\n\r\nx", Then.RESET),
    ),
    "redirect_to_another_scheme": Fault(
        "InvalidSchema", answer(status=302, head="Location: ftp://127.0.0.1/\r\n")
    ),
}
NEVER_ENDING = {
    "headers_that_drip": Fault(
        "ReadTimeout", Say(b"HTTP/1.1 200 OK\r\n", over=b"X: x\r\n", every=0.1), ends=False
    ),
    "header_that_drips": Fault(
        "ReadTimeout", Say(b"HTTP/1.1 200 OK\r\nX: ", over=b"x", every=0.1), ends=False
    ),
    "body_that_drips": Fault("ConnectionError", endless(200, every=0.1), ends=False),
    "error_that_drips": Fault("ConnectionError", endless(400, every=0.1), ends=False),
    "flood_of_interim_answers": Fault(
        "ReadTimeout", Say(over=b"HTTP/1.1 100 Continue\r\n\r\n" * 500), ends=False
    ),
}
TLS = {
    "certificate_of_nobody": Fault("SSLError", answer(), wire={"tls": tls()}),
    "certificate_of_another": Fault(
        "SSLError", answer(), wire={"tls": tls(ANOTHERS)}, verify=ANOTHERS
    ),
    "certificate_expired": Fault("SSLError", answer(), wire={"tls": tls(EXPIRED)}, verify=EXPIRED),
    "older_protocol": Fault("SSLError", answer(), wire={"tls": old_tls()}, verify=LOOPBACK),
    "plain_http_on_the_tls_port": Fault(
        "SSLError", wire={"at_the_door": answer(status=400, then=Then.CLOSE)}, url=("http", "https")
    ),
    "tls_on_the_http_port": Fault("ConnectionError", wire={"tls": tls()}, url=("https", "http")),
    "reset_in_the_handshake": Fault(
        "ConnectionError", wire={"at_the_door": RESET_AT_ONCE}, url=("http", "https")
    ),
    "closed_in_the_handshake": Fault(
        "SSLError", wire={"at_the_door": CLOSE_AT_ONCE}, url=("http", "https")
    ),
    "silent_in_the_handshake": Fault(
        "ReadTimeout", wire={"at_the_door": STALLED}, url=("http", "https")
    ),
}
FAULTS = RESETS | BODIES | HEADERS | NEVER_ENDING | TLS
