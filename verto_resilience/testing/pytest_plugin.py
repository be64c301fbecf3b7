"""Fixtures and a marker for pytest; see docs/testing.md.

pytest loads this in every run, whether anybody uses it or not: nothing but pytest is imported here.
"""

from collections.abc import Awaitable, Callable, Generator, Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from verto_resilience.testing import FakeClock, Sandbox

_MARKER = "verto_script"
_FIXTURE = "verto_sandbox"
_MOST_LINES = 50
# Named, not imported: it is on the floor beside this one, and not loadable everywhere.
_TASKS_SLEEP = "verto_resilience.transports._tasks_clock.TasksClock.sleep"


def pytest_configure(config: pytest.Config) -> None:
    """Tell of the marker."""
    config.addinivalue_line(
        "markers",
        f"{_MARKER}(script, *, path=None, method=None, repeat=False): what {_FIXTURE} answers, "
        "such as '503 x2, 429 retry-after=1, ok delay=0.5', 'throttled', or replies one by one",
    )


@pytest.fixture
def verto_sandbox(request: pytest.FixtureRequest) -> Iterator["Sandbox"]:
    """A running :class:`~verto_resilience.testing.Sandbox`, with the scripts of the markers."""
    from verto_resilience.testing import Sandbox

    with Sandbox() as sandbox:
        # The nearest comes first, and what is put on last is asked first.
        for mark in reversed(list(request.node.iter_markers(_MARKER))):
            _play(sandbox, mark)
        yield sandbox


@pytest.fixture
def fake_clock(monkeypatch: pytest.MonkeyPatch) -> "FakeClock":
    """A :class:`~verto_resilience.testing.FakeClock` for every adapter mounted in this test."""
    from verto_resilience.pipeline import SystemClock
    from verto_resilience.testing import FakeClock

    # From the real reading on: an adapter that is older may look at it too.
    clock = FakeClock(monotonic=SystemClock.monotonic(), wall=SystemClock.wall())
    monkeypatch.setattr(SystemClock, "monotonic", staticmethod(clock.monotonic))
    monkeypatch.setattr(SystemClock, "wall", staticmethod(clock.wall))
    monkeypatch.setattr(SystemClock, "sleep", lambda _self, seconds: clock.sleep(seconds))
    if find_spec("anyio") is not None:
        monkeypatch.setattr(_TASKS_SLEEP, _sleeping_by(clock))
    return clock


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Refuse a marker that would do nothing."""
    marked = item.get_closest_marker(_MARKER)
    if marked is not None and _FIXTURE not in getattr(item, "fixturenames", ()):
        pytest.fail(f"{_MARKER} says what {_FIXTURE} answers, which is not here", pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show with a test that failed what had reached its sandbox."""
    report = yield
    sandbox = getattr(item, "funcargs", {}).get(_FIXTURE)
    if report.failed and sandbox is not None:
        from verto_resilience.testing import Sandbox, describe

        if isinstance(sandbox, Sandbox):
            lines = [describe(arrival) for arrival in sandbox.log]
            left_out = [f"({len(lines) - _MOST_LINES} before)"] if len(lines) > _MOST_LINES else []
            text = "\n".join([*left_out, *lines[-_MOST_LINES:]] or ["no request"])
            report.sections.append((f"{_FIXTURE}: what reached it", text))
    return report


def _sleeping_by(clock: "FakeClock") -> Callable[[object, float], Awaitable[bool]]:
    from anyio.lowlevel import checkpoint

    async def sleep(_self: object, seconds: float) -> bool:
        await checkpoint()
        return clock.sleep(seconds)

    return sleep


def _play(sandbox: "Sandbox", mark: pytest.Mark) -> None:
    options = dict(mark.kwargs)
    _insist(mark.args, options)
    if len(mark.args) == 1 and isinstance(mark.args[0], str):
        sandbox.play(mark.args[0], **options)
    else:
        sandbox.script(options.pop("path", None), mark.args, **options)


def _insist(args: tuple[object, ...], options: dict[str, object]) -> None:
    """Refuse what would do nothing: no answer, an option or a method that there is not."""
    from verto_resilience.outcome import METHODS

    allowed = ["path", "method", "repeat"]
    if args and isinstance(args[0], str):
        allowed += ["seconds", "count", "form"]
    unknown = sorted(set(options) - set(allowed))
    method = options.get("method")
    if not args:
        problem = "names no answer: say for instance '503, ok'"
    elif unknown:
        problem = f"has no option {', '.join(unknown)}: allowed is {', '.join(allowed)}"
    elif method is not None and str(method).upper() not in METHODS:
        problem = f"has method {method!r}: allowed is {', '.join(sorted(METHODS))}"
    else:
        return
    pytest.fail(f"{_MARKER} {problem}", pytrace=False)
