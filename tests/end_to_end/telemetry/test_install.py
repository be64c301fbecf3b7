import copy
import pickle
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import pytest
import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

import verto_resilience
from tests.end_to_end.sessions import Told, quick, report
from tests.end_to_end.telemetry.setups import OURS, REQUESTS, Setup, drawn_by, instrumented
from tests.telemetry.makers import Sdk
from verto_resilience import CircuitOpenError, VertoAdapter
from verto_resilience.mounting import install, uninstall
from verto_resilience.pipeline import Beside, CallEnded
from verto_resilience.testing import Reply, Sandbox

pytestmark = pytest.mark.end_to_end

GET_ADAPTER = requests.Session.get_adapter


@pytest.fixture(autouse=True)
def _afterwards() -> Iterator[None]:
    """Leave no test installed."""
    yield
    uninstall()
    assert requests.Session.get_adapter is GET_ADAPTER


class Slow(HTTPAdapter):
    """Takes its time to say how it retries, so that others come meanwhile."""

    @property
    def max_retries(self) -> Retry:
        """Say it slowly."""
        time.sleep(0.05)
        return self._retries

    @max_retries.setter
    def max_retries(self, retries: Retry) -> None:
        self._retries = retries


def pickled(session: requests.Session) -> requests.Session:
    """Send a session through pickle and back."""
    copied: requests.Session = pickle.loads(pickle.dumps(session))  # noqa: S301 - its own
    return copied


def is_resent(session: requests.Session, verto: Sandbox) -> bool:
    """Whether a 503 is answered by a resend."""
    verto.script("/x", [503, 204])
    return session.get(f"{verto.url}/x").status_code == 204


def test_sessions_of_all_sorts_are_wrapped(verto: Sandbox, plain: requests.Session) -> None:
    """Sessions from before and after, and ``requests.get``, resend."""
    plain.get(f"{verto.url}/status/200")
    install(policy=quick())

    with requests.Session() as later:
        assert is_resent(plain, verto)
        assert is_resent(later, verto)
    verto.script("/x", [503, 204])
    assert requests.get(f"{verto.url}/x", proxies={"http": ""}).status_code == 204


def test_adapters_that_are_mounted_later_are_wrapped(
    verto: Sandbox, plain: requests.Session
) -> None:
    """A session that goes on to mount an adapter of its own keeps it, wrapped."""
    install(policy=quick())
    plain.get(f"{verto.url}/status/200")
    own = HTTPAdapter()

    plain.mount(verto.url, own)

    assert is_resent(plain, verto)
    adapter = plain.get_adapter(verto.url)
    assert isinstance(adapter, VertoAdapter)
    assert adapter.inner is own


def test_all_sessions_know_the_same_circuits(verto: Sandbox) -> None:
    """What one session learns of a server, every other one knows."""
    install(policy=quick(max_attempts=1))

    for _ in range(5):
        requests.get(f"{verto.url}/status/503", proxies={"http": ""})

    with requests.Session() as other, pytest.raises(CircuitOpenError):
        other.get(f"{verto.url}/status/200")


def test_uninstall_takes_everything_back(verto: Sandbox, plain: requests.Session) -> None:
    """Every session has the very adapters and retries from before, and sends as plain ones do."""
    eager = HTTPAdapter(max_retries=Retry(2, status_forcelist=[418]))
    plain.mount("http://", eager)
    before = dict(plain.adapters)
    install(policy=quick())
    with pytest.warns(UserWarning, match="retries by itself"):
        plain.get(f"{verto.url}/status/200")
    assert plain.adapters != before

    uninstall()

    assert plain.adapters == before
    assert list(plain.adapters) == list(before)
    assert eager.max_retries.total == 2
    assert not is_resent(plain, verto)
    with requests.Session() as new:
        assert type(new.get_adapter(verto.url)) is HTTPAdapter


def test_uninstall_leaves_what_was_mounted_by_hand(verto: Sandbox, plain: requests.Session) -> None:
    """A session that the program mounted on stays mounted."""
    install(policy=quick())
    plain.mount("https://", HTTPAdapter())
    verto_resilience.mount(plain, "http://", policy=quick())
    plain.get_adapter("https://x")

    uninstall()

    assert is_resent(plain, verto)
    assert type(plain.adapters["https://"]) is HTTPAdapter


@pytest.mark.parametrize("used", [False, True], ids=["unused", "used"])
def test_mount_goes_before_install(verto: Sandbox, plain: requests.Session, used: bool) -> None:
    """A policy that the program gives to a session holds for it, also while installed."""
    install(policy=quick())
    if used:
        plain.get(f"{verto.url}/status/200")
        verto.clear()

    verto_resilience.mount(plain, policy=quick(max_attempts=2))

    assert len(report(plain.get(f"{verto.url}/status/503")).attempts) == verto.arrived == 2


