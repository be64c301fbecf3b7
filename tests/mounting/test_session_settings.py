import copy
import gc
import os
import pickle
import weakref
from collections.abc import Iterator
from typing import Any
from unittest import mock
from urllib.parse import urlparse

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from requests import sessions, utils

from verto_resilience import Policy, VertoAdapter, mount, unmount
from verto_resilience.mounting import _session_settings, install, uninstall

NAME = "merge_environment_settings"
URL = "https://api.example.com/orders"
URLS = (URL, "http://127.0.0.1:8080/a", "http://[::1]/", "https://user:secret@h/", "file:///etc")
NAMES = (
    *("HTTP_PROXY", "https_proxy", "All_Proxy", "NO_PROXY", "no_proxy", "A_PROXY_POOL", "PROXY"),
    *("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "REQUEST_METHOD", "HOME", "Größe"),
)
VALUES = ("", "*", "api.example.com,127.0.0.0/8", "http://proxy.example:3128")
PROXIES: tuple[dict[str, str] | None, ...] = (
    None,
    {},
    {"https": "http://p:3128"},
    {"no_proxy": "api.example.com"},
)
CHOICES = st.sampled_from([None, True, False, "/etc/ssl/some.pem", 0, 1])


@pytest.fixture
def session() -> Iterator[requests.Session]:
    """Give a session with ours mounted, in an environment that names no proxy."""
    bare = {"HOME": "/", "LANG": "C"}
    with mock.patch.dict(os.environ, bare, clear=True), requests.Session() as session:
        yield mount(session, policy=Policy())


class Static(requests.Session):
    """A session that is asked without being told which it is."""

    @staticmethod
    def merge_environment_settings(*asked: Any) -> Any:
        """Give what was asked."""
        return asked


class OfClass(requests.Session):
    """A session whose class is asked."""

    @classmethod
    def merge_environment_settings(cls, *asked: Any) -> Any:
        """Give the class and what was asked."""
        return cls, *asked


def _asked(session: requests.Session, verify: bool | None = None) -> Any:
    return session.merge_environment_settings(URL, {}, None, verify, None)


def _told(session: requests.Session, *asked: Any) -> str:
    try:
        return repr(session.merge_environment_settings(*asked))
    except AttributeError as refused:
        # Older versions of requests have it for a call whose proxies are None.
        return repr(refused)


def _pickled(thing: Any) -> Any:
    return pickle.loads(pickle.dumps(thing))  # noqa: S301 - its own


def _looks(session: requests.Session, verify: bool | None = None) -> int:
    """Count how often requests goes through the environment for two calls after the first."""
    _asked(session, verify)
    with mock.patch.object(utils, "urlparse", wraps=urlparse) as parses:
        _asked(session, verify)
        _asked(session, verify)
    return parses.call_count


@given(
    steps=st.lists(
        st.tuples(
            st.dictionaries(st.sampled_from(NAMES), st.sampled_from(VALUES), max_size=2),
            st.tuples(CHOICES, CHOICES, CHOICES, st.booleans(), st.sampled_from(PROXIES)),
            st.tuples(st.sampled_from(URLS), st.sampled_from(PROXIES), CHOICES, CHOICES, CHOICES),
        ),
        max_size=4,
    )
)
def test_the_settings_are_those_of_requests(steps: list[tuple[dict[str, str], Any, Any]]) -> None:
    """Whatever stands in the environment, in the session and in the call, now and later."""
    plain, ours = requests.Session(), mount(requests.Session(), policy=Policy())
    usual: Any = ({}, (False, True, None, True, {}), (URL, {}, None, None, None))

    for variables, of_session, (url, proxies, *given_in_call) in (usual, *steps, *steps, usual):
        answers = []
        for each in (plain, ours):
            each.stream, each.verify, each.cert, each.trust_env = of_session[:4]
            each.proxies = copy.copy(of_session[4])
            with mock.patch.dict(os.environ, variables, clear=True):
                answers.append(_told(each, url, copy.copy(proxies), *given_in_call))

        assert answers[0] == answers[1]


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
@pytest.mark.parametrize("verify", [None, True, False])
def test_certificates_of_the_environment_count_at_once(
    session: requests.Session, name: str, verify: bool | None
) -> None:
    """Where the call leaves them open and the session trusts it, without a search for proxies."""
    before = _asked(session, verify)["verify"]
    os.environ[name] = "/elsewhere.pem"
    during, looks = _asked(session, verify)["verify"], _looks(session, verify)
    session.trust_env = False

    assert before is (verify is not False)
    assert during == ("/elsewhere.pem" if before else False)
    assert looks == 0
    assert _asked(session, verify)["verify"] is before


def test_an_environment_without_proxies_is_not_searched_for_them(
    session: requests.Session,
) -> None:
    """Once the first answer was that of requests, its search is spared."""
    assert _looks(session) == 0


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "no_proxy", "Ftp_Proxy"])
def test_a_variable_that_is_set_later_counts_at_once(session: requests.Session, name: str) -> None:
    """Nothing is remembered of the environment."""
    assert _looks(session) == 0

    os.environ[name] = "http://proxy.example:3128"
    searched = _looks(session)
    del os.environ[name]

    assert searched > 0
    assert _looks(session) == 0


