import os
import subprocess
import sys
from collections.abc import Iterator
from enum import StrEnum
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import pytest
import requests

from verto_resilience import Policy, VertoAdapter, mount
from verto_resilience.mounting import _session_settings, install, uninstall

NAME = "merge_environment_settings"
URL = "https://api.example.com/orders"
PROXIES = {"https": "http://p:3128"}


@pytest.fixture(autouse=True)
def _bare() -> Iterator[None]:
    """Let the environment name no proxy."""
    with mock.patch.dict(os.environ, {"HOME": "/"}, clear=True):
        yield


def _asked(session: requests.Session, **given: Any) -> Any:
    usual: dict[str, Any] = {
        "url": URL,
        "proxies": {},
        "stream": None,
        "verify": None,
        "cert": None,
    }
    return session.merge_environment_settings(**usual | given)


class Bundle(StrEnum):
    """Text of another kind."""

    OURS = "/ours.pem"


class Pair(NamedTuple):
    """A tuple of another kind."""

    certificate: str
    key: str


class Array:
    """What compares its elements, and has no truth as a whole."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> Any:
        """Give what cannot be told as true or false."""
        raise ValueError


class Quoted(dict[str, str]):
    """What gives more than it holds."""

    def items(self) -> Any:
        """Give a proxy."""
        return PROXIES.items()


class Rotating(requests.Session):
    """A session that takes the next proxy each time it is asked for one."""

    @property
    def proxies(self) -> Any:
        """Give the next."""
        return {"https": f"http://p:{next(self._ports)}"}

    @proxies.setter
    def proxies(self, _: Any) -> None:
        self._ports = count()


class Settled(requests.Session):
    """A session that takes no attribute once it is made."""

    _is_made = False

    def __init__(self) -> None:
        """Make it."""
        super().__init__()
        self._is_made = True

    def __setattr__(self, name: str, value: Any) -> None:
        """Refuse."""
        if self._is_made:
            raise AttributeError(name)
        super().__setattr__(name, value)


@pytest.mark.parametrize("name", ["stream", "verify", "cert"])
@pytest.mark.parametrize(
    ("before", "odd"),
    [
        (True, 1),
        (False, 0),
        (True, mock.ANY),
        (True, Array()),
        ("/ours.pem", Bundle.OURS),
        (("/ours.pem", "/key.pem"), (Bundle.OURS, "/key.pem")),
        ("/ours.pem", Path("/ours.pem")),
        (("/ours.pem", "/key.pem"), Pair("/ours.pem", "/key.pem")),
    ],
)
def test_what_is_only_equal_is_not_the_same(name: str, before: Any, odd: Any) -> None:
    """An answer is not given to another question, whatever that says it equals."""
    session = mount(requests.Session(), policy=Policy())
    _asked(session, **{name: before})

    assert _asked(session, **{name: odd})[name] is odd
    setattr(session, name, odd)
    environ = {} if name != "verify" else {"verify": None}
    assert _asked(session, **environ)[name] is odd


@pytest.mark.parametrize("of", ["session", "call"])
def test_proxies_of_another_kind_are_asked_as_requests_asks_them(of: str) -> None:
    """What holds nothing may still give something."""
    session = mount(requests.Session(), policy=Policy())
    _asked(session)
    if of == "session":
        session.proxies = Quoted()

    answer = _asked(session, proxies=Quoted() if of == "call" else {})

    assert answer["proxies"] == PROXIES


def test_a_setting_that_changes_when_asked_is_asked_once() -> None:
    """A session that takes its proxies in turn leaves none out."""
    session = mount(Rotating(), policy=Policy())

    taken = [_asked(session)["proxies"]["https"] for _ in range(3)]

    assert taken == ["http://p:0", "http://p:1", "http://p:2"]


def test_a_session_that_takes_no_attribute_is_mounted_on() -> None:
    """It does not notice."""
    session = mount(Settled(), policy=Policy())

    assert NAME in vars(session)
    assert _asked(session)["verify"] is True


def test_what_moves_from_the_environment_to_the_session_is_found() -> None:
    """Another thread sets it there first, and then takes it away here."""
    session = mount(requests.Session(), policy=Policy())
    _asked(session)

    class Moved(dict[str, str]):
        def __iter__(self) -> Iterator[str]:
            session.proxies, session.verify = dict(PROXIES), "/ours.pem"
            return super().__iter__()

    with mock.patch.object(os, "environ", Moved()):
        answer = _asked(session)

    assert (answer["proxies"], answer["verify"]) == (PROXIES, "/ours.pem")


def test_a_method_that_is_replaced_meanwhile_is_asked_next_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another thread puts its own on the class while the environment is read."""
    session = mount(requests.Session(), policy=Policy())
    replaced = mock.Mock()

    class Read(dict[str, str]):
        def __iter__(self) -> Iterator[str]:
            monkeypatch.setattr(requests.Session, NAME, replaced)
            return super().__iter__()

    monkeypatch.setattr(os, "environ", Read())
    first, second = _asked(session), _asked(session)
    monkeypatch.undo()

    assert first["verify"] is True
    assert second is replaced.return_value


