"""Spares a session the search for proxies in an environment that names none.

``Session.request`` goes through all variables up to four times before it asks any adapter: a third
of the instructions of a ``get``. One look at their names tells whether there is anything to find.
"""

import inspect
import os
import urllib.request
import weakref
from types import FunctionType, MethodType, ModuleType
from typing import Any

import requests
from requests import sessions, utils

from verto_resilience.mounting._assembly import Assembly
from verto_resilience.transports import is_plain_setting, owner_of

_NAME = "merge_environment_settings"
# As properties they may give another value each time, and would be asked twice.
_READ = ("trust_env", "proxies", "stream", "verify", "cert")
# Those of requests leave what stands in behind; others may take it to a session it knows not of.
_COPY = ("__copy__", "__deepcopy__", "__getstate__", "__reduce__", "__reduce_ex__")
# Others put their own in the place of these, for good before this is imported or later for a while.
_MERGE = requests.Session.merge_environment_settings
_ASK = sessions.get_environ_proxies


class SessionSettings:
    """Stands in for ``merge_environment_settings`` on one session.

    What requests answered last is given again to whoever asks the same, while the environment names
    no proxy. It holds the session weakly: the session holds it, and its sockets close when it is
    dropped, not when garbage is collected.

    Args:
        session: The session.
        assembly: Whose kill switch holds.
    """

    def __init__(self, session: requests.Session, assembly: Assembly) -> None:
        """Remember nothing yet."""
        self._session = weakref.ref(session)
        self.assembly = assembly
        self._last: tuple[tuple[Any, ...], dict[str, Any]] = ((), {})

    def __reduce__(self) -> tuple[Any, ...]:
        """Belong to the copy, with which it is copied, and remember nothing."""
        return type(self), (self._session(), self.assembly)

    def merge(self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any) -> Any:
        """Give the settings of a request; the signature is that of what it stands in for."""
        session = self._session()
        if session is None:
            session = owner_of(self, _NAME)
        if session is None:
            message = (
                "the session whose settings are asked for is gone: hold on to it; if this one has "
                "its attributes by hand, unmount() this one and mount() it again"
            )
            raise ReferenceError(message)
        if not _is_empty(proxies) or not self._may_remember(session):
            return _own_way(session)(url, proxies, stream, verify, cert)
        # In the order of requests: what moves from the environment to the session is not missed.
        wanted = verify
        if verify is True or verify is None:
            environ = os.environ
            wanted = environ.get("REQUESTS_CA_BUNDLE") or environ.get("CURL_CA_BUNDLE") or verify
        has_proxies = not _is_empty(session.proxies)
        asked = (stream, wanted, cert, session.stream, session.verify, session.cert)
        # Of another kind they may be equal to what they are not: a number to True, a mock to all.
        if has_proxies or not all(map(is_plain_setting, asked)):
            return _own_way(session)(url, proxies, stream, verify, cert)
        before, answer = self._last
        if asked == before:
            return {**answer, "proxies": answer["proxies"].copy()}
        told: Any = _MERGE(session, url, proxies, stream, verify, cert)
        if _is_answer(told, asked):
            self._last = asked, {**told, "proxies": told["proxies"].copy()}
        return told

    def _may_remember(self, session: requests.Session) -> bool:
        return (
            session.trust_env
            and type(session).merge_environment_settings is _MERGE
            and not self.assembly.pipeline.policy.disabled
            and _names_no_proxy()
        )


def shorten_settings(session: Any, assembly: Assembly) -> None:
    """Let a session look for proxies at one go, unless its own way is another.

    What stands in is set on the instance, and taken off again by :func:`restore_settings`. One that
    is there stays.
    """
    is_usual = (
        isinstance(session, requests.Session)
        and _is_made_in(sessions, _MERGE)
        and _is_made_in(utils, _ASK)
        and not any(_overrides(type(session), name) for name in (*_READ, *_COPY))
    )
    if is_usual:
        # Not setattr: a subclass may have it refuse.
        vars(session).setdefault(_NAME, SessionSettings(session, assembly).merge)


def restore_settings(session: Any, assembly: Assembly | None = None) -> None:
    """Let a session look for proxies by itself again; with ``assembly``, if that shortened it."""
    stands_in = getattr(getattr(session, "__dict__", {}).get(_NAME), "__self__", None)
    if isinstance(stands_in, SessionSettings) and assembly in {None, stands_in.assembly}:
        vars(session).pop(_NAME, None)


def _names_no_proxy() -> bool:
    """Whether requests would find none, wherever a request goes."""
    # On Windows and macOS they are not in the environment alone.
    reads = vars(utils).get("getproxies")
    if (
        reads is not urllib.request.getproxies_environment
        or sessions.get_environ_proxies is not _ASK
    ):
        return False
    return "_proxy" not in "\n".join(os.environ).lower()


def _is_answer(answer: dict[str, Any], asked: tuple[Any, ...]) -> bool:
    """Whether it will do next time, too.

    Not if another thread changed the environment or the session in the meantime, or if requests
    reads more of the environment than is known here.
    """
    merged = (
        own if given is None else given for given, own in zip(asked[:3], asked[3:], strict=True)
    )
    told = (answer["stream"], answer["verify"], answer["cert"])
    return all(map(is_plain_setting, told)) and told == tuple(merged) and not answer["proxies"]


def _is_empty(proxies: Any) -> bool:
    # A dictionary of another kind may give what it does not hold.
    return type(proxies) is dict and not proxies


def _overrides(kind: type, name: str) -> bool:
    return getattr(kind, name, None) is not getattr(requests.Session, name, None)


def _is_made_in(module: ModuleType, function: Any) -> bool:
    # What wraps it has its name, its module and, of some makes, its globals.
    return type(function) is FunctionType and function.__globals__ is vars(module)


def _own_way(session: object) -> Any:
    """Give the method as the class has it, whatever somebody has put there since."""
    if type(session).merge_environment_settings is _MERGE:  # type: ignore[attr-defined]
        return MethodType(_MERGE, session)
    found = inspect.getattr_static(type(session), _NAME)
    bind = getattr(type(found), "__get__", None)
    return found if bind is None else bind(found, session, type(session))