def test_an_answer_belongs_to_whoever_asked(session: requests.Session) -> None:
    """Proxies that a caller writes into it do not come up in another call."""
    for _ in range(2):
        _asked(session)["proxies"]["https"] = "http://p:3128"

    assert _asked(session)["proxies"] == {}


@pytest.mark.parametrize(
    ("owner", "name"), [(utils, "getproxies"), (sessions, "get_environ_proxies")]
)
def test_what_tests_put_in_the_place_of_the_search_is_asked(
    session: requests.Session, owner: Any, name: str
) -> None:
    """Replaced after the mount, and for a while only."""
    _asked(session)
    _asked(session)

    with mock.patch.object(owner, name, return_value={"https": "http://p:3128"}):
        replaced = _asked(session)

    assert replaced["proxies"] == {"https": "http://p:3128"}
    assert _asked(session)["proxies"] == {}


def test_an_environment_that_is_replaced_whole_is_the_one_that_counts(
    session: requests.Session,
) -> None:
    """A dictionary in the place of ``os.environ`` may name a proxy that the process has not."""
    _asked(session)
    _asked(session)

    with mock.patch.object(os, "environ", {"https_proxy": "http://p:3128"}):
        assert _asked(session)["proxies"] == {"https": "http://p:3128"}


@pytest.mark.parametrize("autospec", [True, False])
def test_a_method_that_is_replaced_on_the_class_is_asked(
    session: requests.Session, autospec: bool
) -> None:
    """As those do who switch the check of certificates off for a while."""
    _asked(session)

    with mock.patch.object(requests.Session, NAME, autospec=autospec) as replaced:
        answer = _asked(session)

    assert answer is replaced.return_value
    asked: list[Any] = [URL, {}, None, None, None]
    replaced.assert_called_once_with(*([session, *asked] if autospec else asked))


def test_a_session_with_a_way_of_its_own_keeps_it() -> None:
    """Of a subclass, or set on the instance before the mount or after it."""

    class Own(requests.Session):
        def merge_environment_settings(self, *_: Any) -> Any:
            return "own"

    def by_hand(*_: Any) -> Any:
        return "by hand"

    before, after = requests.Session(), mount(requests.Session(), policy=Policy())
    before.merge_environment_settings = by_hand  # type: ignore[method-assign,assignment]
    mount(before, policy=Policy())
    after.merge_environment_settings = by_hand  # type: ignore[method-assign,assignment]
    unmount(after)

    assert _asked(mount(Own(), policy=Policy())) == "own"
    assert [_asked(each) for each in (before, unmount(before), after)] == ["by hand"] * 3


