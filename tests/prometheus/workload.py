"""A program whose metrics Prometheus scrapes: each round plays all that the dashboard shows.

Run as a script. It says on standard output where its metrics are, plays a round for each line that
it reads from standard input, says what the servers saw in it, and ends with its input.
"""

import json
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from itertools import groupby
from typing import Any

import requests
from opentelemetry import metrics
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import start_http_server

import verto_resilience
from verto_resilience import Policy
from verto_resilience.errors import CircuitOpenError
from verto_resilience.pipeline import Event, WaitBegan
from verto_resilience.testing import Arrival, Fault, Reply, Sandbox

HOST = "127.0.0.1"
OPENS_AFTER = 5
SHORT: dict[str, Any] = {
    "verto_hosts": (HOST,),  # so that each call has a correlation id, by which the log knows it
    "call_timeout": 1.8,
    "connect_timeout": 1.0,
    "read_timeout": 1.0,
    "backoff_base": 0.05,
    "server_error_wait_min": 0.05,
    "server_error_wait_max": 0.1,
    "max_pause": 2.0,
    "pause_ramp": 0.1,
    "break_duration": 1.5,
    "break_growth": 1.0,
    "break_jitter": 0.0,
    "consecutive_failures": OPENS_AFTER,
    "minimum_calls": 1000,
}
QUOTE = "/orders/v2.1/fx?currencyFrom=USD&currencyTo=EUR"


class Shop:
    """A server, a session whose adapters are mounted, and a count of the calls made with it."""

    def __init__(self, stack: ExitStack, **settings: Any) -> None:
        """Start the server."""
        self.server = stack.enter_context(Sandbox())
        self.session = stack.enter_context(requests.Session())
        self.session.trust_env = False
        self.calls = 0
        self.waiting = threading.Event()
        policy = Policy(**(SHORT | settings))
        verto_resilience.mount(self.session, policy=policy, observer=self)

    def on_event(self, event: Event) -> None:
        """Notice that a call waits."""
        if isinstance(event, WaitBegan):
            self.waiting.set()

    def ask(self, method: str = "GET", path: str = QUOTE, **options: Any) -> Exception | None:
        """Call, and give what was raised."""
        self.calls += 1
        try:
            self.session.request(method, self.server.url + path, **options)
        except requests.exceptions.RequestException as error:
            return error
        return None

    def seen(self) -> dict[str, Any]:
        """Say what the server saw and what was asked of it, and forget both."""
        log, calls = self.server.log, self.calls
        self.server.clear()
        self.calls = 0
        return {
            "port": self.server.port,
            "calls": calls,
            "arrivals": [_plain(arrival) for arrival in log],
            "outages": _outages(log),
        }


Scene = Callable[[Shop], None]


def _plain(arrival: Arrival) -> dict[str, Any]:
    return {
        "status": arrival.status,
        "call": arrival.headers["Vfx-Correlation-Id"],
        "executed": arrival.executed,
        "fault": arrival.fault,
        "path": arrival.path,
        "query": arrival.params,
    }


def _outages(log: tuple[Arrival, ...]) -> int:
    """Count the times that so many bad answers came in a row that a circuit opens."""
    runs = groupby(log, lambda arrival: arrival.status is None or arrival.status >= 500)
    return sum(bad and len(list(run)) >= OPENS_AFTER for bad, run in runs)


def all_well(shop: Shop) -> None:
    """Log in, ask, book with a key."""
    credentials = {"clientId": "a", "apiKey": "b", "mode": "apiKey"}
    shop.ask("POST", "/users/login", json=credentials)
    for _ in range(12):
        shop.ask()
    key = {"Idempotency-Key": str(time.monotonic_ns())}
    shop.ask("POST", "/orders/v2.1/fx", json={"amount": 10}, headers=key)


def throttled(shop: Shop) -> None:
    """A 429 that names a time, at which a second call waits too, and one that names none."""
    shop.waiting.clear()
    shop.server.script(None, [Reply(429, retry_after=1)])
    second = threading.Thread(target=lambda: shop.waiting.wait(1.0) and shop.ask())
    second.start()
    shop.ask()
    second.join()
    shop.server.script(None, [429])
    shop.ask()


def paused_for_long(shop: Shop) -> None:
    """A pause longer than a call may take: the 429 goes back, the next call is refused."""
    shop.server.script(None, [Reply(429, retry_after=30)])
    shop.ask()
    shop.ask()
    time.sleep(2.2)


def outage(shop: Shop) -> None:
    """503s until the circuit opens, refusals, recovery."""
    shop.server.script(None, [503], repeat=True)
    while not isinstance(refusal := shop.ask(), CircuitOpenError):
        pass
    shop.ask()
    shop.server.healthy()
    time.sleep((refusal.retry_after or 0.0) + 0.1)
    for _ in range(3):
        shop.ask()


def unknown_outcome(shop: Shop) -> None:
    """A write without a key whose answer says nothing, and a read that is reset."""
    shop.server.script("/fx/payments", [Reply(504, executes=True)])
    body = {"paymentId": str(time.monotonic_ns()), "amount": 10}
    shop.ask("POST", "/fx/payments", json=body)
    shop.server.script(None, [Reply.ok(fault=Fault.RESET)])
    shop.ask()


def api_errors(shop: Shop) -> None:
    """Refusals with an API error code."""
    for code, times in ((1, 3), (2, 2)):
        for _ in range(times):
            shop.ask("GET", f"/status/400?code={code}")


def budget_spent(shop: Shop) -> None:
    """More 503s than the budget allows resends."""
    shop.server.script(None, [503, 503, 503])
    for _ in range(3):
        shop.ask()


def observed_only(shop: Shop) -> None:
    """An outage that opens a circuit which is not obeyed."""
    shop.server.script(None, [503] * 8)
    for _ in range(6):
        shop.ask()
    time.sleep(1.6)
    for _ in range(2):
        shop.ask()


def main() -> None:
    """Serve metrics, and play a round for each line."""
    metrics.set_meter_provider(MeterProvider([PrometheusMetricReader()]))
    server, _ = start_http_server(0, HOST)
    with ExitStack() as stack:
        main_shop = Shop(stack)
        poor = Shop(stack, consecutive_failures=None, budget_capacity=1.0, budget_trickle=0.0)
        watched = Shop(stack, breaker_mode="observe_only", max_attempts=1)
        scenes: tuple[tuple[Scene, Shop], ...] = (
            (all_well, main_shop),
            (throttled, main_shop),
            (paused_for_long, main_shop),
            (outage, main_shop),
            (unknown_outcome, main_shop),
            (api_errors, main_shop),
            (budget_spent, poor),
            (observed_only, watched),
        )
        _say({"port": server.server_port})
        for _ in sys.stdin:
            for scene, shop in scenes:
                scene(shop)
            _say({"shops": [shop.seen() for shop in (main_shop, poor, watched)]})


def _say(what: dict[str, Any]) -> None:
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    main()
