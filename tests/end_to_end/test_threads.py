import json
import os
import subprocess
import sys
import textwrap
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter

import verto_resilience
from tests.end_to_end.sessions import PATIENT, Mounter, Told, circuit, quick, report
from verto_resilience import CallRejectedError, Mode
from verto_resilience.pipeline import AttemptEnded, CallEnded, End
from verto_resilience.testing import Reply, Sandbox

pytestmark = pytest.mark.end_to_end

THREADS = 64
CALLS = 8
ROOT = Path(__file__).parents[2]


def test_64_threads_keep_exact_counts(verto: Sandbox, plain: requests.Session) -> None:
    """What the server saw is the sum of what the calls report, of the events, and of the circuit.

    Some paths answer well, some refuse, some fail and are resent.
    """
    told = Told()
    plain.mount("http://", HTTPAdapter(pool_maxsize=THREADS))
    verto_resilience.mount(
        plain,
        policy=quick(**PATIENT, breaker_mode=Mode.OBSERVE_ONLY, window=1000),
        observer=told,
    )
    start = threading.Barrier(THREADS)

    def work(number: int) -> list[tuple[int, int]]:
        start.wait(10)
        status = (200, 404, 503)[number % 3]
        answers = [plain.get(f"{verto.url}/status/{status}") for _ in range(CALLS)]
        return [(answer.status_code, len(report(answer).attempts)) for answer in answers]

    with ThreadPoolExecutor(THREADS) as threads:
        seen = [pair for pairs in threads.map(work, range(THREADS)) for pair in pairs]

    attempts: Counter[int | None] = Counter()
    for status, sends in seen:
        attempts[status] += sends
    assert Counter(arrival.status for arrival in verto.log) == attempts
    assert attempts[503] == 3 * CALLS * len(range(2, THREADS, 3))
    assert len(told.of(AttemptEnded)) == verto.arrived
    assert len(told.of(CallEnded)) == THREADS * CALLS
    stands = circuit(plain, verto.url)
    assert (stands.calls, stands.failures) == (verto.arrived, attempts[503])
    assert (stands.in_flight, stands.probes) == (0, 0)


def test_first_calls_of_many_threads_meet_no_half_built_adapter(verto: Sandbox) -> None:
    """Threads that all make the very first call of a new session are all answered."""
    with changing_at_each_line():
        for _ in range(20):
            start = threading.Barrier(8)
            with requests.Session() as session, ThreadPoolExecutor(8) as threads:
                session.trust_env = False
                verto_resilience.mount(session, policy=quick())

                def work(
                    _: int, session: requests.Session = session, start: threading.Barrier = start
                ) -> int:
                    start.wait(5)
                    return session.get(f"{verto.url}/status/200").status_code

                assert list(threads.map(work, range(8))) == [200] * 8


@contextmanager
def changing_at_each_line() -> Iterator[None]:
    """Make new threads change places at every line of the requests edge."""
    home = str(Path(verto_resilience.__file__).parent / "transports")

    def at_each_line(frame: FrameType, event: str, argument: Any) -> Any:
        if not frame.f_code.co_filename.startswith(home):
            return None
        time.sleep(0)
        return at_each_line

    before, interval = threading.gettrace(), sys.getswitchinterval()
    threading.settrace(at_each_line)
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        threading.settrace(before)
        sys.setswitchinterval(interval)


def test_64_threads_open_a_circuit_once(verto: Sandbox, mounted: Mounter) -> None:
    """A failing origin sees a call per thread at most before it is left alone, and is tripped once.

    What the server answered well or badly, and what was refused, add up to the calls made.
    """
    session = mounted(max_attempts=1, break_duration=30)
    start = threading.Barrier(THREADS)

    def work(_: int) -> str:
        start.wait(10)
        try:
            return str(session.get(f"{verto.url}/status/503").status_code)
        except verto_resilience.CircuitOpenError:
            return "refused"

    with ThreadPoolExecutor(THREADS) as threads:
        first = Counter(threads.map(work, range(THREADS)))
        second = Counter(threads.map(work, range(THREADS)))

    assert first["503"] == verto.arrived
    assert first["503"] + first["refused"] == THREADS
    assert second == {"refused": THREADS}
    assert circuit(session, verto.url).trips == 1


