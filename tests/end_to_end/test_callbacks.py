"""Mistakes in what the caller gave to be called, and what becomes of the calls."""

import logging
import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter

import verto_resilience
from tests.end_to_end.sessions import Mounter, circuit, quick
from verto_resilience import Event
from verto_resilience.pipeline import Pipeline, SystemClock
from verto_resilience.testing import Sandbox
from verto_resilience.transports import RefusedCredentials, ResilientAdapter
from verto_resilience.transports._target import front_and_path, split_origin

pytestmark = pytest.mark.end_to_end

SECRET = "canary-2b7d"


class MistakeError(Exception):
    """What a callback of the caller's raises; its message quotes what it was given."""

    def __init__(self) -> None:
        """Quote a secret."""
        super().__init__(SECRET)


def mistake(*_: Any, **__: Any) -> Any:
    """Fail, whatever comes."""
    raise MistakeError


class Watcher:
    """An observer that fails at everything."""

    def on_event(self, event: Event) -> None:
        """Fail."""
        raise MistakeError


def hook(refused: RefusedCredentials) -> str:
    """Fail to get new credentials."""
    raise MistakeError


@pytest.mark.parametrize(
    ("given", "named"), [({"observer": Watcher()}, "Watcher"), ({"refresh": hook}, "hook")]
)
def test_mistake_is_contained_logged_once_and_named(
    verto: Sandbox,
    plain: requests.Session,
    caplog: pytest.LogCaptureFixture,
    given: dict[str, Any],
    named: str,
) -> None:
    """Five calls that meet it end as they would without it, and one line says whose it is."""
    verto.script("/x", [401] * 5)
    verto_resilience.mount(plain, policy=quick(verto_hosts=("127.0.0.1",)), **given)
    caplog.set_level(logging.DEBUG, "verto_resilience")

    came = [plain.get(f"{verto.url}/x").status_code for _ in range(5)]

    assert came == [401] * 5
    told = [record for record in caplog.records if "MistakeError" in record.getMessage()]
    assert [(record.levelname, named in record.getMessage()) for record in told] == [
        ("ERROR", True)
    ]
    assert SECRET not in caplog.text


def body() -> Iterator[bytes]:
    """Break off in the middle of a body."""
    yield b"begun"
    raise MistakeError


class File:
    """A file that cannot be read."""

    def __len__(self) -> int:
        """Promise something."""
        return 9

    read = mistake


def auth_after(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Fail at the answer, as a digest that is computed wrongly would."""
    request.hooks["response"] = [mistake]
    return request


@pytest.mark.parametrize(
    "make",
    [
        lambda: {"hooks": {"response": mistake}},
        lambda: {"auth": auth_after},
        lambda: {"auth": mistake},
        lambda: {"data": body()},
        lambda: {"data": File()},
    ],
    ids=["hook", "auth_at_the_answer", "auth", "generator", "file"],
)
def test_mistake_in_what_requests_calls_comes_back_as_from_plain_requests(
    verto: Sandbox,
    plain: requests.Session,
    mounted: Mounter,
    make: Callable[[], dict[str, Any]],
) -> None:
    """It reaches its caller unchanged, is nothing against the server, and takes no place."""
    session = mounted()
    for one in (plain, session):
        with pytest.raises(MistakeError):
            one.put(f"{verto.url}/status/200", **make())

    assert session.get(f"{verto.url}/status/200").status_code == 200
    stands = circuit(session, verto.url)
    assert (stands.failures, stands.probes, stands.in_flight) == (0, 0, 0)


class Broken(SystemClock):
    """A clock whose sleeps fail, or which fails once to tell the time."""

    def __init__(self, fails_at: int | None) -> None:
        """Fail at this reading; ``None``: at every sleep."""
        super().__init__()
        self._fails_at = fails_at
        self._readings = 0
        self.monotonic = self._read  # bound once there as well

    def sleep(self, seconds: float) -> bool:
        """Sleep, or fail."""
        if self._fails_at is None:
            raise MistakeError
        return super().sleep(seconds)

    def _read(self) -> float:
        self._readings += 1
        if self._readings == self._fails_at:
            raise MistakeError
        return time.monotonic()


@pytest.mark.parametrize("fails_at", [None, *range(1, 7)], ids=str)
def test_mistake_in_a_clock_leaves_nothing_taken(
    verto: Sandbox, plain: requests.Session, fails_at: int | None
) -> None:
    """Wherever a clock fails, its error comes out, and the place of the probe is given back."""
    good = SystemClock()
    policy = quick(max_attempts=2, consecutive_failures=1, break_duration=0.01)
    pipeline = Pipeline(policy, clock=good, chance=lambda: 0.5)
    plain.mount("http://", ResilientAdapter(HTTPAdapter(), pipeline, owns_inner=True))
    verto.script("/x", [503])
    verto.script("/y", [429])
    plain.get(f"{verto.url}/x")
    time.sleep(0.02)

    pipeline.clock = Broken(fails_at)
    with pytest.raises(MistakeError):
        plain.get(f"{verto.url}/y")
    pipeline.clock = good

    assert taken(pipeline, verto) == (0, 0)
    assert plain.get(f"{verto.url}/status/200").status_code == 200


class Number:
    """A chance function that gives always the same, whatever that is."""

    def __init__(self, drawn: Any) -> None:
        """Give this."""
        self._drawn = drawn

    def __call__(self) -> Any:
        """Give it."""
        return self._drawn


@pytest.mark.parametrize(
    ("chance", "named"),
    [
        (mistake, "mistake"),
        *((Number(drawn), "Number") for drawn in (math.nan, math.inf, -0.1, 1.1, None, "0.5")),
    ],
    ids=["raises", "nan", "infinity", "below", "above", "none", "text"],
)
@pytest.mark.parametrize("attempts", [1, 2])
def test_mistake_in_a_chance_function_loses_no_answer(  # noqa: PLR0917
    verto: Sandbox,
    plain: requests.Session,
    caplog: pytest.LogCaptureFixture,
    chance: Callable[[], float],
    named: str,
    attempts: int,
) -> None:
    """Where chance fails, under a circuit's lock as well, one half is taken; one line says so."""
    policy = quick(break_jitter=0.5, max_attempts=attempts, consecutive_failures=2 * attempts)
    pipeline = Pipeline(policy, clock=SystemClock(), chance=chance)
    plain.mount("http://", ResilientAdapter(HTTPAdapter(), pipeline, owns_inner=True))
    verto.script("/x", [503] * 4)

    came = [plain.get(f"{verto.url}/x").status_code for _ in range(2)]

    now = pipeline.clock.monotonic()
    assert came == [503, 503]
    assert 0.0 < pipeline.circuits.at(origin_of(verto), now).breaker.snapshot(now).open_for <= 0.225
    told = [record for record in caplog.records if "chance" in record.getMessage()]
    assert [(record.levelname, named in record.getMessage()) for record in told] == [
        ("ERROR", True)
    ]
    assert SECRET not in caplog.text


def taken(pipeline: Pipeline, verto: Sandbox) -> tuple[int, int]:
    """Count probes and calls that are out."""
    now = pipeline.clock.monotonic()
    stands = pipeline.circuits.at(origin_of(verto), now).breaker.snapshot(now)
    return stands.probes, stands.in_flight


def origin_of(verto: Sandbox) -> str:
    """Name the origin of a sandbox."""
    return split_origin(front_and_path(verto.url)[0])[0]
