import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")

BEGIN = """
import os, signal, sys
from verto_resilience import Policy, VertoAdapter


def in_a_child(work):
    child = os.fork()
    if not child:
        signal.alarm(10)
        os._exit(work())
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


"""

SLEEPING = """
adapter = VertoAdapter(policy=Policy())
clock = adapter.pipeline.clock
with clock._interrupted._cond:
    code = in_a_child(lambda: 7 if clock.sleep(0.01) else 8)
sys.exit(code)
"""

SLOW = """
policy = Policy(slow_call_duration=5.0, consecutive_failures=None)
adapter = VertoAdapter(policy=policy)
breaker = adapter.circuits.at("https://a:443", 0.0).breaker
permits = [breaker.try_acquire(1.0) for _ in range(3)]


def seen(now):
    after = breaker.try_acquire(now)
    breaker.record(after, bad=False, now=now)
    shown = breaker.snapshot(now)
    print(shown.calls, shown.slow, shown.in_flight, flush=True)
    return 7


code = in_a_child(lambda: seen(7.0))
seen(7.0)
sys.exit(code)
"""


def run(code: str) -> tuple[int, list[str]]:
    """Run it in a process of its own; give its exit code and its lines."""
    ran = subprocess.run(
        [sys.executable, "-Wignore", "-c", BEGIN + code],
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
    )
    assert not ran.stderr
    return ran.returncode, ran.stdout.splitlines()


def test_a_child_can_sleep_whatever_a_thread_held() -> None:
    """The lock under a sleep, held at the instant of a fork, is nobody's in the child."""
    assert run(SLEEPING) == (7, [])


def test_calls_of_the_parent_are_not_the_child_s() -> None:
    """What is out at the instant of a fork is followed by the parent alone."""
    code, (child, parent) = run(SLOW)

    assert code == 7
    assert child == "1 0 0"
    assert parent == "4 3 3"
