import ast
import inspect
import re
from collections.abc import Callable, Coroutine, Iterator
from types import ModuleType
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.pipeline import test_drive
from tests.pipeline.makers import READ, Bench, Script, failure
from verto_resilience.outcome import Failure
from verto_resilience.pipeline import (
    SILENT_TRACING,
    AttemptScope,
    Call,
    CallEnded,
    CallReport,
    CallRequest,
    End,
    Observer,
    Rejection,
    Result,
    Tracing,
    _drive,
    _drive_async,
    drive_async,
)
from verto_resilience.testing import FakeClock

T = TypeVar("T")
SAME = {"AsyncExchange": "Exchange", "AsyncClock": "Clock", "drive_async": "drive"}


def run(task: Coroutine[Any, Any, T]) -> T:
    """Run what never has to wait for anything, without a loop."""
    try:
        task.send(None)
    except StopIteration as ended:
        value: T = ended.value
        return value
    raise AssertionError("it waited")


class TaskClock:
    """A fake clock in which a task can sleep."""

    def __init__(self, clock: FakeClock) -> None:
        """Go by this clock."""
        self._clock = clock
        self.monotonic = clock.monotonic
        self.wall = clock.wall

    async def sleep(self, seconds: float) -> bool:
        """Let the time pass at once."""
        return self._clock.sleep(seconds)


class TaskScript:
    """A script that a task goes through."""

    def __init__(self, script: Script) -> None:
        """Go through this one."""
        self._script = script

    async def send(self, scope: AttemptScope, left: float) -> Result[str]:
        """Bring the next outcome."""
        return self._script.send(scope, left)

    async def prepare_resend(self, result: Result[str]) -> bool:
        """Write down what is waited on."""
        return self._script.prepare_resend(result)

    async def refresh(self, left: float) -> bool:
        """Write down when new credentials were asked for."""
        return self._script.refresh(left)

    def refused(self, rejection: Rejection, report: CallReport) -> Exception:
        """Make an error of it."""
        return self._script.refused(rejection, report)

    def finished(
        self, result: Result[str], report: CallReport, fail_late: Callable[[Failure], None]
    ) -> str:
        """Return the response or raise the error."""
        return self._script.finished(result, report, fail_late)


def drive_in_a_task(
    bench: Bench,
    script: Script,
    request: CallRequest = READ,
    *,
    observer: Observer | None = None,
    tracing: Tracing = SILENT_TRACING,
    call: Call | None = None,
) -> str:
    """Carry a call through as :meth:`Bench.drive` does, by the other loop."""
    return run(
        drive_async(
            bench.call(request) if call is None else call,
            TaskScript(script),
            clock=TaskClock(bench.clock),
            observer=bench.observer if observer is None else observer,
            tracing=tracing,
        )
    )


@pytest.fixture(autouse=True, scope="module")
def _in_tasks() -> Iterator[None]:
    """Carry the calls of every test here through by the other loop."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Bench, "drive", drive_in_a_task)
        yield


def definitions(module: ModuleType) -> dict[str, str]:
    """Give the text of what a module defines, by name, without what makes it asynchronous."""
    source = re.sub(r"\b(async|await) ", "", inspect.getsource(module))
    for ours, other in SAME.items():
        source = source.replace(ours, other)
    return {
        node.name: re.sub(r"\s+", " ", ast.unparse(node))
        for node in ast.parse(source).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
    }


def test_the_two_loops_are_one_text() -> None:
    """Without ``async`` and ``await`` both are the same to the word, comments apart."""
    loop, twin = definitions(_drive), definitions(_drive_async)

    assert twin == {name: text for name, text in loop.items() if name != "Result"}
    assert len(twin) == 5


class TestResult(test_drive.TestResult):
    """What a call gives back."""


class TestTime(test_drive.TestTime):
    """When something is sent."""

    @settings(deadline=None)
    @given(over=st.floats(0.0, 100.0), takes=st.floats(0.0, 50.0))
    def test_no_attempt_is_left_without_time(self, over: float, takes: float) -> None:
        """A test that hypothesis runs belongs to one class alone."""
        original: Any = test_drive.TestTime.test_no_attempt_is_left_without_time

        original.hypothesis.inner_test(self, over, takes)


class TestEnds(test_drive.TestEnds):
    """Why a call ends."""


class TestAbandon(test_drive.TestAbandon):
    """What a call leaves that is broken off."""


class TestTracing(test_drive.TestTracing):
    """What is drawn."""


class TestEvents(test_drive.TestEvents):
    """What is told."""


class Never:
    """Something to wait for that never comes."""

    def __await__(self) -> Any:
        """Wait."""
        yield


class StuckScript(TaskScript):
    """A script whose sends never come back."""

    async def send(self, scope: AttemptScope, left: float) -> Result[str]:
        """Wait for ever."""
        await Never()
        raise AssertionError("unreachable")


def test_a_task_that_is_closed_gives_its_permit_back() -> None:
    """Whatever ends a task in the midst of a send, nothing is counted, and the end is told."""
    bench = Bench()
    before = bench.snapshot()[0]
    task = drive_async(
        bench.call(),
        StuckScript(bench.script(failure(Failure.RESET))),
        clock=TaskClock(bench.clock),
        observer=bench.observer,
        tracing=SILENT_TRACING,
    )
    task.send(None)

    task.close()

    (ended,) = [event for event in bench.observer.events if isinstance(event, CallEnded)]
    assert (ended.report.end, ended.error) == (End.INTERRUPTED, "GeneratorExit")
    assert bench.snapshot()[0] == before
