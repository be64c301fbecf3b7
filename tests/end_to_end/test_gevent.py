import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from verto_resilience.testing import Reply, Sandbox

pytest.importorskip("gevent", reason="needs gevent")

pytestmark = pytest.mark.end_to_end

ROOT = Path(__file__).parents[2]
GREENLETS = 50
LONGEST = 20.0
"""Seconds that all greenlets of a script may take together, on a busy machine."""

START = """
    from gevent import monkey

    monkey.patch_all()

    import collections, faulthandler, json, sys, time
    import gevent, requests, verto_resilience
    from requests.adapters import HTTPAdapter
    from tests.end_to_end.sessions import adapter_of, circuit, quick

    url, greenlets, longest = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    faulthandler.dump_traceback_later(longest + 10, exit=True)
    session = requests.Session()
    session.trust_env = False
    session.mount("http://", HTTPAdapter(pool_maxsize=greenlets))


    def call(path):
        try:
            return session.get(url + path).status_code
        except verto_resilience.CallRejectedError as error:
            return type(error).__name__


    def all_of(work, count=greenlets):
        began = time.monotonic()
        running = [gevent.spawn(work) for _ in range(count)]
        gevent.joinall(running, timeout=longest, raise_error=True)
        left = sum(not one.dead for one in running)
        return [one.value for one in running], left, time.monotonic() - began


    def paused_by(path):
        first = gevent.spawn(call, path)
        pause = adapter_of(session, url).circuits.at(url, 0.0).pause
        while not first.dead and not pause.remaining(time.monotonic()):
            gevent.sleep(0.005)
        return first, pause
"""


