"""What scenes are played on: a sandbox, a client of it, and notes of what came of each call."""

import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import requests

import verto_resilience
from verto_resilience.cli.demonstration._evidence import Act, Asked
from verto_resilience.cli.demonstration._existing_client import VertoClient
from verto_resilience.cli.demonstration._screen import Screen
from verto_resilience.errors import CallRejectedError
from verto_resilience.pipeline import CallEnded, CallReport, Event, Policy, WaitBegan
from verto_resilience.testing import Sandbox

Ask = tuple[str, Callable[[], Any]]
"""A call in words, and the call."""

_PACE = 0.15
_PATIENCE = 5.0
_NOTICE = 0.5


class Notebook:
    """Observes calls, to give the report of the one that ended last in this thread.

    Attributes:
        waiting: Set when a call begins to wait.
    """

    __slots__ = ("_last", "waiting")

    def __init__(self) -> None:
        """Begin with none."""
        self._last = threading.local()
        self.waiting = threading.Event()

    def on_event(self, event: Event) -> None:
        """Keep the report of a call that ended."""
        if isinstance(event, CallEnded):
            self._last.report = event.report
        elif isinstance(event, WaitBegan):
            self.waiting.set()

    def take(self) -> CallReport | None:
        """Give the report, and forget it."""
        report: CallReport | None = self._last.__dict__.pop("report", None)
        return report


class Stage:
    """Asks the client, in one thread or many, and writes down what came of it.

    Args:
        server: The sandbox.
        session: The session whose adapters are mounted.
        screen: Where it is shown.
        policy: The settings in force.
        notebook: Observes that session.
    """

    def __init__(
        self,
        server: Sandbox,
        session: requests.Session,
        screen: Screen,
        *,
        policy: Policy,
        notebook: Notebook,
    ) -> None:
        """Begin with nothing asked."""
        self.server = server
        self.client = VertoClient(session, server.url)
        self.policy = policy
        self._session = session
        self._screen = screen
        self._notebook = notebook
        self._asked: list[Asked] = []
        self._arrived = 0
        self._booked = 0

    def end(self, title: str) -> Act:
        """Give what the scene left behind, and begin anew."""
        arrivals = self.server.log[self._arrived :]
        booked = len(self.server.trades)
        act = Act(title, tuple(self._asked), arrivals, booked - self._booked)
        self._asked = []
        self._arrived += len(arrivals)
        self._booked = booked
        return act

    def ask(self, what: str, call: Callable[[], Any]) -> Any:
        """Make a call as the application would.

        Returns:
            What the client gave; ``None`` when it raised.
        """
        self._screen.rest(_PACE)
        return self._ask("", what, call)

    def ask_in_turn(self, first: Ask, then: Ask) -> None:
        """Make a call, and another from a second thread while the first one waits."""
        self._notebook.waiting.clear()

        def second() -> None:
            # If nothing waits, it goes all the same, and the server's log shows what comes of that.
            self._notebook.waiting.wait(_NOTICE)
            self._ask("B", *then)

        self._in_threads({"A": lambda: self._ask("A", *first), "B": second})

    def ask_at_once(self, threads: int, ask: Ask) -> None:
        """Make the same call from many threads at the same instant."""
        start = threading.Barrier(threads)

        def one(who: str) -> None:
            start.wait(_PATIENCE)
            self._ask(who, "", ask[1])

        self._screen.call("", f"{ask[0]}    # by {threads} threads at once")
        names = [str(number) for number in range(1, threads + 1)]
        self._in_threads({name: partial(one, name) for name in names})

    def wait_out_the_break(self) -> None:
        """Let the time pass after which the last refusal said to ask again."""
        told = [asked.retry_after for asked in self._asked if asked.retry_after is not None]
        if told:
            time.sleep(told[-1])

    def _ask(self, who: str, what: str, call: Callable[[], Any]) -> Any:
        if what:
            self._screen.call(who, what)
        self._notebook.take()
        began = time.monotonic()
        error: requests.RequestException | None = None
        answer = None
        try:
            answer = call()
        except requests.RequestException as caught:
            error = caught
        self._asked.append(self._seen(error, time.monotonic() - began))
        return answer

    def _seen(self, error: requests.RequestException | None, seconds: float) -> Asked:
        sent = self._notebook.take()
        # Asked of the library as an application would, to see what an application is told.
        response = None if error is None else error.response
        told = verto_resilience.report(error if response is None else response)
        return Asked(
            error=None if error is None else type(error).__name__,
            refused=isinstance(error, CallRejectedError),
            retry_after=error.retry_after if isinstance(error, CallRejectedError) else None,
            ambiguous=told is not None and told.ambiguous,
            attempts=0 if sent is None else len(sent.attempts),
            waited=0.0 if sent is None else sent.waited,
            seconds=seconds,
        )

    def _in_threads(self, work: dict[str, Callable[[], Any]]) -> None:
        threads = [
            threading.Thread(target=does, name=name, daemon=True) for name, does in work.items()
        ]
        for thread in threads:
            thread.start()
        try:
            for thread in threads:
                thread.join()
        except BaseException:
            # Ends their waits, so that none of them speaks after the last word.
            self._session.close()
            for thread in threads:
                thread.join(_PATIENCE)
            raise
