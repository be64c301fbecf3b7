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

SCRIPT = """
import faulthandler, os, signal, sys, threading
from verto_resilience import VertoPoolManager
from tests.end_to_end.sessions import quick

faulthandler.dump_traceback_later(50, exit=True)
url = sys.argv[1]
used, over = VertoPoolManager(policy=quick(), maxsize=8), threading.Event()


def call():
    while not over.is_set():
        used.request("GET", url)


threads = [threading.Thread(target=call) for _ in range(3)]
for thread in threads:
    thread.start()
sys.setswitchinterval(1e-5)
codes = []
for _ in range(8):
    child = os.fork()
    if child == 0:
        signal.alarm(5)
        # As with a plain one, what came from the parent is dropped first: sockets are shared.
        mine = VertoPoolManager(policy=quick())
        os._exit(0 if mine.request("GET", url).status == 200 else 1)
    codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
over.set()
for thread in threads:
    thread.join(5)
sys.exit(any(codes) or any(thread.is_alive() for thread in threads))
"""


def test_children_forked_while_threads_call_can_call(verto: Sandbox) -> None:
    """A fork while other threads are in the middle of calls hangs nobody on either side."""
    ran = subprocess.run(
        [sys.executable, "-Wignore", "-c", SCRIPT, f"{verto.url}/status/200"],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ran.returncode == 0, ran.stderr
