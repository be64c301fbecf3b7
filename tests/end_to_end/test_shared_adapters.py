import copy
import gc
import pickle
import warnings
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from requests.adapters import BaseAdapter, HTTPAdapter
from urllib3.util import Retry

import verto_resilience
from tests.end_to_end.sessions import adapter_of, quick, report
from verto_resilience import Policy, VertoAdapter, mount, unmount
from verto_resilience.testing import Sandbox

pytestmark = pytest.mark.end_to_end

EAGER = Retry(3, status_forcelist=[503], allowed_methods=None, raise_on_status=False)


@pytest.fixture
def sessions() -> Iterator[list[requests.Session]]:
    """Give two plain sessions."""
    made = [requests.Session(), requests.Session()]
    for session in made:
        session.trust_env = False
    yield made
    for session in made:
        session.close()


def _eager() -> HTTPAdapter:
    return HTTPAdapter(max_retries=EAGER)


def _mount(session: requests.Session, policy: Policy | None = None) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        mount(session, policy=quick() if policy is None else policy)


def _posts(session: requests.Session, verto: Sandbox) -> int:
    """Count how often a write that is answered by 503 is sent."""
    verto.clear()
    session.post(f"{verto.url}/status/503")
    return verto.arrived


def _remembers(inner: Any) -> bool:
    return "get_connection_with_tls_context" in vars(inner)


def test_an_adapter_is_given_back_with_its_last_session(
    verto: Sandbox, sessions: list[requests.Session]
) -> None:
    """Two mounted sessions share one adapter: unmounting the one changes nothing for the other."""
    own = _eager()
    for session in sessions:
        session.mount("http://", own)
        _mount(session)

    unmount(sessions[0])

    assert _posts(sessions[1], verto) == 1
    assert _remembers(own)
    unmount(sessions[1])
    assert own.max_retries is EAGER
    assert not _remembers(own)
    assert _posts(sessions[1], verto) == 4


def test_a_mounted_adapter_may_be_shared_as_well(
    verto: Sandbox, sessions: list[requests.Session]
) -> None:
    """One ``VertoAdapter`` in two sessions goes on as it did when one of them is unmounted."""
    with pytest.warns(UserWarning, match="retries by itself"):
        adapter = VertoAdapter(inner=_eager(), policy=quick())
    for session in sessions:
        session.mount("http://", adapter)

    unmount(sessions[0])

    assert _posts(sessions[1], verto) == 1
    assert report(sessions[1].get(f"{verto.url}/status/200"))


def test_a_session_that_is_dropped_gives_back_too(verto: Sandbox) -> None:
    """The adapter of a mounted session that is gone is as it was, for whoever uses it next."""
    own = _eager()
    session = requests.Session()
    session.mount("http://", own)
    _mount(session)

    del session
    gc.collect()

    assert own.max_retries is EAGER
    assert not _remembers(own)


def test_what_others_set_meanwhile_stays(sessions: list[requests.Session]) -> None:
    """Retries that somebody put on the inner adapter itself are not overwritten."""
    own, other = _eager(), Retry(1)
    sessions[0].mount("http://", own)
    _mount(sessions[0])

    own.max_retries = other
    unmount(sessions[0])

    assert own.max_retries is other


def test_what_others_set_meanwhile_survives_a_copy(sessions: list[requests.Session]) -> None:
    """A shallow copy of the mounted adapter does not bring back what was replaced."""
    own, other = _eager(), Retry(0)
    sessions[0].mount("http://", own)
    _mount(sessions[0])

    own.max_retries = other
    twin = copy.copy(adapter_of(sessions[0], "http://x"))
    twin.give_back()
    unmount(sessions[0])

    assert own.max_retries is other


def test_kill_switch_of_one_session_is_its_own(
    verto: Sandbox, sessions: list[requests.Session]
) -> None:
    """A session that is switched off leaves a shared adapter to the one that is not."""
    own = _eager()
    for session in sessions:
        session.mount("http://", own)
        _mount(session)

    adapter_of(sessions[0], verto.url).reconfigure(quick(disabled=True))
    assert _posts(sessions[1], verto) == 1

    adapter_of(sessions[1], verto.url).reconfigure(quick(disabled=True))
    assert _posts(sessions[1], verto) == 4


@pytest.mark.parametrize("retries", [EAGER, 3, None])
def test_retries_set_on_a_mounted_adapter_do_not_multiply(
    verto: Sandbox, sessions: list[requests.Session], retries: Any
) -> None:
    """They are told of as those found at first, rest while mounted, and are there afterwards."""
    session = sessions[0]
    _mount(session)
    adapter = adapter_of(session, verto.url)

    with pytest.warns(UserWarning, match=r"retries by itself.*max_retries=0") as warned:
        adapter.max_retries = retries

    assert len(warned) == 1
    assert warned[0].filename == __file__
    assert _posts(session, verto) == 1
    assert adapter.max_retries.total == 0
    unmount(session)
    assert adapter.max_retries.total == 3
    assert session.get_adapter(verto.url) is adapter.inner


def test_no_retries_set_on_a_mounted_adapter_are_no_matter(
    sessions: list[requests.Session],
) -> None:
    """``max_retries`` that sends once reaches the inner adapter, without a word, and stays."""
    session = sessions[0]
    session.mount("http://", _eager())
    _mount(session)
    adapter: Any = session.get_adapter("http://x")
    once = Retry(0)

    adapter.max_retries = once

    assert adapter.inner.max_retries is once
    unmount(pickled := pickle.loads(pickle.dumps(session)))  # noqa: S301 - its own
    unmount(session)
    assert adapter.inner.max_retries is once
    assert pickled.get_adapter("http://x").max_retries.total == 0


