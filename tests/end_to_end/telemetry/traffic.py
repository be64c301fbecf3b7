"""One call of each sort, over real sockets, one after the other."""

import contextlib
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from types import FrameType, TracebackType
from typing import Any, Self

import requests
from requests.auth import HTTPDigestAuth

import verto_resilience
from tests.end_to_end.sessions import PATIENT
from verto_resilience import Policy
from verto_resilience.testing import Arrival, Fault, Reply, RetryAfterForm, Sandbox

DIGEST = {"WWW-Authenticate": 'Digest realm="r", nonce="n", qop="auth", algorithm=MD5'}
CANARY = "k4n4ry"
SECRETS = {
    "params": {"sig": f"{CANARY}-sig", "token": f"{CANARY}-token", "q": f"{CANARY}-q"},
    "headers": {"Authorization": f"Bearer {CANARY}-bearer", "X-Own": f"{CANARY}-header"},
    "json": {"apiKey": f"{CANARY}-key", "note": f"{CANARY}-note"},
}
LEAKY_ANSWER = {"code": 1, "message": f"bad token {CANARY}-token", "token": f"{CANARY}-answer"}
LEAKY_HEADERS = {
    "X-Secret": f"{CANARY}-told",
    "Vfx-Api-Call-Id": f"call of {CANARY}-token",
    "Vfx-Correlation-Id": f"{CANARY}-token",
    "Set-Cookie": f"sid={CANARY}-cookie",
}


class ProgramError(Exception):
    """What a program raises."""


class Bugged(requests.adapters.HTTPAdapter):
    """An inner adapter with a bug that tells secrets."""

    def send(self, *args: Any, **kwargs: Any) -> requests.Response:
        """Raise in the middle of a send."""
        raise ProgramError(f"{CANARY} in an exception")


