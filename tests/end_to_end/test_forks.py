import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from verto_resilience.testing import Sandbox

pytestmark = [
    pytest.mark.end_to_end,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="without os.fork"),
]

ROOT = Path(__file__).parents[2]
CHILDREN = 10

SCRIPT = """
import faulthandler, json, os, signal, sys, threading
import requests, verto_resilience
from tests.end_to_end.sessions import quick

faulthandler.dump_traceback_later(50, exit=True)
url, children = sys.argv[1], int(sys.argv[2])


def mount():
    session = requests.Session()
    session.trust_env = False
    return verto_resilience.mount(session, policy=quick())


def add_registries():
    while not over.is_set():
        kept.append(mount())
        if len(kept) > 400:
            del kept[:200]
        added.set()


used, over, added, kept = mount(), threading.Event(), threading.Event(), []
kept.extend(mount() for _ in range(200))
threads = [threading.Thread(target=add_registries) for _ in range(3)]
for thread in threads:
    thread.start()
sys.setswitchinterval(1e-6)
codes = []
for _ in range(children):
    added.clear()
    added.wait(10)
    child = os.fork()
    if child == 0:
        signal.alarm(5)
        good = [session.get(url).status_code == 200 for session in (used, mount())]
        os._exit(0 if all(good) else 1)
    codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
over.set()
for thread in threads:
    thread.join(5)
alive = sum(thread.is_alive() for thread in threads)
print(json.dumps({"children": codes, "alive": alive, "parent": used.get(url).status_code}))
"""


def test_children_forked_while_adapters_are_made_can_call(verto: Sandbox) -> None:
    """A fork while other threads mount adapters hangs nobody and breaks nothing on either side."""
    ran = subprocess.run(
        [sys.executable, "-Wignore", "-c", SCRIPT, f"{verto.url}/status/200", str(CHILDREN)],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
        check=False,
    )

    assert (ran.returncode, ran.stderr) == (0, "")
    assert json.loads(ran.stdout) == {"children": [0] * CHILDREN, "alive": 0, "parent": 200}
    assert verto.arrived == 2 * CHILDREN + 1
