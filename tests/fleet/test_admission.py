"""Stores that let somebody in, or not; and what is told of it, and what is not."""

import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.fleet.descriptors import without_descriptors
from tests.fleet.server import RedisServer, free_port
from tests.fleet.sharing import connected, shop, wait_until
from verto_resilience.pipeline import Secret, StoreAddress, StoreFault
from verto_resilience.state import LinkError, Place, try_store
from verto_resilience.testing import Sandbox

pytestmark = pytest.mark.fleet

SECRET = "hunter2"
CERTIFICATES = Path(__file__).parents[1] / "testing"
COMMANDS = "+evalsha +eval +subscribe +time +type +hget +hset +hdel +hkeys +hlen +hexists +hstrlen"
MORE = "+publish +pexpire +pttl +del +info +select +ping +client"


def _at(port: int) -> str:
    return f"redis://127.0.0.1:{port}"


def _fault(url: str, **credentials: str) -> StoreFault | None:
    password = credentials.get("password")
    place = Place(
        StoreAddress(url),
        "default",
        credentials.get("username"),
        None if password is None else Secret(password),
    )
    found: LinkError | None = None
    try:
        try_store(place)
    except LinkError as error:
        found = error
    if found is None:
        return None
    assert found.__cause__ is None
    assert SECRET not in repr(found) + str(found) + repr(place)
    return found.fault


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[RedisServer]:
    """Give a server with a user that may do what is needed, and not more."""
    with RedisServer(tmp_path, tcp=True) as server:
        with server.client() as client:
            may = [*COMMANDS.split(), *MORE.split(), "~verto:resilience:v1:*"]
            client.execute_command(
                "ACL", "SETUSER", "app", "on", f">{SECRET}", "&verto:resilience:v1:*", *may
            )
            client.acl_setuser("default", enabled=False)
        yield server


def test_a_user_with_few_rights_is_enough(guarded: RedisServer, verto: Sandbox) -> None:
    """The rights on the page are those that are needed: in the address, or by variables."""
    inside = f"redis://app:{SECRET}@127.0.0.1:{guarded.port}"

    assert _fault(inside) is None
    assert _fault(guarded.url, username="app", password=SECRET) is None
    with shop(inside) as one:
        one.get(verto.url)
        connected(one)
        verto.outage(60, from_now=True)
        for _ in range(5):
            one.get(verto.url)
        assert wait_until(lambda: one.breaker(verto.url).heard > 0)


@pytest.mark.parametrize("user", ["app:wrong", "nobody:x", ""])
def test_refused_credentials_are_told_as_such(guarded: RedisServer, user: str) -> None:
    """A wrong password, a user that is not there, and no user at all."""
    at = "@" if user else ""

    assert _fault(f"redis://{user}{at}127.0.0.1:{guarded.port}") is StoreFault.CREDENTIALS


def test_a_secret_stands_in_no_log(
    guarded: RedisServer, verto: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever becomes of the store, nobody is told the password."""
    caplog.set_level(logging.DEBUG)
    wrong = f"redis://app:{SECRET}x@127.0.0.1:{guarded.port}"

    with shop(wrong) as one:
        one.get(verto.url)
        assert wait_until(lambda: one.heard.store() == [("refused", "credentials")])

    assert "REDACTED@127.0.0.1" in caplog.text
    assert SECRET not in caplog.text + repr(one.heard.events)


def test_tls_is_spoken_and_checked(tmp_path: Path) -> None:
    """With the authority it is trusted; without it is not."""
    port = free_port()
    settings = {
        "tls-port": str(port),
        "tls-cert-file": str(CERTIFICATES / "loopback.pem"),
        "tls-key-file": str(CERTIFICATES / "loopback.key"),
        "tls-ca-cert-file": str(CERTIFICATES / "loopback.pem"),
        "tls-auth-clients": "no",
    }
    with RedisServer(tmp_path, settings=settings):
        url = f"rediss://127.0.0.1:{port}"

        assert _fault(f"{url}?ssl_ca_certs={CERTIFICATES / 'loopback.pem'}") is None
        assert _fault(url) is StoreFault.CERTIFICATE
        assert _fault(url.replace("rediss", "redis")) is StoreFault.TLS_ONLY
        for file in ("nowhere.pem", "README.md"):
            path = Path(__file__).parents[2] / file
            assert _fault(f"{url}?ssl_ca_certs={path}") is StoreFault.CERTIFICATE_FILE
            assert _fault(f"{url}?ssl_certfile={path}") is StoreFault.CERTIFICATE_FILE


def test_a_server_without_tls_is_told(guarded: RedisServer, verto: Sandbox) -> None:
    """A Redis waits for the rest of the greeting; a web server answers it."""
    assert _fault(f"rediss://app:{SECRET}@127.0.0.1:{guarded.port}") is StoreFault.NO_TLS
    assert _fault(f"rediss://127.0.0.1:{verto.port}") is StoreFault.NOT_REDIS


def test_a_database_that_is_not_there_is_told(server: RedisServer) -> None:
    """Redis has sixteen by default."""
    assert _fault(f"{server.url}?db=15") is None
    assert _fault(f"{server.url}?db=16") is StoreFault.DATABASE


def test_what_is_no_redis_is_told(verto: Sandbox) -> None:
    """A web server at the address: one that answers at once, and one that waits for more."""
    with _server(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        assert _fault(_at(port)) is StoreFault.NOT_REDIS
    assert _fault(_at(verto.port)) is StoreFault.NOT_REDIS


def test_nobody_at_the_address_is_told() -> None:
    """A port that refuses, a socket that is not there, and a file that is none."""
    assert _fault(f"redis://127.0.0.1:{free_port()}") is StoreFault.NOBODY_LISTENS
    assert _fault("unix:///nowhere/redis.sock") is StoreFault.NOBODY_LISTENS
    assert _fault(f"unix://{__file__}") is StoreFault.NOBODY_LISTENS


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a..b", f"{'a' * 70}.example"])
def test_a_host_that_is_not_known_is_told(host: str) -> None:
    """Whether name servers say so, or it cannot be a name."""
    assert _fault(f"redis://:{SECRET}@{host}") is StoreFault.NO_SUCH_HOST


def test_that_this_process_may_open_no_more_is_told(guarded: RedisServer) -> None:
    """It is nothing that the server refuses."""
    url = f"redis://app:{SECRET}@127.0.0.1:{guarded.port}"
    assert _fault(url) is None

    with without_descriptors():
        assert _fault(url) is StoreFault.TOO_MANY_FILES


@contextmanager
def _server(answer: bytes, info: bytes = b"") -> Iterator[int]:
    """Answer everything alike, and INFO otherwise."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with client, suppress(ConnectionResetError):
                while data := client.recv(4096):
                    client.sendall(info if info and b"INFO" in data else answer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield int(listener.getsockname()[1])
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(5)


def test_a_server_that_is_too_old_is_told() -> None:
    """Redis 5 is asked for its version before anything is written."""
    text = b"redis_version:5.0.14\r\n"
    with _server(b"+OK\r\n", b"$%d\r\n%s\r\n" % (len(text), text)) as port:
        assert _fault(_at(port)) is StoreFault.TOO_OLD


def test_at_run_time_what_is_no_redis_is_a_warning(verto: Sandbox) -> None:
    """Calls go on."""
    with _server(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port, shop(_at(port)) as one:
        assert one.get(verto.url) == "404"
        assert wait_until(lambda: one.heard.store() == [("refused", "not_redis")])
        assert one.get(verto.url) == "404"
