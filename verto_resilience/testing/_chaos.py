"""Faults by chance, between one's own code and an adapter that sends; see docs/design."""

import errno
import io
import itertools
import random
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import BaseAdapter, HTTPAdapter
from requests.structures import CaseInsensitiveDict

from verto_resilience.testing._http import imf_fixdate
from verto_resilience.testing._impossible import impossible
from verto_resilience.testing._reply import LONGEST, is_length, is_number, phrase

_SERVER_ERRORS = (500, 503, 504)


class ChaosFault(StrEnum):
    """What is injected."""

    RESET = "reset"
    """``ConnectionError``: the connection is reset."""
    TIMEOUT = "timeout"
    """``ReadTimeout``, at once."""
    THROTTLED = "throttled"
    """A 429 with ``Retry-After``; nothing is sent."""
    SERVER_ERROR = "server_error"
    """A 500, 503 or 504."""
    SLOW = "slow"
    """The answer, later."""
    TRUNCATED = "truncated"
    """The answer with half of its body."""


@dataclass(frozen=True, slots=True)
class Injection:
    """What became of one send.

    Attributes:
        number: 1 for the first send of the adapter.
        method: The request's.
        path: The request's, without the query.
        fault: What was injected; ``None`` for nothing.
        reached: Whether the request was handed to the inner adapter.
        status: What was answered; ``None`` when nothing was.
    """

    number: int
    method: str
    path: str
    fault: ChaosFault | None
    reached: bool
    status: int | None


class ChaosAdapter(BaseAdapter):
    """An adapter of requests that lets things go wrong, to try one's own code.

    Each rate is the share of sends, from 0 to 1, that meet the fault; together they are at most 1.
    What the n-th send meets depends on the seed and n alone. Mount it below the adapter that
    is to cope::

        session.mount("https://", ChaosAdapter(seed=7, resets=0.1, server_errors=0.2))
        verto_resilience.mount(session)

    Args:
        inner: The adapter that sends. ``None`` makes an ``HTTPAdapter``. :meth:`close` closes it.
        seed: Where the draws begin; ``None`` chooses one, which the repr tells.
        resets: Rate of connections that are reset.
        timeouts: Rate of read timeouts; they are raised at once, whatever the timeout is.
        throttled: Rate of 429s.
        server_errors: Rate of 500s, 503s and 504s.
        slow: Rate of answers that take :attr:`slowness` seconds longer.
        truncated: Rate of bodies that end half-way; an answer without a body stays whole.
        reaching: Share of resets, timeouts and server errors that the server executes first.
        retry_after: Seconds told with a 429; ``None`` for no ``Retry-After``.
        slowness: Seconds that a slow answer takes longer.
        sleep: Waits that long.
        keeps: How many sends the log remembers; the oldest leave first.

    Raises:
        ConfigurationError: A value cannot be; the message names all that cannot.
    """

    def __init__(
        self,
        inner: BaseAdapter | None = None,
        *,
        seed: int | None = None,
        resets: float = 0.0,
        timeouts: float = 0.0,
        throttled: float = 0.0,
        server_errors: float = 0.0,
        slow: float = 0.0,
        truncated: float = 0.0,
        reaching: float = 0.5,
        retry_after: int | None = 1,
        slowness: float = 1.0,
        sleep: Callable[[float], object] = time.sleep,
        keeps: int = 20_000,
    ) -> None:
        """Prepare; nothing has been drawn yet."""
        super().__init__()
        self._rates = {
            ChaosFault.RESET: resets,
            ChaosFault.TIMEOUT: timeouts,
            ChaosFault.THROTTLED: throttled,
            ChaosFault.SERVER_ERROR: server_errors,
            ChaosFault.SLOW: slow,
            ChaosFault.TRUNCATED: truncated,
        }
        problems = [
            *_rate_problems({**self._rates, "reaching": reaching}),
            *_sum_problems(self._rates),
            *([] if is_length(slowness) else [f"slowness {slowness!r} is no number of seconds"]),
        ]
        if retry_after is not None and (
            type(retry_after) is not int or not 0 <= retry_after <= LONGEST
        ):
            problems.append(f"retry_after {retry_after!r} is no whole number of seconds")
        if type(keeps) is not int or keeps < 1:
            problems.append(f"keeps {keeps!r} is no whole number from 1 up")
        if problems:
            raise impossible(*problems, what="this chaos")
        self.inner = HTTPAdapter() if inner is None else inner
        self.seed = random.randrange(2**32) if seed is None else seed
        self._reaching = reaching
        self._retry_after = retry_after
        self._slowness = slowness
        self._sleep = sleep
        self._numbers = itertools.count(1)
        self._log: deque[Injection] = deque(maxlen=keeps)

    @property
    def log(self) -> tuple[Injection, ...]:
        """What it did so far, in the order in which sends ended; a snapshot."""
        return tuple(self._log)

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> Any:
        """Send, or let it go wrong.

        Raises:
            requests.RequestException: Injected, or the inner adapter's own.
        """
        number = next(self._numbers)
        chance = random.Random(f"{self.seed}:{number}")
        fault = self._fault(chance.random())
        reaches = chance.random() < self._reaching
        status = chance.choice(_SERVER_ERRORS)
        match fault:
            case ChaosFault.RESET | ChaosFault.TIMEOUT | ChaosFault.SERVER_ERROR:
                sends = reaches
            case ChaosFault.THROTTLED:
                sends = False
            case _:
                sends = True
        response: requests.Response | None = None
        told = fault
        try:
            if fault is ChaosFault.SLOW:
                self._sleep(self._slowness)
            answer = self.inner.send(request, *args, **kwargs) if sends else None
            if fault is ChaosFault.TRUNCATED and answer is not None:
                told = fault if _cut(answer) else None
            if fault in _DROPS and answer is not None:
                _drop(answer)
            response = self._answer(fault, request, status, answer)
        finally:
            self._note(number, request, told, sends, response)
        return response

    def close(self) -> None:
        """Close the inner adapter."""
        self.inner.close()

    def __repr__(self) -> str:
        """Show the seed, the rates, and what it did."""
        rates = "".join(f", {fault}={rate!r}" for fault, rate in self._rates.items() if rate)
        done = Counter(entry.fault or "plain" for entry in self.log)
        counted = ", ".join(f"{count} {what}" for what, count in sorted(done.items()))
        return f"ChaosAdapter(seed={self.seed}{rates}; sent: {counted or 'nothing'})"

    def _fault(self, drawn: float) -> ChaosFault | None:
        for fault, rate in self._rates.items():
            if drawn < rate:
                return fault
            drawn -= rate
        return None

    def _answer(
        self,
        fault: ChaosFault | None,
        request: requests.PreparedRequest,
        status: int,
        answer: requests.Response | None,
    ) -> requests.Response | None:
        match fault:
            case ChaosFault.RESET:
                cause = ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")
                lost = urllib3.exceptions.ProtocolError("Connection aborted.", cause)
                raise requests.ConnectionError(lost, request=request)
            case ChaosFault.TIMEOUT:
                raise requests.ReadTimeout("Read timed out.", request=request)
            case ChaosFault.THROTTLED:
                return self._made(request, 429, self._retry_after)
            case ChaosFault.SERVER_ERROR:
                return self._made(request, status, None)
            case ChaosFault.SLOW | ChaosFault.TRUNCATED | None:
                return answer

    def _made(
        self, request: requests.PreparedRequest, status: int, retry_after: int | None
    ) -> requests.Response:
        body = f'{{"message": "{phrase(status)}"}}'.encode()
        headers = {
            "Date": imf_fixdate(int(time.time())),
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
        }
        if retry_after is not None:
            headers["Retry-After"] = str(retry_after)
        response = requests.Response()
        response.status_code = status
        response.reason = phrase(status)
        response.headers = CaseInsensitiveDict(headers)
        response.encoding = "utf-8"
        response.url = request.url or ""
        response.request = request
        response.connection = self  # type: ignore[assignment]
        response.raw = _raw(body, headers, status, request.method)
        return response

    def _note(
        self,
        number: int,
        request: requests.PreparedRequest,
        fault: ChaosFault | None,
        reached: bool,  # noqa: FBT001 - a field of what is noted
        response: requests.Response | None,
    ) -> None:
        status = None if response is None else response.status_code
        path = urlsplit(request.url or "").path
        self._log.append(Injection(number, request.method or "", path, fault, reached, status))


