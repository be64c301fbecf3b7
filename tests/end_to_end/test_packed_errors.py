"""Errors that are packed come as they do without us: to plain requests, and to plain urllib3."""

import gzip
import random
import zlib
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import requests
import urllib3

from tests.end_to_end.sessions import Mounter, quick
from tests.end_to_end.wire import Say, Then, Wirer, answer
from verto_resilience import VertoPoolManager

pytestmark = pytest.mark.end_to_end

# Half of it packs, and it is longer packed than what is unpacked without a second look.
TEXT = b"".join(b"%x," % random.Random(n).getrandbits(64) for n in range(6_000))
GZIP = gzip.compress(TEXT)
TWICE = "deflate, gzip"


def _raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


SAID = {
    "gzip": ("gzip", GZIP),
    "in capitals": ("GZip", GZIP),
    "x-gzip": ("x-gzip", GZIP),
    "deflate": ("deflate", zlib.compress(TEXT)),
    "deflate without a header": ("deflate", _raw_deflate(TEXT)),
    "twice": (TWICE, gzip.compress(zlib.compress(TEXT[:9000]))),
    "nothing": ("gzip", b""),
    "identity": ("identity", TEXT),
    "unknown": ("something else", TEXT),
    "gzip and unknown": ("gzip, something else", GZIP),
    "gzip and nothing": ("gzip,", GZIP),
    "padded": ("gzip", GZIP + b"\0" * 99),
    "half": ("gzip", GZIP[: len(GZIP) // 2]),
    "broken": ("gzip", GZIP[:30_000] + b"x" * 9 + GZIP[30_009:]),
    "no gzip": ("gzip", TEXT),
    "no deflate": ("deflate", TEXT),
}
said = pytest.mark.parametrize(("coding", "body"), SAID.values(), ids=SAID)
ways = pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunks"])


def _say(coding: str, body: bytes, *, chunked: bool) -> Say:
    head = f"Content-Encoding: {coding}\r\n"
    if not chunked:
        return answer(body, status=400, head=head)
    start = f"HTTP/1.1 400 Said\r\nTransfer-Encoding: chunked\r\n{head}\r\n".encode()
    pieces = [body[at : at + 5_000] for at in range(0, len(body), 5_000)]
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    return Say(start + chunks + b"0\r\n\r\n", Then.KEEP)


def _came(call: Callable[[str], Any], url: str, *names: str) -> tuple[Any, ...]:
    """Give what comes of a call: so much of its answer, or the kind of its error."""
    try:
        response = call(url)
    except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError) as error:
        # Of several wrappings ours names the one that is broken.
        return (type(error),)
    return tuple(getattr(response, name) for name in names)


@said
@ways
def test_a_session_gets_it_as_a_plain_one_does(
    *,
    wired: Wirer,
    plain: requests.Session,
    mounted: Mounter,
    coding: str,
    body: bytes,
    chunked: bool,
) -> None:
    """The body, the headers, or the same error."""
    wire = wired(*[_say(coding, body, chunked=chunked and coding != TWICE)] * 2)
    session = mounted(max_attempts=1)
    seen = [
        _came(one.get, wire.url, "status_code", "content", "headers") for one in (plain, session)
    ]

    assert seen[0] == seen[1]
    assert session.get(wire.url).content == b"fine"


@said
@ways
@pytest.mark.parametrize("decodes", [True, False])
def test_a_pool_manager_gets_it_as_a_plain_one_does(
    *, wired: Wirer, coding: str, body: bytes, chunked: bool, decodes: bool
) -> None:
    """The same of urllib3, also where it was asked not to unpack."""
    # In two wrappings, and who knows how long, it is not unpacked: nothing but this is not alike.
    wire = wired(*[_say(coding, body, chunked=chunked and not (decodes and coding == TWICE))] * 2)
    with urllib3.PoolManager() as plain, VertoPoolManager(policy=quick(max_attempts=1)) as ours:
        seen = [
            _came(
                partial(one.request, "GET", decode_content=decodes),
                wire.url,
                "status",
                "data",
                "headers",
            )
            for one in (plain, ours)
        ]

        assert seen[0] == seen[1]
        assert ours.request("GET", wire.url).data == b"fine"