class Traffic:
    """Loopback servers under two names, and a session with the adapter mounted.

    Args:
        **settings: Of the policy; ``observer`` is handed to :func:`verto_resilience.mount`.

    Attributes:
        raised: Every error that came up, in order.
        came: The status or the class of the error that each call came to.
    """

    def __init__(self, **settings: Any) -> None:
        """Prepare; nothing listens yet."""
        self._stack = ExitStack()
        self._observer = settings.pop("observer", None)
        self._policy = Policy(**(PATIENT | {"consecutive_failures": 5, "pause_ramp": 0} | settings))
        self.raised: list[BaseException] = []
        self.came: list[int | str] = []

    def __enter__(self) -> Self:
        """Listen and mount."""
        self.verto = self._stack.enter_context(Sandbox(on_answer=self._interrupt))
        self.other = self._stack.enter_context(Sandbox(host="localhost"))
        self.throttling = self._stack.enter_context(Sandbox())
        self.down = self._stack.enter_context(Sandbox())
        self.session = self._stack.enter_context(requests.Session())
        self.session.trust_env = False
        self.session.mount("http://bugged.invalid", Bugged())
        verto_resilience.mount(self.session, policy=self._policy, observer=self._observer)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close everything."""
        self._stack.close()

    @property
    def log(self) -> tuple[Arrival, ...]:
        """What arrived at all servers."""
        servers = (self.verto, self.other, self.throttling, self.down)
        return tuple(arrival for server in servers for arrival in server.log)

    def send(self, method: str, url: str, *replies: Reply | int, **options: Any) -> Any:
        """Have the server give these answers to a path, and ask for it."""
        if replies:
            self.verto.script(url, replies)
        if url.startswith("/"):
            url = self.verto.url + url
        try:
            response = self.session.request(method, url, **options)
        except (requests.exceptions.RequestException, ProgramError, KeyboardInterrupt) as error:
            self.raised.append(error)
            self.came.append(type(error).__name__)
            return None
        self.came.append(response.status_code)
        return response

    def answers(self) -> None:
        """Have answers of the usual sorts, resends among them."""
        self.send("GET", "/ok", 200)
        self.send("GET", "/flaky", 503, 503, 200)
        self.send("GET", "/missing", Reply(404, code=1))
        self.send("FOO", "/odd", 200)
        self.send("POST", "/unsure", 503)
        self.send("PUT", "/sure", 503, 409)
        self.send("GET", "/named", 200, headers={"Host": "named.example"})
        self.send("GET", "/lasting", 503, 503, 503)
        self.send("GET", "/cut", Reply(200, body=b"x" * 100, fault=Fault.TRUNCATED), 200)

    def hops(self) -> None:
        """Have redirects and re-sends with credentials, some of them resent on their way."""
        self.other.script("/there", [503, 200])
        self.verto.script("/here", [503, 503, 200])
        self.send("GET", "/moved", Reply(302, headers={"Location": "/here"}))
        self.send("GET", "/far", 503, Reply(302, headers={"Location": f"{self.other.url}/there"}))
        self.verto.script("/digest", [Reply(401, headers=DIGEST), 503, 200])
        self.send("GET", "/digest", auth=HTTPDigestAuth("user", f"{CANARY}-password"))
        proxies = {"http": self.verto.url}
        self.send("GET", "http://default-port.invalid/proxied", proxies=proxies)

    def throttled(self) -> None:
        """Have both forms of ``Retry-After``, none at all, and one that does not fit."""
        self.send("GET", "/slow", Reply(429, retry_after=0), 200)
        dated = Reply(429, retry_after=1, retry_after_form=RetryAfterForm.DATE)
        self.send("GET", "/slow", dated, 200)
        self.send("GET", "/slow", 429, 200)
        self.throttling.script("/x", [Reply(429, retry_after=200)])
        self.send("GET", f"{self.throttling.url}/x")
        self.send("GET", f"{self.throttling.url}/x")

    def failures(self) -> None:
        """Have nobody at home, no such name, no answer, and an adapter with a bug."""
        with closed_port() as port:
            self.send("GET", f"http://127.0.0.1:{port}/x", params=SECRETS["params"])
        self.send("GET", "http://nowhere.invalid/", params=SECRETS["params"])
        late = Reply(200, delay=0.3)
        self.send("GET", "/late", late, late, late, timeout=(1, 0.05))
        self.send("GET", "http://bugged.invalid/", params=SECRETS["params"])

    def streams(self) -> None:
        """Leave a stream unread, and read one that breaks."""
        with self.send("GET", "/stream", 503, Reply(200, body=b"x" * 100_000), stream=True):
            pass
        broken = Reply(200, body=b"x" * 100, fault=Fault.TRUNCATED)
        response = self.send("GET", "/broken", broken, stream=True)
        with suppress(requests.exceptions.ChunkedEncodingError):
            _ = response.content
        response.close()

    def secrets(self) -> None:
        """Send a secret in every place that has room for one, and get some back."""
        url = self.verto.url.replace("http://", f"http://{CANARY}-user:{CANARY}-password@")
        leaky = Reply(400, json=LEAKY_ANSWER, headers=LEAKY_HEADERS)
        self.verto.script("/secrets", [leaky, leaky, Reply(503, json=LEAKY_ANSWER)])
        self.send("POST", f"{url}/secrets#{CANARY}-fragment", **SECRETS)
        self.send("POST", f"{self.verto.url}/secrets", **SECRETS)
        self.send("POST", f"{url}/secrets", **SECRETS)

    def cancelled(self) -> None:
        """Break off in the middle of a send, as Ctrl-C does."""
        self._interrupting = True
        previous = signal.signal(signal.SIGUSR1, _break_off)
        try:
            self.send("GET", "/cancelled", Reply(200, delay=2.0))
        finally:
            signal.signal(signal.SIGUSR1, previous)
            self._interrupting = False

    def refused(self) -> None:
        """Open a circuit, and be refused."""
        self.down.script(None, [503], repeat=True)
        for _ in range(3):
            self.send("GET", f"{self.down.url}/x", params=SECRETS["params"])

    def everything(self) -> None:
        """Have all of it."""
        self.answers()
        self.hops()
        self.throttled()
        self.failures()
        self.streams()
        self.secrets()
        self.cancelled()
        self.refused()

    _interrupting = False

    def _interrupt(self, arrival: Arrival) -> None:
        if self._interrupting and arrival.path == "/cancelled":
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)


def _break_off(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt(f"{CANARY} in a cancellation")


@contextmanager
def closed_port() -> Iterator[int]:
    """Give a port on which nobody listens, and nobody else can."""
    with contextlib.closing(socket.socket()) as holder:
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


CAME: list[int | str] = [
    *(200, 200, 404, 200, 503, 409, 200, 503, 200),
    *(200, 200, 200, 404),
    *(200, 200, 200, 429, "RequestsPausedError"),
    *("ConnectionError", "ConnectionError", "ReadTimeout", "ProgramError"),
    *(200, 200),
    *(400, 400, 503),
    "KeyboardInterrupt",
    *(503, 503, "RequestsCircuitOpenError"),
]
"""What the calls of :meth:`Traffic.everything` come to."""

NEVER_ARRIVED = 3 + 3 + 1
"""Sends of it that reach no server: nobody at home, no such name, a bug."""
