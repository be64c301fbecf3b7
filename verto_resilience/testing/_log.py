"""What reached the sandbox, and when: the evidence that tests rely on."""

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl

from verto_resilience.testing._http import Request
from verto_resilience.testing._reply import Fault


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request that reached the sandbox, with what became of it.

    Attributes:
        number: 1 for the first request since the sandbox was made or cleared.
        connection: Number of the TCP connection it came on, from 1.
        arrived: Monotonic instant, in seconds, at which its first byte was read.
        answered: Monotonic instant just before the first byte of the answer was sent, or at which
            the connection was dropped instead; ``None`` while the answer is being made.
        method: As received.
        path: As received, without the query and not decoded.
        query: As received, without the question mark.
        headers: Every field as received; lookup ignores case.
        body: As received, transfer coding removed.
        status: What was answered; ``None`` when nothing was, or not yet.
        retry_after: Seconds told in ``Retry-After``, whichever the form (a date counts from the
            ``Date`` header beside it); ``None`` when none were told.
        executed: Whether this request changed anything: a trade booked, a payment taken.
        replayed: Whether a stored answer was given again for a known ``Idempotency-Key``.
        fault: What was made to go wrong; ``None`` for nothing.
        call_id: The ``Vfx-Api-Call-Id`` of the answer.
        correlation_id: The ``Vfx-Correlation-Id`` of the answer, made by the sandbox; the
            client's own is in ``headers``.
    """

    number: int
    connection: int
    arrived: float
    answered: float | None
    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    status: int | None = None
    retry_after: int | None = None
    executed: bool = False
    replayed: bool = False
    fault: Fault | None = None
    call_id: str = ""
    correlation_id: str = ""

    @property
    def params(self) -> dict[str, str]:
        """The query, decoded; of a name given twice the last value."""
        return dict(parse_qsl(self.query, keep_blank_values=True))

    def json(self) -> object:
        """Read the body as JSON.

        Raises:
            ValueError: The body is no JSON.
        """
        return json.loads(self.body)


class ArrivalLog:
    """Keeps arrivals in order, the oldest leaving first; safe to read from any thread."""

    __slots__ = ("_arrivals", "_changed", "_count", "_limit")

    def __init__(self, lock: threading.RLock, limit: int) -> None:
        """Start empty.

        Args:
            lock: Guards this log; shared with the rest of one sandbox.
            limit: How many arrivals are kept.
        """
        self._changed = threading.Condition(lock)
        self._arrivals: dict[int, Arrival] = {}
        self._count = 0
        self._limit = limit

    @property
    def count(self) -> int:
        """How many requests have come, the forgotten ones included."""
        return self._count

    def open(self, request: Request, connection: int) -> Arrival:
        """Write down a request that has just been read."""
        with self._changed:
            self._count += 1
            arrival = Arrival(
                number=self._count,
                connection=connection,
                arrived=request.arrived,
                answered=None,
                method=request.method,
                path=request.path,
                query=request.query,
                headers=request.headers,
                body=request.body,
            )
            self._arrivals[arrival.number] = arrival
            if len(self._arrivals) > self._limit:
                del self._arrivals[next(iter(self._arrivals))]
            self._changed.notify_all()
        return arrival

    def settle(self, arrival: Arrival) -> Arrival:
        """Replace an arrival by what is now known of it, answered as of now."""
        settled = replace(arrival, answered=time.monotonic())
        self.update(settled)
        return settled

    def update(self, arrival: Arrival) -> None:
        """Replace an arrival by what is now known of it; one that was cleared stays away."""
        with self._changed:
            before = self._arrivals.get(arrival.number)
            if before is not None and before.arrived == arrival.arrived:
                self._arrivals[arrival.number] = arrival
                self._changed.notify_all()

    def snapshot(self) -> tuple[Arrival, ...]:
        """Copy what is kept, oldest first."""
        with self._changed:
            return tuple(self._arrivals.values())

    def wait_for(self, count: int, timeout: float, *, answered: bool) -> bool:
        """Wait until that many requests have come; see :meth:`Sandbox.wait_for`."""
        with self._changed:
            return self._changed.wait_for(lambda: self._has(count, answered=answered), timeout)

    def clear(self) -> None:
        """Forget every arrival and count from 1 again."""
        with self._changed:
            self._arrivals.clear()
            self._count = 0

    def _has(self, count: int, *, answered: bool) -> bool:
        if not answered:
            return self._count >= count
        pending = sum(1 for arrival in self._arrivals.values() if arrival.answered is None)
        return self._count - pending >= count
