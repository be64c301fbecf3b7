"""Sessions of this process that share a store, as those of another process would."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import requests

import verto_resilience
from verto_resilience import Event, Policy, State
from verto_resilience.machines import CircuitBreaker
from verto_resilience.pipeline import CircuitMoved, PauseBegan, StoreIgnored, StoreMoved

PATIENCE = 20.0


@dataclass
class Heard:
    """Keeps the events of one session."""

    events: list[Event] = field(default_factory=list)
    wants_routine = False

    def on_event(self, event: Event) -> None:
        """Keep it."""
        self.events.append(event)

    def store(self) -> list[tuple[str, str]]:
        """Say how the process stood with its store."""
        return [
            (event.after.value, "" if event.fault is None else event.fault.value)
            for event in self.events
            if isinstance(event, StoreMoved)
        ]

    def ignored(self) -> list[int]:
        """Say how many values were passed over."""
        return [event.count for event in self.events if isinstance(event, StoreIgnored)]

    def triggers(self) -> list[str]:
        """Say what moved its circuits."""
        return [e.transition.trigger.value for e in self.events if isinstance(e, CircuitMoved)]

    def pauses(self) -> list[bool]:
        """Say of each pause whether it came from elsewhere."""
        return [event.elsewhere for event in self.events if isinstance(event, PauseBegan)]


@dataclass
class Shop:
    """A session, its adapter and what it heard."""

    session: requests.Session
    adapter: verto_resilience.VertoAdapter
    heard: Heard

    def get(self, url: str) -> str:
        """Call, and say how it ended."""
        try:
            return str(self.session.get(url, timeout=5).status_code)
        except requests.RequestException as error:
            return type(error).__name__

    def breaker(self, url: str) -> CircuitBreaker:
        """Give the circuit of an origin."""
        return self.adapter.circuits.at(url, time.monotonic()).breaker

    def is_open(self, url: str) -> bool:
        """Say whether it refuses to call an origin."""
        return self.breaker(url).state is State.OPEN


@contextmanager
def shop(store: str | None, **settings: Any) -> Iterator[Shop]:
    """Mount on a session; settings are those of a policy."""
    heard = Heard()
    given: dict[str, Any] = {
        "max_attempts": 1,
        "break_jitter": 0.0,
        "break_duration": 1.0,
        "max_break_duration": 1.0,
        "pause_ramp": 0.0,
        "call_timeout": 30.0,
    }
    policy = Policy(store=store, **{**given, **settings})
    with requests.Session() as session:
        session.trust_env = False
        verto_resilience.mount(session, policy=policy, observer=heard)
        adapter: Any = session.get_adapter("http://127.0.0.1")
        yield Shop(session, adapter, heard)


def wait_until(is_so: Callable[[], object], seconds: float = PATIENCE) -> bool:
    """Look again and again; ``False`` when the time is up first."""
    end = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > end:
            return False
        time.sleep(0.005)
    return True


def connected(*shops: Shop) -> None:
    """Wait until the store has been connected, as the first of these hears."""
    assert wait_until(lambda: any(("connected", "") in s.heard.store() for s in shops))
