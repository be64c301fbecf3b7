import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.end_to_end,
    pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="without timers"),
]

ROOT = Path(__file__).parents[2]

SCRIPT = """
import faulthandler, gc, json, random, signal, sys
import requests, verto_resilience
from requests.adapters import BaseAdapter
from tests.end_to_end.sessions import quick

faulthandler.dump_traceback_later(30, exit=True)
calls, beats, logouts = int(sys.argv[1]), 0, 0


class Answering(BaseAdapter):
    def send(self, request, **options):
        response = requests.Response()
        response.status_code, response._content = 200, b""
        response.request, response.url = request, request.url
        return response

    def close(self):
        pass


session = requests.Session()
session.trust_env = False
session.mount("http://", Answering())
# Every call is followed, so every call takes the lock of its circuit.
verto_resilience.mount(session, "http://", policy=quick(slow_call_duration=10))


def beat(*_):
    global beats
    session.get("http://h/heartbeat")
    beats += 1
    signal.setitimer(signal.ITIMER_REAL, 0.002)


class Client:
    def __init__(self):
        self.me = self

    def __del__(self):
        global logouts
        session.delete("http://h/session")
        logouts += 1


signal.signal(signal.SIGALRM, beat)
signal.setitimer(signal.ITIMER_REAL, 0.002)
for _ in range(calls):
    gc.set_threshold(random.randint(1, 60))
    Client()
    session.get("http://h/x")
signal.setitimer(signal.ITIMER_REAL, 0)
gc.set_threshold(700)
gc.collect()
print(json.dumps([beats, logouts]))
"""


def test_calls_of_signal_handlers_and_finalisers_go_through() -> None:
    """Where every call takes a lock, one that comes in between in the same thread does not hang."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, "2000"],
        check=False,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60.0,
    )

    assert done.returncode == 0, done.stderr
    beats, logouts = json.loads(done.stdout)
    assert beats > 0
    assert logouts == 2000