_DROPS = frozenset({ChaosFault.RESET, ChaosFault.TIMEOUT, ChaosFault.SERVER_ERROR})


def _drop(answer: requests.Response) -> None:
    """Read an answer that nobody gets, so that its connection is kept."""
    _ = answer.content
    answer.close()


def _cut(answer: requests.Response) -> bool:
    """Leave half of the body; ``False`` when there is none."""
    body: bytes = answer.raw.read(decode_content=False)
    answer.raw.release_conn()
    headers = dict(answer.headers)
    for name in [name for name in headers if name.lower() == "transfer-encoding"]:
        del headers[name]
    headers["Content-Length"] = str(len(body))
    method = answer.request.method
    answer.raw = _raw(body[: len(body) // 2], headers, answer.status_code, method)
    return bool(body)


def _raw(
    body: bytes, headers: dict[str, str], status: int, method: str | None
) -> urllib3.HTTPResponse:
    return urllib3.HTTPResponse(
        io.BytesIO(body),
        headers=headers,
        status=status,
        reason=phrase(status),
        preload_content=False,
        enforce_content_length=True,
        request_method=method,
    )


def _rate_problems(rates: dict[Any, object]) -> list[str]:
    return [
        f"{name!s} {rate!r} is no share from 0 to 1"
        for name, rate in rates.items()
        if not (is_number(rate) and 0 <= rate <= 1)
    ]


def _sum_problems(rates: dict[ChaosFault, float]) -> list[str]:
    total = sum(rate for rate in rates.values() if is_number(rate))
    return [f"the rates are {total:.3g} together; at most 1 is possible"] if total > _ALL else []


_ALL = 1 + 1e-9
"""Ten times 0.1 is a little more than 1."""