def test_installing_twice_changes_nothing(verto: Sandbox, plain: requests.Session) -> None:
    """The first policy holds, nothing is wrapped twice, and one ``uninstall`` is enough."""
    install(policy=quick(max_attempts=2))
    with pytest.warns(UserWarning, match="This library is installed already"):
        install(policy=quick(max_attempts=5))

    plain.get(f"{verto.url}/status/503")
    assert verto.arrived == 2
    uninstall()

    assert not is_resent(plain, verto)


@pytest.mark.parametrize("twin", [pickled, copy.deepcopy], ids=["pickled", "deep_copied"])
def test_a_twin_of_a_session_is_as_the_process_is(
    verto: Sandbox, plain: requests.Session, twin: Callable[[requests.Session], requests.Session]
) -> None:
    """What was wrapped travels, with its retries: where nothing is installed the twin is plain."""
    plain.mount("http://", HTTPAdapter(max_retries=Retry(2, status_forcelist=[418])))
    install(policy=quick())
    with pytest.warns(UserWarning, match="retries by itself"):
        plain.get(f"{verto.url}/status/200")

    with twin(plain) as other:
        inner: Any = other.adapters["http://"]
        assert type(inner) is HTTPAdapter
        assert inner.max_retries.total == 2
        with pytest.warns(UserWarning, match="retries by itself"):
            assert is_resent(other, verto)
        uninstall()
        assert inner.max_retries.total == 2
        assert not is_resent(other, verto)


def test_a_session_that_is_closed_ends_no_wait_of_another(verto: Sandbox) -> None:
    """``requests.get`` closes its session, and calls that wait meanwhile wait on."""
    verto.script("/x", [Reply(503, retry_after=1), 204])
    install(policy=quick())

    with requests.Session() as session, ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(session.get, f"{verto.url}/x")
        assert verto.wait_for(1, answered=True)
        with Sandbox() as elsewhere:
            requests.get(f"{elsewhere.url}/status/200", proxies={"http": ""})

        assert waiting.result().status_code == 204


def test_threads_that_come_first_together_find_one_adapter(
    verto: Sandbox, plain: requests.Session
) -> None:
    """Whatever the race, a session's adapter is wrapped once, and its retries are not lost."""
    plain.mount("http://", Slow(max_retries=Retry(2, status_forcelist=[418])))
    install(policy=quick())
    start = threading.Barrier(4)

    def ask(_: int) -> Any:
        start.wait()
        return plain.get_adapter(verto.url)

    with pytest.warns(UserWarning, match="retries by itself"), ThreadPoolExecutor(4) as threads:
        found = set(threads.map(ask, range(4)))
    uninstall()

    (adapter,) = found
    assert isinstance(adapter, VertoAdapter)
    inner = cast("HTTPAdapter", adapter.inner)
    assert plain.adapters["http://"] is inner
    assert inner.max_retries.total == 2


def test_the_observer_hears_every_session(verto: Sandbox) -> None:
    """An observer is told of the calls of all sessions."""
    told = Told()
    install(policy=quick(), observer=told)

    for _ in range(2):
        requests.get(f"{verto.url}/status/200", proxies={"http": ""})

    assert len(told.of(CallEnded)) == 2


def test_a_session_that_finds_adapters_by_its_own_rules_keeps_them(verto: Sandbox) -> None:
    """An adapter that is mounted nowhere is left as it is."""
    own = HTTPAdapter()

    class Own(requests.Session):
        def get_adapter(self, url: Any) -> Any:
            super().get_adapter(url)
            return own

    install(policy=quick())
    with Own() as session:
        assert session.get_adapter(verto.url) is own


@pytest.mark.parametrize("first", ["ours", "theirs"])
def test_takeover_holds_for_the_process(sdk: Sdk, verto: Sandbox, first: str) -> None:
    """``takeover``: the instrumentation of requests is off, whoever came first, until undone."""
    policy = quick(beside=Beside.TAKEOVER)
    if first == "ours":
        install(policy=policy)
    with instrumented(Setup.REQUESTS, sdk), requests.Session() as session:
        session.trust_env = False
        install(policy=policy)
        session.get(f"{verto.url}/status/200")
        before = len(drawn_by(sdk, REQUESTS))
        requests.get(f"{verto.url}/status/200", proxies={"http": ""})
        assert len(drawn_by(sdk, REQUESTS)) == before <= (first == "ours")
        assert drawn_by(sdk, OURS)

        uninstall()
        requests.get(f"{verto.url}/status/200", proxies={"http": ""})

        assert len(drawn_by(sdk, REQUESTS)) == before + 1