def test_a_number_of_retries_is_taken_over_as_well(
    verto: Sandbox, sessions: list[requests.Session]
) -> None:
    """urllib3 reads a plain number that was put on an adapter as retries, and so it is here."""
    own = HTTPAdapter()
    own.max_retries = 2  # type: ignore[assignment]
    sessions[0].mount("http://", own)

    with pytest.warns(UserWarning, match="retries by itself"):
        mount(sessions[0], policy=quick())

    assert own.max_retries.total == 0


def test_what_is_set_is_set_where_it_is_read(sessions: list[requests.Session]) -> None:
    """An attribute of the inner adapter, set on the one around it, reaches the inner one."""

    class Named(HTTPAdapter):
        name = "before"

    own = Named()
    sessions[0].mount("http://", own)
    mount(sessions[0], policy=quick())
    adapter: Any = sessions[0].get_adapter("http://x")

    adapter.name = "after"
    adapter.new = "here"

    assert (own.name, adapter.name) == ("after", "after")
    assert adapter.new == "here"
    assert not hasattr(own, "new")


def test_a_shallow_copy_shares_the_adapter(
    verto: Sandbox, sessions: list[requests.Session]
) -> None:
    """Copying an adapter that is mounted, or installed, gives nothing back under its feet."""
    session = sessions[0]
    session.mount("http://", _eager())
    _mount(session)
    adapter = adapter_of(session, verto.url)

    twin = copy.copy(adapter)

    assert twin.inner is adapter.inner
    assert _posts(session, verto) == 1
    twin.give_back()
    assert _posts(session, verto) == 1


class Carried(HTTPAdapter):
    """Pickles and copies all it has but the pools, as some adapters do."""

    def __getstate__(self) -> Any:
        """Give it."""
        return {name: value for name, value in vars(self).items() if name != "poolmanager"}

    def __setstate__(self, state: Any) -> None:
        """Take it, with pools of its own."""
        vars(self).update(state)
        self.init_poolmanager(1, 1)


@pytest.mark.parametrize(
    "twin",
    [copy.deepcopy, lambda adapter: pickle.loads(pickle.dumps(adapter))],  # noqa: S301 - its own
    ids=["deep_copied", "pickled"],
)
def test_a_copy_remembers_pools_of_its_own(
    verto: Sandbox, sessions: list[requests.Session], twin: Any
) -> None:
    """What was set on an adapter that carries all it has along finds the copy's pools."""
    own = Carried()
    sessions[0].mount("http://", own)
    mount(sessions[0], policy=quick())
    sessions[0].get(f"{verto.url}/status/200")

    other = twin(own)
    sessions[1].mount("http://", other)
    sessions[1].get(f"{verto.url}/status/200")

    assert [arrival.connection for arrival in verto.log] == [1, 2]
    assert len(other.poolmanager.pools) == 1


def test_retries_in_a_process_that_is_switched_off_work_again(
    verto: Sandbox, sessions: list[requests.Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A session that is unpickled where the kill switch is thrown retries as it did by itself."""
    sessions[0].mount("http://", _eager())
    _mount(sessions[0])
    pickled = pickle.dumps(sessions[0])
    monkeypatch.setenv("VERTO_RESILIENCE_DISABLED", "true")

    with pickle.loads(pickled) as other:  # noqa: S301 - its own
        assert _posts(other, verto) == 4


def test_a_warning_that_is_an_error_changes_nothing(sessions: list[requests.Session]) -> None:
    """Where warnings are errors, a session that could not be mounted is as it was."""
    session, own = sessions[0], _eager()
    session.mount("https://", own)
    session.mount("http://", HTTPAdapter())
    before = dict(session.adapters)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning, match="retries by itself"):
            mount(session, policy=quick())

    assert session.adapters == before
    gc.collect()
    assert own.max_retries is EAGER


def test_a_switch_thrown_in_the_same_moment_holds(sessions: list[requests.Session]) -> None:
    """A call that takes an adapter over again while another thread switches off gives it back."""
    own = _eager()
    sessions[0].mount("http://", own)
    _mount(sessions[0])
    adapter = adapter_of(sessions[0], "http://x")
    adapter.reconfigure(quick(disabled=True))

    adapter._take_over_again()

    assert own.max_retries is EAGER


class Watched(OrderedDict[str, BaseAdapter]):
    """Tells when a prefix is taken out."""

    def pop(self, *_: Any) -> Any:
        """Tell."""
        pytest.fail("another thread would not have found its adapter")


def test_no_prefix_is_ever_without_an_adapter(sessions: list[requests.Session]) -> None:
    """Mounting and unmounting a session that other threads send through leaves no gap."""
    session = sessions[0]
    session.adapters = Watched(session.adapters)

    _mount(session)
    unmount(session)

    assert list(session.adapters) == ["https://", "http://"]


def test_a_prefix_that_is_refused_changes_nothing(sessions: list[requests.Session]) -> None:
    """One bad prefix among good ones leaves the session plain."""
    session = sessions[0]
    before = dict(session.adapters)

    with pytest.raises(requests.exceptions.InvalidSchema):
        mount(session, "https://", "ftp://", policy=quick())

    assert session.adapters == before
    assert verto_resilience.report(requests.Response()) is None