def test_adapter_may_be_shared_by_sessions(verto: Sandbox) -> None:
    """One adapter on two sessions is one circuit."""
    adapter = verto_resilience.VertoAdapter(policy=quick(max_attempts=1))
    with requests.Session() as one, requests.Session() as other:
        for session in (one, other):
            session.trust_env = False
            session.mount("http://", adapter)
        for _ in range(5):
            one.get(f"{verto.url}/status/503")

        with pytest.raises(verto_resilience.CircuitOpenError):
            other.get(f"{verto.url}/status/503")


def test_closing_ends_the_waits_of_every_thread(verto: Sandbox, mounted: Mounter) -> None:
    """``close`` lets who waits go at once: with the answer it had, or refused when it had none."""
    session = mounted(call_timeout=60)
    verto.script("/x", [Reply(429, retry_after=30)])

    def knock() -> object:
        try:
            return session.get(f"{verto.url}/status/200")
        except CallRejectedError as error:
            return error

    with ThreadPoolExecutor(5) as threads:
        first = threads.submit(session.get, f"{verto.url}/x")
        assert verto.wait_for(1, answered=True)
        time.sleep(0.1)
        others = [threads.submit(knock) for _ in range(4)]
        time.sleep(0.2)
        began = time.monotonic()
        session.close()
        response = first.result(5)
        refusals = [other.result(5) for other in others]

    assert time.monotonic() - began < 0.5
    assert (response.status_code, report(response).end) == (429, End.INTERRUPTED)
    for refusal in refusals:
        assert isinstance(refusal, CallRejectedError)
        assert isinstance(refusal, requests.exceptions.ConnectionError)
    assert verto.arrived == 1