@pytest.mark.parametrize("kind", [Static, OfClass])
def test_a_method_of_another_kind_is_asked_as_requests_asks_it(kind: Any) -> None:
    """A static one is not given the session, and one of the class is given that."""
    assert _asked(mount(kind(), policy=Policy())) == _asked(kind())


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "https_proxy"])
def test_an_answer_that_another_thread_made_is_not_kept(
    session: requests.Session, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """An environment that changes while requests reads it gives one call what was there."""
    merge = requests.Session.merge_environment_settings

    def meanwhile(*asked: Any) -> Any:
        with mock.patch.dict(os.environ, {name: "/elsewhere"}):
            return merge(*asked)

    monkeypatch.setattr(requests.Session, NAME, meanwhile)
    monkeypatch.setattr(_session_settings, "_MERGE", meanwhile)
    changed = _asked(session)
    monkeypatch.undo()
    after = _asked(session)

    assert "/elsewhere" in {changed["verify"], changed["proxies"].get("https")}
    assert (after["verify"], after["proxies"]) == (True, {})


def test_the_kill_switch_gives_the_search_back(session: requests.Session) -> None:
    """Switched off while the session lives, it goes its own way, and on again the short one."""
    adapter = session.get_adapter(URL)
    assert isinstance(adapter, VertoAdapter)

    looks = []
    for disabled in (False, True, False):
        adapter.reconfigure(Policy(disabled=disabled))
        looks.append(_looks(session) > 0)

    assert looks == [False, True, False]


def test_a_mount_that_wraps_nothing_leaves_all_as_it_is(session: requests.Session) -> None:
    """The kill switch of the first one stays in force."""
    first = vars(session)[NAME]

    mount(session)

    assert vars(session)[NAME] is first


def test_unmount_gives_the_method_back(session: requests.Session) -> None:
    """Nothing of ours is left on the session."""
    unmount(session)

    assert NAME not in vars(session)


def test_install_has_it_for_every_session_and_uninstall_takes_it_off() -> None:
    """But for one that was mounted by hand meanwhile: it keeps what that gave it."""
    with requests.Session() as installed, requests.Session() as by_hand:
        install(policy=Policy())
        try:
            for each in (installed, by_hand):
                each.get_adapter(URL)
            has_it = NAME in vars(installed)
            mount(by_hand, policy=Policy())
        finally:
            uninstall()

        assert has_it
        assert NAME not in vars(installed)
        assert NAME in vars(by_hand)


def test_a_session_that_only_has_the_verbs_is_left_alone() -> None:
    """It is mounted on, and nothing else of it is known."""

    class Alike:
        __getstate__ = requests.Session.__getstate__

        def __init__(self) -> None:
            self.adapters = requests.Session().adapters
            self.get_adapter = requests.Session().get_adapter
            self.mount = requests.Session().mount

    alike: Any = Alike()

    assert NAME not in vars(mount(alike, policy=Policy()))
    assert NAME not in vars(unmount(alike))


class Carried(requests.Session):
    """A session that takes all it has along."""

    def __getstate__(self) -> Any:
        """Give everything."""
        return dict(vars(self))

    def __setstate__(self, state: Any) -> None:
        """Take everything."""
        vars(self).update(state)


class Alike(requests.Session):
    """A session whose copy has the same attributes."""

    def __copy__(self) -> Any:
        """Give all of them to another."""
        other = Alike()
        vars(other).update(vars(self))
        return other


@pytest.mark.parametrize("kind", [requests.Session, Carried, Alike])
@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, _pickled])
def test_a_copy_asks_for_itself(
    session: requests.Session, kind: type[requests.Session], copied: Any
) -> None:
    """What it trusts is its own affair, and the first may be gone by then."""
    first = mount(kind(), policy=Policy())
    second = copied(first)
    second.verify, first.verify = "/ours.pem", False
    answers = [_asked(second)["verify"]]
    del first
    gc.collect()
    answers.append(_asked(second)["verify"])

    assert answers == ["/ours.pem"] * 2


@pytest.mark.parametrize("taken", [dict, copy.deepcopy, _pickled])
def test_a_session_with_the_attributes_of_one_that_is_gone_is_told_so(taken: Any) -> None:
    """Nobody knows its settings, and a guess may be about certificates."""
    first, second = mount(requests.Session(), policy=Policy()), requests.Session()
    vars(second).update(taken(vars(first)))
    del first

    with pytest.raises(ReferenceError, match=r"unmount\(\) this one and mount\(\) it again"):
        _asked(second)
    mount(unmount(second), policy=Policy())

    assert _asked(second)["proxies"] == {}


def test_a_session_is_dropped_without_the_garbage_collector() -> None:
    """Its sockets close at once, as a plain one's do."""
    gc.disable()
    try:
        session = mount(requests.Session(), policy=Policy())
        _asked(session)
        gone = weakref.ref(session)
        del session

        assert gone() is None
    finally:
        gc.enable()