def play(verto: Sandbox, script: str) -> Any:
    """Run a script in a process that gevent patched before all else; it answers in JSON."""
    code = textwrap.dedent(START) + textwrap.dedent(script)
    ran = subprocess.run(
        [sys.executable, "-c", code, verto.url, str(GREENLETS), str(LONGEST)],
        capture_output=True,
        text=True,
        timeout=LONGEST + 20,
        cwd=ROOT,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def test_greenlets_share_a_pause(verto: Sandbox) -> None:
    """Fifty greenlets wait for one pause together, let others run meanwhile, and all get through.

    The server hears of the window once: from the call that brought the pause about.
    """
    verto.throttle(1.0, path="/busy")

    found = play(
        verto,
        """
        verto_resilience.mount(session, policy=quick(pause_ramp=0.3))
        first, pause = paused_by("/busy")
        ticks = 0

        def tick():
            global ticks
            while pause.remaining(time.monotonic()):
                gevent.sleep(0.01)
                ticks += 1

        ticking = gevent.spawn(tick)
        statuses, left, took = all_of(lambda: call("/busy"))
        gevent.joinall([first, ticking], timeout=longest)
        print(json.dumps({
            "statuses": statuses + [first.value], "left": left, "took": took, "ticks": ticks,
        }))
        """,
    )

    answered = [arrival.status for arrival in verto.log]
    assert found["left"] == 0
    assert set(found["statuses"]) == {404}
    assert found["took"] < LONGEST
    assert found["ticks"] > 5
    assert answered == [429] + [404] * (GREENLETS + 1)
    assert verto.log[1].arrived - verto.log[0].arrived >= 1.0


def test_greenlets_share_a_circuit(verto: Sandbox) -> None:
    """A circuit that opens under fifty greenlets refuses the rest at once, and closes once.

    What was sent and what was refused add up, and no probe is left behind.
    """
    found = play(
        verto,
        """
        policy = quick(max_attempts=1, break_duration=1.0)
        verto_resilience.mount(session, policy=policy)
        first, left, _ = all_of(lambda: call("/status/503"))
        second, left_too, refused_in = all_of(lambda: call("/status/503"))
        trips = circuit(session, url).trips
        gevent.sleep(circuit(session, url).open_for + 0.01)

        def until_it_is_well():
            end = time.monotonic() + longest / 2
            while time.monotonic() < end:
                if call("/status/200") == 200 and circuit(session, url).state == "closed":
                    return True
                gevent.sleep(0.01)

        well, left_at_last, took = all_of(until_it_is_well)
        seen = circuit(session, url)
        print(json.dumps({
            "first": collections.Counter(first), "second": collections.Counter(second),
            "left": left + left_too + left_at_last, "trips": trips, "refused_in": refused_in,
            "well": sum(one is True for one in well), "took": took,
            "state": seen.state, "probes": seen.probes, "in_flight": seen.in_flight,
        }))
        """,
    )

    sent = [arrival.status for arrival in verto.log]
    assert found["left"] == 0
    assert found["first"]["503"] == sent.count(503)
    assert sum(found["first"].values()) == GREENLETS
    assert found["second"] == {"RequestsCircuitOpenError": GREENLETS}
    assert found["trips"] == 1
    assert found["refused_in"] < 1.0
    assert found["well"] == GREENLETS
    assert (found["state"], found["probes"], found["in_flight"]) == ("closed", 0, 0)


def test_closing_ends_the_waits_of_greenlets(verto: Sandbox) -> None:
    """``close`` in one greenlet lets fifty others go that wait for an origin."""
    verto.throttle(30.0)

    found = play(
        verto,
        """
        verto_resilience.mount(session, policy=quick(call_timeout=60))
        first, pause = paused_by("/busy")

        def close():
            while pause.snapshot(time.monotonic()).waiting <= greenlets:
                gevent.sleep(0.01)
            session.close()

        gevent.spawn(close)
        ends, left, took = all_of(lambda: call("/busy"))
        gevent.joinall([first], timeout=longest)
        print(json.dumps({
            "ends": collections.Counter(ends), "left": left, "took": took, "first": first.value,
        }))
        """,
    )

    assert found["left"] == 0
    assert found["ends"] == {"RequestsCallRejectedError": GREENLETS}
    assert found["first"] == 429
    assert found["took"] < LONGEST
    assert verto.arrived == 1


def test_one_greenlet_renews_for_all(verto: Sandbox) -> None:
    """Fifty greenlets that meet a 401 ask for new credentials once, while the one that asks waits.

    None of them takes itself for the one that asks.
    """
    with Sandbox(require_auth=True, credentials=("id", "key")) as locked:
        found = play(
            locked,
            """
            asked = []

            def renew(refused):
                asked.append(gevent.getcurrent())
                gevent.sleep(0.3)
                with requests.Session() as plain:
                    plain.trust_env = False
                    answer = plain.post(
                        url + "/users/login",
                        json={"clientId": "id", "apiKey": "key", "mode": "apiKey"},
                    )
                return "Bearer " + answer.json()["token"]

            policy = quick(verto_hosts=("127.0.0.1",))
            verto_resilience.mount(session, policy=policy, refresh=renew)
            session.headers["Authorization"] = "Bearer old"
            statuses, left, took = all_of(lambda: call("/profile/v2.1/wallets"))
            print(json.dumps({
                "statuses": collections.Counter(statuses), "left": left, "took": took,
                "asked": len(asked),
            }))
            """,
        )

    assert found["left"] == 0
    assert found["statuses"] == {"200": GREENLETS}
    assert found["asked"] == 1
    assert found["took"] < LONGEST


def test_the_limit_of_one_greenlet_is_not_anothers(verto: Sandbox) -> None:
    """A call that may last longer is not cut off when that of another greenlet has to end."""
    verto.script("/slow", [Reply(200, delay=1.5)] * 2)

    found = play(
        verto,
        """
        def send(most):
            times = dict.fromkeys(("connect_timeout", "read_timeout", "call_timeout"), most)
            adapter = verto_resilience.VertoAdapter(policy=quick(max_attempts=1, **times))
            request = requests.Request("GET", url + "/slow").prepare()
            try:
                return adapter.send(request).status_code
            except requests.exceptions.RequestException as error:
                return type(error).__name__

        running = [gevent.spawn(send, most) for most in (longest, 0.5)]
        gevent.joinall(running, timeout=longest)
        print(json.dumps([one.value for one in running]))
        """,
    )

    assert found == [200, "ReadTimeout"]
