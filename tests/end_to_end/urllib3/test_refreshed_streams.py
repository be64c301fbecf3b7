import gzip
from collections.abc import Callable
from typing import Any

import pytest
from urllib3 import BaseHTTPResponse
from urllib3.exceptions import IncompleteRead, ProtocolError

from tests.end_to_end.urllib3.managers import Manager, attempts
from tests.end_to_end.wire import SHORT_BODY, Say, Then, Wirer, answer
from verto_resilience import RefusedCredentials

pytestmark = pytest.mark.end_to_end

SETTINGS: dict[str, Any] = {
    "verto_hosts": ("127.0.0.1",),
    "connect_timeout": 2.0,
    "read_timeout": 2.0,
    "call_timeout": 4.0,
    "pools": {"block": True, "maxsize": 1},
}
OLD = {"Authorization": "Bearer old"}
REFUSED = b'{"message": "no"}' * 100
PACKED = gzip.compress(REFUSED)
READERS: dict[str, Callable[[BaseHTTPResponse], bytes]] = {
    "data": lambda response: response.data,
    "data again": lambda response: response.data and response.data,
    "read": lambda response: response.read(),
    "stream": lambda response: b"".join(response.stream(64)),
    "lines": b"".join,
}
BODIES = {
    "plain": answer(REFUSED, status=401),
    "packed": answer(PACKED, status=401, head="Content-Encoding: gzip\r\n"),
    "chunked": Say(
        b"HTTP/1.1 401 No\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"%x\r\n%s\r\n0\r\n\r\n" % (len(REFUSED), REFUSED)
    ),
}


def gives_nothing(refused: RefusedCredentials) -> None:
    """Have no new credentials."""


def test_a_hook_may_log_in_through_the_same_pool(wired: Wirer, managed: Manager) -> None:
    """With one connection in the pool, and the 401 unread: it is set aside before."""
    wire = wired(answer(REFUSED, status=401), answer(b"Bearer new"), answer(b"whole"))

    def refresh(refused: RefusedCredentials) -> str:
        return manager.request("POST", f"{wire.url}/login").data.decode()

    manager = managed(refresh=refresh, **SETTINGS)

    response = manager.request("GET", wire.url, headers=OLD, preload_content=False)

    assert (response.status, response.read(), attempts(response)) == (200, b"whole", 2)
    assert (len(wire.heard), wire.connections) == (3, 1)


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_401_that_was_set_aside_is_whole(
    wired: Wirer, managed: Manager, body: Say, read: Callable[[BaseHTTPResponse], bytes]
) -> None:
    """Where the hook gives nothing it is returned, and read as a stream is."""
    manager = managed(refresh=gives_nothing, **SETTINGS)
    wire = wired(body)

    response = manager.request("GET", wire.url, headers=OLD, preload_content=False)

    assert (response.status, attempts(response)) == (401, 1)
    assert read(response) == REFUSED
    assert response.read() == b""


def test_a_401_that_broke_off_says_so(wired: Wirer, managed: Manager) -> None:
    """The part that came is not given for the whole."""
    short = Say(SHORT_BODY.data.replace(b"200", b"401", 1), Then.CLOSE)
    manager = managed(refresh=gives_nothing, **SETTINGS)

    response = manager.request("GET", wired(short).url, headers=OLD, preload_content=False)

    with pytest.raises((IncompleteRead, ProtocolError)):
        list(response.stream(4))
