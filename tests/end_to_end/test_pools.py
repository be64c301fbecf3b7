import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from requests.models import PreparedRequest

import verto_resilience
from tests.end_to_end.sessions import Mounter, adapter_of, quick
from tests.end_to_end.wire import Wirer
from verto_resilience import VertoAdapter
from verto_resilience.testing import Sandbox

pytestmark = pytest.mark.end_to_end

SECRET = "canary-4f1c"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\n"


def exactly(url: str) -> Callable[[PreparedRequest], PreparedRequest]:
    """Give an ``auth`` that puts a URL into a request as it is, as a signer or a gateway does."""

    def put(request: PreparedRequest) -> PreparedRequest:
        request.url = url
        return request

    return put


def pools_of(adapter: object) -> set[tuple[str, str, int]]:
    """Give the pools that an adapter has, by scheme, host and port."""
    inner = adapter.inner if isinstance(adapter, VertoAdapter) else adapter
    assert isinstance(inner, requests.adapters.HTTPAdapter)
    keys = inner.poolmanager.pools.keys()
    return {(key.key_scheme, key.key_host, key.key_port) for key in keys}


@pytest.fixture
def both(plain: requests.Session) -> Iterator[tuple[requests.Session, requests.Session]]:
    """Give a plain session, and one with the adapter mounted that sends once."""
    with requests.Session() as session:
        session.trust_env = False
        yield plain, verto_resilience.mount(session, policy=quick(max_attempts=1))


ODD = {
    "user": [f"http://user:{SECRET}@127.0.0.1:{{port}}/a", "http://127.0.0.1:{port}/a"],
    "users": [f"http://user{n}:{SECRET}{n}@127.0.0.1:{{port}}/a" for n in range(3)],
    "at in the path": ["http://127.0.0.1:{port}/a@b", "http://127.0.0.1:{port}/@"],
    "upper case": ["http://LOCALHOST:{port}/a", "http://localhost:{port}/a"],
    "query at once": ["http://127.0.0.1:{port}/?a=/b", "http://127.0.0.1:{port}/?a=b"],
}


@pytest.mark.parametrize("raw", [False, True], ids=["prepared", "put_in"])
@pytest.mark.parametrize("urls", ODD.values(), ids=ODD)
def test_urls_of_one_server_share_its_pool(
    both: tuple[requests.Session, requests.Session], wired: Wirer, urls: list[str], raw: bool
) -> None:
    """However a URL is written there are the pools and connections of a plain session."""
    seen = []
    for session in both:
        wire = wired()
        for url in urls * 3:
            asked = url.format(port=wire.port)
            if raw:
                answer = session.get("http://gateway.invalid/", auth=exactly(asked))
            else:
                answer = session.get(asked)
            assert answer.content == b"fine"
        pools = pools_of(session.get_adapter("http://"))
        seen.append(([(scheme, host) for scheme, host, _ in pools], wire.connections))
        assert {port for _, _, port in pools} == {wire.port}
        assert len(wire.heard) == 3 * len(urls)

    assert seen[0] == seen[1]
    assert len(seen[1][0]) == seen[1][1] == 1


def test_default_port_is_the_same_spelled_out(
    both: tuple[requests.Session, requests.Session],
) -> None:
    """``http://host`` and ``http://host:80`` have one pool, the one that requests gives them."""
    # Nobody needs to be at home: a pool is made before it is connected.
    urls = ["http://127.83.9.1/", "http://127.83.9.1:80/", "http://127.83.9.1:80/b"]
    for session in both:
        for url in urls * 2:
            with contextlib.suppress(requests.exceptions.ConnectionError):
                session.get(url, timeout=1)

    pools = [pools_of(session.get_adapter("http://")) for session in both]

    assert pools == [{("http", "127.83.9.1", 80)}] * 2


