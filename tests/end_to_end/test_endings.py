"""Programs that end, are interrupted or fork while calls wait, are out, or probe."""

import json
import os
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from tests.end_to_end.sessions import Mounter, report
from tests.end_to_end.wire import STALLED, Wirer, answer
from verto_resilience.testing import Reply, Sandbox

pytestmark = pytest.mark.end_to_end

ROOT = Path(__file__).parents[2]
BEGIN = """
    import faulthandler, json, os, signal, sys, threading, time
    import requests, verto_resilience
    from tests.end_to_end.sessions import adapter_of, circuit, quick

    faulthandler.dump_traceback_later(40, exit=True)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    url = sys.argv[1]


    def mount(**settings):
        session = requests.Session()
        session.trust_env = False
        return verto_resilience.mount(session, policy=quick(call_timeout=60, **settings))


    def until(true):
        end = time.monotonic() + 20
        while not true() and time.monotonic() < end:
            time.sleep(0.01)
"""


def run(body: str, *arguments: str) -> tuple[subprocess.CompletedProcess[str], float]:
    """Run Python code in a process of its own; give what it said, and the seconds it took."""
    began = time.monotonic()
    ran = subprocess.run(
        [
            sys.executable,
            "-Wignore",
            "-c",
            textwrap.dedent(BEGIN) + textwrap.dedent(body),
            *arguments,
        ],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
        check=False,
    )
    return ran, time.monotonic() - began


WAITING = """
    session = mount()
    paths = ("/limited", "/down", "/silent")
    begun = []


    def call(path):
        begun.append(path)
        session.get(url + path)


    threads = [threading.Thread(target=call, args=(path,), daemon=%s) for path in paths]
    for thread in threads:
        thread.start()
    until(lambda: len(begun) == 3)
    time.sleep(0.5)
    print(json.dumps([thread.is_alive() for thread in threads]))
"""


def waits(verto: Sandbox, seconds: int) -> None:
    """Have three calls wait: at a pause, for a resend, and for an answer."""
    verto.script("/limited", [Reply(429, retry_after=seconds)])
    verto.script("/down", [Reply(503, retry_after=seconds)])
    verto.script("/silent", [Reply(200, delay=seconds)])


def test_program_ends_though_daemon_threads_wait(verto: Sandbox) -> None:
    """The end of the main thread is the end: nothing of ours holds the interpreter."""
    waits(verto, 30)

    ran, seconds = run(WAITING % "True", verto.url)

    assert (ran.returncode, ran.stderr) == (0, "")
    assert json.loads(ran.stdout) == [True] * 3
    assert seconds < 20


def test_program_waits_for_its_other_threads_and_then_ends(verto: Sandbox) -> None:
    """Threads that are no daemons end their calls after the main thread, and then it ends."""
    waits(verto, 2)

    ran, seconds = run(WAITING % "False", verto.url)

    assert (ran.returncode, ran.stderr) == (0, "")
    assert json.loads(ran.stdout) == [True] * 3
    assert 1.5 < seconds < 25
    assert sorted(arrival.path for arrival in verto.log).count("/silent") == 1
    assert verto.arrived == 5


def test_interrupt_reaches_the_program_while_threads_wait(verto: Sandbox) -> None:
    """Ctrl-C ends the wait of the main thread at once; those of daemons do not hold the end."""
    waits(verto, 30)

    ran, seconds = run(
        WAITING % "True"
        + """
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
    try:
        session.get(url + "/limited")
    except KeyboardInterrupt:
        print("interrupted")
        """,
        verto.url,
    )

    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.splitlines()[-1] == "interrupted"
    assert seconds < 20


def test_calls_at_the_end_of_the_program_are_calls(verto: Sandbox) -> None:
    """What is called by ``atexit``, or by the end of a session, is sent and resent as ever."""
    verto.script("/status/200", [503])

    ran, _ = run(
        """
        import atexit
        session = mount()
        atexit.register(lambda: print(session.get(url + "/status/200").status_code))
        """,
        verto.url,
    )

    assert (ran.returncode, ran.stderr, ran.stdout) == (0, "", "200\n")
    assert verto.arrived == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="without os.fork")
