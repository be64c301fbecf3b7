import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fleet.server import RedisServer
from verto_resilience.testing import Sandbox

pytestmark = [
    pytest.mark.fleet,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="without os.fork"),
]

ROOT = Path(__file__).parents[2]

# The parent calls, forks, and sees its children hear what it finds out, and hears what they do.
SCRIPT = """
import json, os, sys, time
from tests.fleet.sharing import connected, shop, wait_until

store, url, other = sys.argv[1:]
with shop(store) as one:
    one.get(url)
    one.get(other)
    connected(one)
    child = os.fork()
    if child == 0:
        one.heard.events.clear()
        one.get(other)
        ready = wait_until(lambda: ("connected", "") in one.heard.store(), 15)
        heard = wait_until(lambda: one.is_open(url), 15)
        for _ in range(5):
            one.get(other + "/status/503")
        time.sleep(0.5)
        os._exit(0 if ready and heard and one.is_open(other) else 1)
    time.sleep(1.0)
    for _ in range(5):
        one.get(url + "/status/503")
    heard = wait_until(lambda: one.is_open(other), 15)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    told = one.heard.store()
    print(json.dumps({"child": code, "heard": heard, "store": told}))
"""


def test_a_child_has_sockets_of_its_own(server: RedisServer, verto: Sandbox) -> None:
    """Parent and child hear of each other, and the parent's connection does not suffer."""
    with Sandbox() as other:
        ran = subprocess.run(
            [sys.executable, "-Wignore", "-c", SCRIPT, server.url, verto.url, other.url],
            capture_output=True,
            text=True,
            timeout=60,
            cwd=ROOT,
            check=False,
        )

    assert (ran.returncode, ran.stderr) == (0, "")
    assert json.loads(ran.stdout) == {"child": 0, "heard": True, "store": [["connected", ""]]}


def test_no_thread_and_no_socket_before_the_first_call(server: RedisServer) -> None:
    """To mount connects to nobody."""
    code = (
        "import sys, threading\n"
        "from tests.fleet.sharing import shop\n"
        "with shop(sys.argv[1]):\n"
        "    print(threading.active_count())\n"
    )

    ran = subprocess.run(
        [sys.executable, "-c", code, server.url],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
        check=True,
    )

    assert ran.stdout == "1\n"
    with server.client() as client:
        assert client.info("stats")["total_connections_received"] <= 3


def test_without_a_session_the_thread_ends(server: RedisServer, verto: Sandbox) -> None:
    """Who has let go of all sessions has no thread and no connection left."""
    code = (
        "import gc, sys, threading\n"
        "from tests.fleet.sharing import connected, shop, wait_until\n"
        "with shop(sys.argv[1]) as one:\n"
        "    one.get(sys.argv[2])\n"
        "    connected(one)\n"
        "    assert threading.active_count() == 2\n"
        "del one\n"
        "gc.collect()\n"
        "print(wait_until(lambda: threading.active_count() == 1, 10))\n"
    )

    ran = subprocess.run(
        [sys.executable, "-X", "dev", "-c", code, server.url, verto.url],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
        check=False,
    )

    assert (ran.stdout, ran.returncode) == ("True\n", 0), ran.stderr
    assert "ResourceWarning" not in ran.stderr
