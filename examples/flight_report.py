"""Records what happens to a program's calls, and writes it as one page to look at.

Needs the extra ``report``. The server is the sandbox: it throttles, fails for a while and recovers.
"""

import sys
import time

import requests

import verto_resilience
from verto_resilience import Policy
from verto_resilience.flight import FlightRecorder
from verto_resilience.testing import Reply, Sandbox

RATE = "/orders/v2.1/fx?currencyFrom=USD&currencyTo=EUR"


def main(path: str = "flight.html") -> None:
    """Make a few calls, then write the report."""
    recorder = FlightRecorder()
    # The sandbox stands in for one of Verto's hosts; waits are short, so that this takes seconds.
    policy = Policy(
        verto_hosts=("127.0.0.1",),
        server_error_wait_min=0.2,
        server_error_wait_max=0.5,
        break_duration=1.0,
        consecutive_failures=4,
    )
    with Sandbox() as verto, requests.Session() as session:
        session.trust_env = False
        verto_resilience.mount(session, policy=policy, observer=recorder)
        verto.script("/orders/v2.1/fx", [200, Reply(429, retry_after=1), 200])
        for _ in range(2):
            session.get(verto.url + RATE)

        verto.outage(1.5)
        for _ in range(6):
            call(session, verto.url + RATE)
        time.sleep(1.5)
        for _ in range(3):
            call(session, verto.url + RATE)

        verto.script("/orders/v2.1/fx", [Reply(504, executes=True)], method="POST")
        session.post(verto.url + "/orders/v2.1/fx", json={"vfx_token": "t", "amount": 100})

    totals = recorder.flight().totals
    print(f"{totals.calls} calls, {totals.attempts} attempts, {totals.refused} refused")
    print("written:", recorder.write(path))


def call(session: requests.Session, url: str) -> None:
    """Make a call that may be refused."""
    try:
        session.get(url)
    except requests.ConnectionError as error:
        print(error)


if __name__ == "__main__":
    main(*sys.argv[1:])