def test_fork_in_the_middle_of_everything(verto: Sandbox) -> None:
    """Children forked while calls wait, are out, and one probes, hang at nothing of the parent's.

    What the parent's threads hold is theirs: a child whose copy has a probe out is refused until
    the lease ends, and calls to other origins go through. The parent loses nothing.
    """
    waits(verto, 30)
    with Sandbox() as down, Sandbox() as fresh:
        down.script("/x", [503] * 5)
        down.script("/probe", [Reply(200, delay=6)])
        ran, _ = run(
            """
            down, fresh, children = sys.argv[2], sys.argv[3], 10
            session = mount(break_duration=0.2, probe_lease=59, read_timeout=50)
            for path in ("/limited", "/down", "/silent"):
                thread = threading.Thread(
                    target=lambda path=path: session.get(url + path), daemon=True
                )
                thread.start()
            for _ in range(2):
                session.get(down + "/x")
            until(lambda: circuit(session, down).state == "open")
            until(lambda: not circuit(session, down).open_for)
            probe = []
            thread = threading.Thread(
                target=lambda: probe.append(session.get(down + "/probe").status_code)
            )
            thread.start()
            until(lambda: circuit(session, down).probes == 1)
            time.sleep(0.3)
            codes = []
            for _ in range(children):
                child = os.fork()
                if child == 0:
                    signal.alarm(10)
                    refused = False
                    try:
                        session.get(down + "/x")
                    except verto_resilience.CircuitOpenError:
                        refused = True
                    good = session.get(fresh + "/status/200").status_code == 200
                    os._exit(0 if refused and good else 1)
                codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
            thread.join(20)
            after = session.get(down + "/status/200").status_code
            stands = circuit(session, down)
            print(json.dumps([codes, probe, after, stands.state, stands.probes]))
            """,
            verto.url,
            down.url,
            fresh.url,
        )

        assert (ran.returncode, ran.stderr) == (0, "")
        assert json.loads(ran.stdout) == [[0] * 10, [200], 200, "closed", 0]
        assert fresh.arrived == 10


def test_closing_while_calls_are_out_breaks_none_of_them(mounted: Mounter, verto: Sandbox) -> None:
    """``close`` ends no request that is on its way, as with plain requests."""
    verto.script("/slow", [Reply(200, delay=0.6, body=b"whole")], repeat=True)
    session = mounted(call_timeout=30)
    with ThreadPoolExecutor(8) as threads:
        calls = [threads.submit(session.get, f"{verto.url}/slow") for _ in range(8)]
        assert verto.wait_for(8)
        session.close()
        answers = [call.result(10) for call in calls]

    assert [response.content for response in answers] == [b"whole"] * 8
    assert session.get(f"{verto.url}/status/200").status_code == 200


def test_closing_while_a_stream_is_read_ends_it_as_with_plain_requests(
    plain: requests.Session, mounted: Mounter, wired: Wirer
) -> None:
    """A streamed answer in the caller's hands can be read on after ``close``."""
    big = b"x" * 1_000_000
    for session in (plain, mounted()):
        wire = wired(answer(big))
        response = session.get(wire.url, stream=True)
        first = response.raw.read(10)
        session.close()

        assert first + response.raw.read() == big


def test_call_that_was_closed_tells_why_it_ended(mounted: Mounter, wired: Wirer) -> None:
    """An attempt that times out as the adapter closes is not resent after a wait cut short."""
    wire = wired(STALLED, STALLED)
    session = mounted(backoff_base=20, backoff_limit=20, call_timeout=60)
    closer = threading.Timer(0.8, session.close)
    closer.start()
    began = time.monotonic()

    with pytest.raises(requests.exceptions.RequestException) as failed:
        session.get(wire.url, timeout=0.2)
    closer.join()

    assert time.monotonic() - began < 10
    assert report(failed.value).attempts