@pytest.mark.parametrize("odd", [1, Array()])
def test_an_answer_with_what_another_thread_set_is_not_kept(
    monkeypatch: pytest.MonkeyPatch, odd: Any
) -> None:
    """Though it may equal what was asked for."""
    session = mount(requests.Session(), policy=Policy())
    merge = requests.Session.merge_environment_settings

    def meanwhile(*asked: Any) -> Any:
        session.verify = odd
        answer = merge(*asked)
        session.verify = True
        return answer

    monkeypatch.setattr(requests.Session, NAME, meanwhile)
    monkeypatch.setattr(_session_settings, "_MERGE", meanwhile)
    changed = _asked(session)
    monkeypatch.undo()

    assert changed["verify"] is odd
    assert _asked(session)["verify"] is True


BY_NAME = """
import requests
from requests import sessions, utils
class Wrapped:
    def __init__(self, inner): self.inner = inner
    def __call__(self, url, no_proxy=None): return by_name(url)
    def __getattr__(self, name): return getattr(self.inner, name)
def by_name(url, no_proxy=None):
    return {"https": "http://p:3128"} if "far" in url else {}
def merge(self, url, proxies, stream, verify, cert, *, own=requests.Session.%(name)s):
    return own(self, url, {**proxies, **by_name(url)}, stream, verify, cert)
%(change)s
from verto_resilience import Policy, mount
session = mount(requests.Session(), policy=Policy())
for url in ("https://near/", "https://near/", "https://far/"):
    answer = session.%(name)s(url, {}, None, None, None)
assert answer["proxies"] == {"https": "http://p:3128"}, answer
"""


@pytest.mark.parametrize(
    "change",
    [
        f"requests.Session.{NAME} = merge",
        "sessions.get_environ_proxies = by_name",
        "sessions.get_environ_proxies = utils.get_environ_proxies = by_name",
        "sessions.get_environ_proxies = Wrapped(utils.get_environ_proxies)",
    ],
)
def test_what_was_replaced_before_the_import_is_asked_for_each_url(change: str) -> None:
    """As by those who know for each host which proxy or certificate it needs."""
    run = subprocess.run(
        [sys.executable, "-c", BY_NAME % {"name": NAME, "change": change}],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert run.returncode == 0, run.stderr


def test_install_leaves_what_mount_gave_and_takes_what_it_gave() -> None:
    """The kill switch of a mount stays in force; uninstall leaves nothing of its own behind."""
    mounted, by_hand = requests.Session(), requests.Session()
    mount(mounted, "https://", policy=Policy())
    first = vars(mounted)[NAME]
    by_hand.mount("https://", VertoAdapter(policy=Policy()))

    install(policy=Policy())
    try:
        for session in (mounted, by_hand):
            session.get_adapter("http://h")
        has_it = NAME in vars(by_hand)
        kept = vars(mounted)[NAME]
    finally:
        uninstall()

    assert kept is first
    assert has_it
    assert vars(mounted)[NAME] is first
    assert NAME not in vars(by_hand)


def test_mount_takes_the_place_of_install() -> None:
    """What was installed has its own kill switch."""
    session = requests.Session()
    install(policy=Policy(disabled=True))
    try:
        session.get_adapter(URL)
        installed = vars(session)[NAME]
        mount(session, policy=Policy())
    finally:
        uninstall()

    assert vars(session)[NAME] is not installed
    assert NAME in vars(session)