def script(body: str, *arguments: str) -> dict[str, Any]:
    """Run Python code in a process of its own; it says what it found as JSON."""
    code = (
        "import json, os, signal, sys, threading, time\n"
        "import requests, verto_resilience\n"
        "from tests.end_to_end.sessions import circuit, quick\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code + textwrap.dedent(body), *arguments],
        capture_output=True,
        text=True,
        timeout=20,
        cwd=ROOT,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_children_forked_in_the_middle_can_call(verto: Sandbox) -> None:
    """Children forked while threads hold the adapter's locks call through it, and never hang."""
    with Sandbox() as elsewhere:
        found = script(
            """
            down, other = sys.argv[1:]
            session = requests.Session()
            session.trust_env = False
            verto_resilience.mount(session, policy=quick(break_duration=60, max_attempts=1))
            for _ in range(5):
                session.get(down + "/status/503")
            stop = threading.Event()
            home = os.path.dirname(verto_resilience.__file__)

            def look():
                # What is seen is counted under the circuit's lock, and nothing goes to the wire,
                # whose own locks are urllib3's affair.
                while not stop.is_set():
                    circuit(session, down)

            def at_each_line(frame, event, argument):
                # Here the interpreter changes threads, be it with a lock held.
                return at_each_line if frame.f_code.co_filename.startswith(home) else None

            threading.settrace(at_each_line)
            threads = [threading.Thread(target=look) for _ in range(4)]
            for thread in threads:
                thread.start()
            sys.setswitchinterval(1e-6)
            codes = []
            for _ in range(20):
                child = os.fork()
                if child == 0:
                    signal.alarm(5)
                    try:
                        session.get(down)
                    except verto_resilience.CircuitOpenError:
                        good = session.get(other + "/status/200").status_code == 200
                        os._exit(0 if good else 1)
                    os._exit(2)
                codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
            stop.set()
            for thread in threads:
                thread.join()
            after = session.get(other + "/status/200").status_code
            print(json.dumps({"children": codes, "parent": after}))
            """,
            verto.url,
            elsewhere.url,
        )

        assert found == {"children": [0] * 20, "parent": 200}
        assert elsewhere.arrived == 21
        assert verto.arrived == 5


INTERRUPTED = """
    url, script = sys.argv[1:]
    session = requests.Session()
    session.trust_env = False
    verto_resilience.mount(session, policy=quick(call_timeout=60, max_attempts=%(attempts)s))
    %(before)s
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
    began = time.monotonic()
    try:
        session.get(url + script)
        kind = "none"
    except BaseException as error:
        kind = type(error).__name__
    took = time.monotonic() - began
    seen = circuit(session, url)
    %(after)s
    print(json.dumps({
        "kind": kind, "took": took, "probes": seen.probes, "in_flight": seen.in_flight,
        "after": after,
    }))
"""


@pytest.mark.parametrize(
    "reply", [Reply(429, retry_after=30), Reply(503, retry_after=30)], ids=["429", "503"]
)
def test_interrupt_ends_a_wait_at_once(verto: Sandbox, reply: Reply) -> None:
    """Ctrl-C while a call waits is a KeyboardInterrupt at once, and nothing is left taken."""
    verto.script("/x", [reply])

    found = script(
        INTERRUPTED % {"attempts": 3, "before": "pass", "after": "after = None"},
        verto.url,
        "/x",
    )

    assert found["kind"] == "KeyboardInterrupt"
    assert 0.4 < found["took"] < 1.0
    assert (found["probes"], found["in_flight"]) == (0, 0)
    assert verto.arrived == 1


def test_interrupted_probe_gives_its_place_back(verto: Sandbox) -> None:
    """Ctrl-C while a probe is out frees its place: the next call is the probe, and gets through."""
    verto.script("/down", [503] * 5)
    verto.script("/slow", [Reply(200, delay=20)])
    before = (
        'for _ in range(5): session.get(url + "/down")\n'
        "    time.sleep(circuit(session, url).open_for + 0.01)"
    )
    after = 'after = session.get(url + "/status/200").status_code'

    found = script(
        INTERRUPTED % {"attempts": 1, "before": before, "after": after}, verto.url, "/slow"
    )

    assert found["kind"] == "KeyboardInterrupt"
    assert found["took"] < 1.0
    assert (found["probes"], found["after"]) == (0, 200)


def test_interrupted_call_leaves_the_pool_whole(verto: Sandbox) -> None:
    """After Ctrl-C in the midst of an answer the next call is a normal one."""
    verto.script("/slow", [Reply(200, delay=20)])
    after = 'after = [session.get(url + "/status/200").status_code for _ in range(3)]'

    found = script(
        INTERRUPTED % {"attempts": 1, "before": "pass", "after": after}, verto.url, "/slow"
    )

    assert found["kind"] == "KeyboardInterrupt"
    assert found["after"] == [200] * 3


@pytest.mark.parametrize("given", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_exception_that_is_no_error_gives_the_permit_back(
    verto: Sandbox, plain: requests.Session, given: type[BaseException]
) -> None:
    """What ends a thread passes through untouched, whatever its kind, and frees the probe."""

    class Ended(HTTPAdapter):
        """Ends its thread at the sixth send."""

        sends = 0

        def send(self, *args: Any, **kwargs: Any) -> requests.Response:
            """Send, but for the sixth time."""
            self.sends += 1
            if self.sends == 6:
                raise given
            return super().send(*args, **kwargs)

    plain.mount("http://", Ended())
    verto_resilience.mount(plain, policy=quick(max_attempts=1))
    for _ in range(5):
        plain.get(f"{verto.url}/status/503")
    time.sleep(circuit(plain, verto.url).open_for + 0.01)

    with pytest.raises(given) as ended:
        plain.get(f"{verto.url}/status/200")

    assert not getattr(ended.value, "__notes__", [])
    assert circuit(plain, verto.url).probes == 0
    assert plain.get(f"{verto.url}/status/200").status_code == 200


def test_observer_that_fails_does_not_reach_the_call(verto: Sandbox, mounted: Mounter) -> None:
    """An observer that raises is logged, and the call is none the wiser."""

    class Broken:
        """Fails at everything."""

        def on_event(self, event: object) -> None:
            """Fail."""
            raise RuntimeError

    session = mounted(observer=Broken())
    verto.script("/status/200", [503])

    assert session.get(f"{verto.url}/status/200").status_code == 200
