"""The recorder: an observer that keeps the newest of what happened, and counts the rest."""

import os
import weakref
from collections import deque
from collections.abc import Callable
from pathlib import Path
from threading import Lock, get_ident
from typing import Any

from verto_resilience.flight._record import (
    CallRecord,
    Flight,
    Moved,
    Paused,
    Sent,
    Waited,
)
from verto_resilience.flight._tally import OpenCall, Sums
from verto_resilience.pipeline import (
    AttemptEnded,
    CallEnded,
    CallRefused,
    CallRequest,
    CircuitMoved,
    Clock,
    Event,
    PauseBegan,
    SystemClock,
    WaitBegan,
)

_LONGEST_NAME = 200


class FlightRecorder:
    """Keeps what happened to the newest calls, and writes it as one page for a person.

    Give it to ``mount`` or ``VertoAdapter`` as ``observer``; several sessions may share one. It
    keeps methods, origins, templates of known operations, statuses and times; never a URL, a
    header or a body. It may be used from many threads.

    Args:
        keep: How many of the newest calls are kept: so many with something to tell, and as many
            that succeeded at once or were refused, so that these do not drive out the others. Of
            circuit changes and of pauses as many each. Older ones are counted only.
        clock: Where time comes from; give the one that the calls run on.

    Raises:
        ValueError: ``keep`` is less than 1.
    """

    def __init__(self, *, keep: int = 500, clock: Clock | None = None) -> None:
        """Begin now, with nothing."""
        if keep < 1:
            raise ValueError(f"keep must be 1 or more, not {keep!r}")
        self._keep = keep
        self._given_clock = clock
        self._begin()

    def _begin(self) -> None:
        self._lock = Lock()
        self._clock = SystemClock() if self._given_clock is None else self._given_clock
        self._began = self._clock.monotonic()
        self._wall = self._clock.wall()
        # By thread and identity of the request, which every event of a call carries. The request
        # itself holds the URL and is not kept: after a call that was broken off, another may have
        # its identity.
        self._open: dict[tuple[int, int], OpenCall] = {}
        self._eventful: deque[CallRecord] = deque(maxlen=self._keep)
        self._plain: deque[CallRecord] = deque(maxlen=self._keep)
        self._moves: deque[Moved] = deque(maxlen=self._keep)
        self._pauses: deque[Paused] = deque(maxlen=self._keep)
        self._moments = 0
        self._sums = Sums()
        _recorders.add(self)

    def on_event(self, event: Event) -> None:
        """Take note."""
        take = _TAKES.get(type(event))
        if take is not None:
            now = self._clock.monotonic()
            with self._lock:
                take(self, event, now)

    def flight(self) -> Flight:
        """Give what is kept, as a value that changes no more."""
        with self._lock:
            ended = [*self._eventful, *self._plain]
            calls = [*ended, *(call.record(call.began) for call in self._open.values())]
            return Flight(
                began=self._began,
                until=self._clock.monotonic(),
                wall=self._wall,
                calls=tuple(sorted(calls, key=lambda call: (call.began, call.number))),
                moves=tuple(self._moves),
                pauses=tuple(self._pauses),
                totals=self._sums.totals(),
                calls_left_out=self._sums.calls - len(ended),
                moments_left_out=self._moments - len(self._moves) - len(self._pauses),
            )

    def write(self, path: str | os.PathLike[str], *, title: str = "Flight report") -> Path:
        """Write the page: one HTML file that needs no network.

        Args:
            path: Where; a file that is there is replaced.
            title: Its heading.

        Returns:
            The path.

        Raises:
            ModuleNotFoundError: plotly, of the extra ``report``, is not installed.
            OSError: The file cannot be written.
        """
        from verto_resilience.flight._page import page

        target = Path(path)
        target.write_text(page(self.flight(), title=title), encoding="utf-8")
        return target

    def __getstate__(self) -> dict[str, Any]:
        """Give its settings: what was recorded stays where it was."""
        return {"_keep": self._keep, "_given_clock": self._given_clock}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Begin anew."""
        self.__dict__.update(state)
        self._begin()

    def _sent(self, event: AttemptEnded, now: float) -> None:
        attempt = event.attempt
        began = now - attempt.seconds
        call = self._call(event.request, began - attempt.waited)
        if attempt.number == 1 and any(isinstance(step, Sent) for step in call.steps):
            # Left by a call that was broken off, whose request had the same identity.
            call.steps.clear()
        outcome = attempt.outcome
        call.add(Sent(began, attempt.seconds, outcome.category, outcome.cause))

    def _waits(self, event: WaitBegan, now: float) -> None:
        if event.seconds > 0.0:
            self._call(event.request, now).add(Waited(now, event.seconds, event.source))

    def _refused(self, event: CallRefused, now: float) -> None:
        self._call(event.request, now)

    def _call_ended(self, event: CallEnded, now: float) -> None:
        call = self._call(event.request, now - event.seconds)
        del self._open[_key(event.request)]
        self._sums.add(event)
        began = now - event.seconds
        if call.steps:
            # A slow observer before this one makes the instants of events late, each by its own.
            began = min(began, call.steps[0].at)
        record = call.record(
            began,
            now,
            event.report.end,
            ambiguous=event.report.ambiguous,
            error=None if event.error is None else event.error[:_LONGEST_NAME],
        )
        (self._eventful if record.is_eventful else self._plain).append(record)

    def _circuit_moved(self, event: CircuitMoved, now: float) -> None:
        moved = event.transition
        self._moments += 1
        reason = None if moved.reason is None else moved.reason.value
        self._moves.append(
            Moved(
                now,
                event.key[:_LONGEST_NAME],
                moved.before,
                moved.after,
                reason,
                moved.last_failure,
            )
        )

    def _pause_began(self, event: PauseBegan, now: float) -> None:
        pausing = event.pausing
        self._moments += 1
        self._pauses.append(
            Paused(now, event.origin[:_LONGEST_NAME], pausing.seconds, pausing.told, event.status)
        )

    def _call(self, request: CallRequest, began: float) -> OpenCall:
        key = _key(request)
        call = self._open.get(key)
        if call is None:
            if len(self._open) >= self._keep:
                # One whose end is never told, as after a fork, stays; the oldest makes room.
                del self._open[next(iter(self._open))]
            self._sums.begun += 1
            operation = request.operation
            call = self._open[key] = OpenCall(
                number=self._sums.begun,
                method=request.method[:_LONGEST_NAME],
                origin=request.origin[:_LONGEST_NAME],
                operation=None if operation is None else operation.template[:_LONGEST_NAME],
                began=began,
            )
        return call


def _key(request: CallRequest) -> tuple[int, int]:
    return get_ident(), id(request)


_TAKES: dict[type[Event], Callable[[FlightRecorder, Any, float], None]] = {
    AttemptEnded: FlightRecorder._sent,  # noqa: SLF001 - a table of its own methods
    WaitBegan: FlightRecorder._waits,  # noqa: SLF001
    CallRefused: FlightRecorder._refused,  # noqa: SLF001
    CallEnded: FlightRecorder._call_ended,  # noqa: SLF001
    CircuitMoved: FlightRecorder._circuit_moved,  # noqa: SLF001
    PauseBegan: FlightRecorder._pause_began,  # noqa: SLF001
}

_recorders: weakref.WeakSet[FlightRecorder] = weakref.WeakSet()


def _after_fork() -> None:
    # A lock that another thread held at the instant of the fork would stay held in the child.
    for recorder in list(_recorders):
        recorder._lock = Lock()  # noqa: SLF001 - its own class


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
