"""Who listens, and who draws the trace; both have a silent twin that costs nothing."""

import logging
from collections.abc import Collection, MutableMapping
from types import TracebackType
from typing import NamedTuple, Protocol, Self

from verto_resilience.outcome import Outcome
from verto_resilience.pipeline._events import Event
from verto_resilience.pipeline._exceptions import class_name, traceback_of
from verto_resilience.pipeline._report import CallReport, WaitSource
from verto_resilience.pipeline._request import CallRequest

_log = logging.getLogger("verto_resilience")


class Observer(Protocol):
    """Is told what happened. Must be quick; what it raises is logged and goes no further.

    An observer that has no use for the two events that every call brings (``AttemptEnded`` of an
    attempt that succeeded, ``CallEnded``) says so by an attribute ``wants_routine = False``: where
    nobody wants them they are not made.
    """

    def on_event(self, event: Event) -> None:
        """Take note; called in the thread of the call, with no lock held."""
        ...


# In its body it would be a member that an observer has to have.
Observer.__module__ = "verto_resilience"


LONGEST_ID = 128
"""Characters of an identifier from a header that are shown."""


class Received(NamedTuple):
    """What identifies an answer; every part may be missing. The edge has cut what is long.

    Attributes:
        protocol_version: Such as ``1.1``.
        peer: Address and port of the other end of the socket, never a name.
        call_id: Verto's id of this one call, to be quoted to Support.
        correlation_id: The correlation id on the response.
    """

    protocol_version: str | None = None
    peer: tuple[str, int] | None = None
    call_id: str | None = None
    correlation_id: str | None = None


class AttemptScope(Protocol):
    """Around one send.

    Attributes:
        wants_details: Whether anybody records what identifies the answer; where not, the edge
            need not look for it.
        withheld: Names of headers that must not go to this server, whoever put them there.
    """

    wants_details: bool

    @property
    def withheld(self) -> Collection[str]:
        """Names of headers that must not go to this server."""
        ...

    def __enter__(self) -> Self:
        """Begin."""
        ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End; must let every exception pass."""
        ...

    def inject(self, headers: MutableMapping[str, str]) -> None:
        """Add what carries the trace to the server; ``headers`` are this attempt's own."""
        ...

    def ended(self, outcome: Outcome, error: Exception | None) -> None:
        """Say what came of it."""
        ...

    def received(self, details: Received) -> None:
        """Hear what identifies the answer; asked for only where ``wants_details``."""
        ...


class CallScope(Protocol):
    """Around one call, its waits included."""

    def __enter__(self) -> Self:
        """Begin."""
        ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End; must let every exception pass."""
        ...

    def attempt(
        self, number: int, waited: float, source: WaitSource, *, probe: bool
    ) -> AttemptScope:
        """Give the scope of the next send.

        Args:
            number: 1 for the first send of this call.
            waited: Seconds waited before it.
            source: What set that wait.
            probe: Whether a half-open circuit tries its origin with it.
        """
        ...

    def ended(self, report: CallReport, error: Exception | None) -> None:
        """Say what became of the call."""
        ...


class Tracing(Protocol):
    """Draws calls and attempts as spans."""

    def call(self, request: CallRequest) -> CallScope:
        """Give the scope of a call."""
        ...


def wants_routine(observer: Observer) -> bool:
    """Say whether an observer wants the events that every call brings; yes unless it says no."""
    return bool(getattr(observer, "wants_routine", True))


class Observers:
    """Several observers as one; a mistake in one of them reaches neither the call nor the others.

    What an observer raises is logged, once for each observer: class and traceback, for nobody knows
    what its message quotes.
    """

    __slots__ = ("_failed", "_observers", "wants_routine")

    def __init__(self, *observers: Observer) -> None:
        """Tell these, in this order."""
        self._observers = observers
        self.wants_routine = any(wants_routine(observer) for observer in observers)
        self._failed: set[int] = set()

    def on_event(self, event: Event) -> None:
        """Tell each of them."""
        for observer in self._observers:
            try:
                observer.on_event(event)
            except Exception as error:  # noqa: BLE001 - a stranger's code must not reach the call
                if id(observer) not in self._failed:
                    self._failed.add(id(observer))
                    _log.error(
                        "observer %s failed on %s: %s; further failures of it are not logged",
                        type(observer).__qualname__,
                        type(event).__name__,
                        class_name(type(error)),
                        exc_info=traceback_of(error),
                    )


class SilentObserver:
    """Listens to nothing."""

    __slots__ = ()
    wants_routine = False

    def on_event(self, event: Event) -> None:
        """Take no note."""


class SilentScope:
    """A call or an attempt that nobody draws."""

    __slots__ = ()
    wants_details = False
    withheld: Collection[str] = ()

    def __enter__(self) -> Self:
        """Begin nothing."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End nothing."""

    def attempt(
        self,
        number: int,  # noqa: ARG002
        waited: float,  # noqa: ARG002
        source: WaitSource,  # noqa: ARG002
        *,
        probe: bool,  # noqa: ARG002
    ) -> "SilentScope":
        """Give this scope again: it holds nothing."""
        return self

    def inject(self, headers: MutableMapping[str, str]) -> None:
        """Add nothing."""

    def ended(self, what: object, error: Exception | None) -> None:
        """Hear nothing."""

    def received(self, details: Received) -> None:
        """Note nothing."""


class SilentTracing:
    """Draws nothing."""

    __slots__ = ()

    def call(self, request: CallRequest) -> SilentScope:  # noqa: ARG002
        """Give the scope that does nothing."""
        return _SILENT_SCOPE


_SILENT_SCOPE = SilentScope()
SILENT_OBSERVER = SilentObserver()
SILENT_TRACING = SilentTracing()