def test_url_without_a_path_leads_to_its_own_server(
    both: tuple[requests.Session, requests.Session],
) -> None:
    """Of two ports that differ in their last digit each gets what it was sent."""
    with _neighbours() as (one, other):
        for session in both:
            urls = [f"http://127.0.0.1:{port}" for port in (one, other, one, other)]

            ports = [session.get("http://gateway.invalid/", auth=exactly(url)).text for url in urls]

            assert ports == [str(one)[-1], str(other)[-1]] * 2


@contextlib.contextmanager
def _neighbours() -> Iterator[tuple[int, int]]:
    """Give two ports, chosen by the system, that differ in their last digit alone.

    To whoever asks each says that digit.
    """
    with contextlib.ExitStack() as stack:
        met: dict[str, socket.socket] = {}
        for _ in range(500):
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            port = str(listener.getsockname()[1])
            if port[:-1] in met:
                break
            met[port[:-1]] = listener
        else:
            pytest.fail("no two such ports to be had")
        pair = (met[port[:-1]], listener)
        threads = [threading.Thread(target=_say_your_digit, args=(one,)) for one in pair]
        for thread in threads:
            thread.start()
        try:
            yield pair[0].getsockname()[1], pair[1].getsockname()[1]
        finally:
            for one in pair:
                one.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join(5.0)


def _say_your_digit(listener: socket.socket) -> None:
    digit = str(listener.getsockname()[1])[-1].encode()
    with contextlib.suppress(OSError):
        while True:
            with listener.accept()[0] as sock:
                sock.settimeout(5.0)
                sock.recv(65536)
                sock.sendall(ANSWER + digit)


def test_no_credential_of_a_url_is_remembered(
    both: tuple[requests.Session, requests.Session], verto: Sandbox
) -> None:
    """Once the call is over nothing that finds its pool again knows user or password."""
    _, session = both
    adapter = adapter_of(session, verto.url)
    session.get(f"{verto.url}/status/200")

    session.get(verto.url.replace("//", f"//user:{SECRET}@") + "/status/200")

    inner = adapter.inner
    assert isinstance(inner, requests.adapters.HTTPAdapter)
    memory = vars(inner)["get_connection_with_tls_context"].__self__
    assert len(memory._known) == 1
    assert SECRET not in repr((memory._known, list(inner.poolmanager.pools.keys())))
    assert [origin.key for origin in adapter.circuits.known()] == [verto.url]


def test_session_that_was_closed_again_and_again_goes_on(verto: Sandbox, mounted: Mounter) -> None:
    """A pool that is gone is made anew, however often, as for a plain session."""
    session = mounted()

    for _ in range(4):
        assert session.get(f"{verto.url}/status/200").status_code == 200
        session.close()


def test_more_origins_than_pools_are_called_in_turn(mounted: Mounter) -> None:
    """urllib3 keeps ten pools; what is dropped for another is made anew when it is called again."""
    session = mounted()
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(Sandbox()) for _ in range(11)]

        came = [session.get(f"{one.url}/status/200").status_code for one in servers * 4]

    assert came == [200] * 44


def test_closing_again_and_again_loses_no_call(mounted: Mounter, verto: Sandbox) -> None:
    """Calls made while another thread goes on closing end as an answer."""
    verto.script("/x", [503, 200], repeat=True)
    session = mounted(max_attempts=3, consecutive_failures=None, minimum_calls=1000)
    stop = threading.Event()

    def shut() -> None:
        while not stop.wait(0.003):
            session.close()

    def call(_: int) -> int | str:
        try:
            return session.get(f"{verto.url}/x").status_code
        except requests.exceptions.RequestException as error:
            return type(error).__name__

    closer = threading.Thread(target=shut)
    closer.start()
    try:
        with ThreadPoolExecutor(8) as threads:
            came = list(threads.map(call, range(200)))
    finally:
        stop.set()
        closer.join(5)

    assert len(came) == 200
    assert set(came) <= {200, 503}
    assert session.get(f"{verto.url}/status/200").status_code == 200
