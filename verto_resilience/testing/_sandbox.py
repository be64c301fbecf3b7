"""The Sandbox: a loopback Verto to test against, with scripts and a log of what reached it."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Self

from verto_resilience.testing._conversation import Conversation
from verto_resilience.testing._forks import watch
from verto_resilience.testing._impossible import impossible
from verto_resilience.testing._ledger import Ledger
from verto_resilience.testing._log import Arrival, ArrivalLog
from verto_resilience.testing._paths import PathTemplate
from verto_resilience.testing._reply import LONGEST, Reply, RetryAfterForm, is_length
from verto_resilience.testing._scripts import (
    Script,
    SequenceScript,
    Stage,
    WindowScript,
    as_reply,
    named_script,
    throttle_script,
)
from verto_resilience.testing._server import LoopbackServer, tls_context
from verto_resilience.testing._verto import Verto

_HIGHEST_PORT = 65535


class Sandbox:
    """A real HTTP server on this machine that answers as Verto does, as far as Verto documents it.

    Example::

        with Sandbox() as verto:
            verto.script("/orders/v2.1/fx", [503, Reply(429, retry_after=1)])
            requests.get(verto.url + "/orders/v2.1/fx?currencyFrom=USD&currencyTo=EUR")
            assert [arrival.status for arrival in verto.log] == [503]

    It may be used from many threads. Closed, it can be started again, on the same port.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        script: str | None = None,
        require_auth: bool = False,
        credentials: tuple[str, str] | None = None,
        token_lifetime: float = 3600.0,
        code_key: str = "code",
        clock_skew: float = 0.0,
        tls: tuple[str, str] | None = None,
        on_answer: Callable[[Arrival], object] | None = None,
        keeps: int = 20_000,
    ) -> None:
        """Prepare a sandbox; nothing listens before :meth:`start`.

        Args:
            host: Address to listen on.
            port: 0 for any free one.
            script: What to play on every path, see :meth:`play`; ``None`` for nothing.
            require_auth: Whether a bearer token from ``POST /users/login`` is asked for; without a
                good one the answer is 401.
            credentials: The ``clientId`` and ``apiKey`` that may log in; ``None`` for any.
            token_lifetime: Seconds that a bearer token lives.
            code_key: JSON key of the API error code in an error body. Verto documents none.
            clock_skew: Seconds that the server's wall clock is ahead of this machine's; negative
                for behind. It shows in ``Date`` and in ``Retry-After`` dates.
            tls: Paths of a certificate and its key, for HTTPS; ``None`` for HTTP.
            on_answer: Called with each :class:`Arrival` just before it is answered, in the thread
                that answers.
            keeps: How many arrivals, trades, payments and tokens are remembered each; the oldest
                leave first.

        Raises:
            ConfigurationError: A setting cannot be; the message names all that cannot.
        """
        problems = list(_problems(port, token_lifetime, code_key, keeps))
        if problems:
            raise impossible(*problems, what="this sandbox")
        self._lock = threading.RLock()
        self._host, self._port = host, port
        self._scheme = "http" if tls is None else "https"
        self._closing = threading.Event()
        self._ledger = Ledger(keeps)
        self._log = ArrivalLog(self._lock, keeps)
        self._stage = Stage()
        verto = Verto(
            self._lock,
            self._ledger,
            require_auth=require_auth,
            credentials=credentials,
            token_lifetime=token_lifetime,
        )
        conversation = Conversation(
            lock=self._lock,
            log=self._log,
            stage=self._stage,
            verto=verto,
            closing=self._closing,
            code_key=code_key,
            clock_skew=clock_skew,
            on_answer=on_answer,
        )
        self._server = LoopbackServer(
            self._lock, conversation.hold, None if tls is None else tls_context(*tls)
        )
        if script is not None:
            self.play(script)

    def start(self) -> Self:
        """Listen; does nothing when it already does.

        Raises:
            ConfigurationError: The port is taken.
        """
        with self._lock:
            if self._server.port is None:
                self._closing.clear()
                self._server.start(self._host, self._port)
                self._port = self._server.port or 0
                watch(self._server)
        return self

    def close(self) -> None:
        """Drop every connection and stop listening; no thread and no socket is left.

        The log can still be read.
        """
        self._closing.set()
        self._server.close()

    def __enter__(self) -> Self:
        """Start."""
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()

    def __repr__(self) -> str:
        """Show where it listens and how much came."""
        where = self.url if self._server.port else "not started"
        return f"Sandbox({where}, arrivals={self._log.count})"

    @property
    def url(self) -> str:
        """Where it listens, without a slash at the end; kept after :meth:`close`.

        Raises:
            RuntimeError: It was never started, so that its port is not known.
        """
        if not self._port:
            raise RuntimeError(
                "the sandbox was not started: use `with Sandbox() as verto:` or start()"
            )
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{self._scheme}://{host}:{self._port}"

    @property
    def port(self) -> int:
        """The port it listens on; 0 before it was started, when any free one may be taken."""
        return self._port

    def script(
        self,
        path: str | None,
        replies: Iterable[Reply | int],
        *,
        method: str | None = None,
        repeat: bool = False,
    ) -> None:
        """Answer with these replies, one for each request, and normally again after the last.

        It takes the place of an earlier script for the same path and method. Of several that fit
        a request, the one that was put on last is asked first.

        Args:
            path: A path, or a template such as ``/payments/{id}``; ``None`` for every path.
            replies: A bare status stands for ``Reply(status)``.
            method: ``None`` for every method.
            repeat: Begin again after the last reply, until :meth:`healthy`.

        Raises:
            ConfigurationError: The path or a reply cannot be.
        """
        self._put(path, method, SequenceScript(replies, repeat=repeat))

    def play(
        self,
        name: str,
        *,
        path: str | None = None,
        method: str | None = None,
        seconds: float | None = None,
        count: int | None = None,
        form: RetryAfterForm | str | None = None,
        repeat: bool = False,
    ) -> None:
        """Play a named script (``healthy``, ``throttled``, ``down``, ``recovering``) or answers.

        Args:
            name: ``throttled`` is :meth:`throttle`; ``down`` answers 503; ``recovering`` answers
                503, then 429 once with ``Retry-After: 1``, then slowly, then normally. Anything
                else is a list of answers, such as ``503 x2, 429 retry-after=1, ok delay=0.5``.
            path: A path or a template; ``None`` for every path.
            method: ``None`` for every method.
            seconds: Length of ``throttled`` (2 when ``None``) or of ``down``.
            count: How many 503s; ``None`` is without end for ``down``, 2 for ``recovering``.
            form: ``seconds`` or ``date``, for ``Retry-After``.
            repeat: Begin again after the last of the answers.

        Raises:
            ConfigurationError: The name is unknown, it has no such option, or the answers cannot be
                read.
        """
        script = named_script(name, seconds=seconds, count=count, form=form, repeat=repeat)
        self._put(path, method, script)

    def throttle(
        self,
        seconds: float = 2.0,
        *,
        path: str | None = None,
        method: str | None = None,
        form: RetryAfterForm | str = RetryAfterForm.SECONDS,
    ) -> None:
        """Answer 429 for a while, counted from the first request.

        ``Retry-After`` tells the whole seconds left, rounded up: whoever keeps to it is answered.

        Args:
            seconds: How long.
            path: A path or a template; ``None`` for every path.
            method: ``None`` for every method.
            form: ``seconds`` or ``date``.
        """
        self._put(path, method, throttle_script(seconds, form))

    def outage(
        self,
        seconds: float,
        status: int | Reply = 503,
        *,
        path: str | None = None,
        method: str | None = None,
        from_now: bool = False,
    ) -> None:
        """Fail for a while.

        Args:
            seconds: How long.
            status: What to answer meanwhile; a :class:`Reply` may have a fault.
            path: A path or a template; ``None`` for every path.
            method: ``None`` for every method.
            from_now: Count from now, not from the first request.
        """
        reply = as_reply(status)
        since = time.monotonic() if from_now else None
        self._put(path, method, WindowScript(seconds, lambda _left: reply, since=since))

    def healthy(self, path: str | None = None) -> None:
        """End the scripts that were put on for this path; ``None`` ends every script."""
        with self._lock:
            self._stage.clear(path)

    @property
    def log(self) -> tuple[Arrival, ...]:
        """What has reached it so far, oldest first; a snapshot that does not change."""
        return self._log.snapshot()

    @property
    def arrived(self) -> int:
        """How many requests came since the start or :meth:`clear`, forgotten ones included."""
        return self._log.count

    def arrivals(self, path: str | None = None, method: str | None = None) -> tuple[Arrival, ...]:
        """Pick from :attr:`log`.

        Args:
            path: A path or a template; ``None`` for every path.
            method: ``None`` for every method.
        """
        template = None if path is None else PathTemplate(path)
        wanted = None if method is None else method.upper()
        return tuple(
            arrival
            for arrival in self.log
            if (template is None or template.match(arrival.path) is not None)
            and wanted in (None, arrival.method)
        )

    def wait_for(self, count: int, timeout: float = 5.0, *, answered: bool = False) -> bool:
        """Wait until that many requests have come since the start or :meth:`clear`.

        Args:
            count: How many.
            timeout: Seconds to wait at most.
            answered: Count only those that were answered, or dropped by a fault.

        Returns:
            ``False`` when the time was up first.
        """
        return self._log.wait_for(count, timeout, answered=answered)

    @property
    def trades(self) -> tuple[Mapping[str, object], ...]:
        """Every trade booked, oldest first; one that was sent twice is in twice."""
        with self._lock:
            return tuple(self._ledger.trades.values())

    @property
    def payments(self) -> tuple[Mapping[str, object], ...]:
        """Every payment taken, oldest first."""
        with self._lock:
            return tuple(self._ledger.payments.values())

    def expire_tokens(self) -> None:
        """Make every bearer token expire now."""
        with self._lock:
            self._ledger.tokens.clear()

    def clear(self) -> None:
        """Forget arrivals, trades, payments, stored answers and tokens; scripts play on."""
        with self._lock:
            self._log.clear()
            self._ledger.clear()

    def _put(self, path: str | None, method: str | None, script: Script) -> None:
        with self._lock:
            self._stage.put(path, method, script)


def _problems(
    port: object, token_lifetime: object, code_key: object, keeps: object
) -> Iterable[str]:
    if type(port) is not int or not 0 <= port <= _HIGHEST_PORT:
        yield f"port {port!r} is no whole number from 0 to {_HIGHEST_PORT}"
    if not is_length(token_lifetime):
        yield f"token_lifetime {token_lifetime!r} is no number of seconds from 0 to {LONGEST}"
    if not code_key or not isinstance(code_key, str):
        yield f"code_key {code_key!r} is no name"
    if type(keeps) is not int or keeps < 1:
        yield f"keeps {keeps!r} is no whole number from 1 up"
