"""Mounting without touching the code that makes the sessions."""

import os
import threading
import weakref
from collections.abc import Callable
from typing import Any

import requests
from requests.adapters import BaseAdapter
from urllib3.util import Retry

from verto_resilience.config import is_switched_off, load_policy
from verto_resilience.mounting._adapter import VertoAdapter
from verto_resilience.mounting._assembly import Assembly
from verto_resilience.mounting._dropped import dropped, warn_of_dropped
from verto_resilience.mounting._given import insist_on_parts
from verto_resilience.mounting._instrumented import class_send, put_back, switch_off_everywhere
from verto_resilience.mounting._session_settings import restore_settings, shorten_settings
from verto_resilience.pipeline import Beside, Observer, Policy
from verto_resilience.transports import ResilientAdapter, keep_retries, retries_kept

_lock = threading.RLock()
_MARK = "_verto_resilience_original"
_ASSEMBLY = "_verto_resilience_assembly"
_wrapped: weakref.WeakSet[requests.Session] = weakref.WeakSet()
_switched_off: list[Callable[..., Any]] = []


class InstalledAdapter(VertoAdapter):
    """What :func:`install` puts around an adapter: it belongs to the process, not to the session.

    So it does not travel: a session that is pickled or copied takes the adapter that was wrapped
    along, and is wrapped again where :func:`install` is in force. And it gives way to
    :func:`mount`.
    """

    gives_way = True

    def close(self) -> None:
        """Close the inner adapter. Waits go on: sessions of other threads have the same clock."""
        ResilientAdapter.close(self)

    def __reduce__(self) -> tuple[Any, ...]:
        """Give what was wrapped."""
        return _unwrapped, (self.inner, retries_kept(self.inner))


def install(*, policy: Policy | None = None, observer: Observer | None = None) -> None:
    """Wrap the adapters of every session in this process, as each is first used.

    Adapters that a session mounts later are wrapped as well; a session with :func:`mount` on it
    keeps what that gave it. All sessions share one registry of circuits. A second call changes
    nothing, and a warning says so where it is given something else. With ``beside=takeover`` the
    instrumentation of requests is switched off for the whole process; one that comes later, when
    the next session is first used.

    Args:
        policy: The settings. ``None`` reads them from the environment.
        observer: Is told what happens.

    Raises:
        TypeError: ``policy`` is no policy, or ``observer`` has no ``on_event``.
        ConfigurationError: The environment holds a bad value.
    """
    with _lock:
        if _is_installed():
            _warn_of_dropped(policy, observer)
            return
        assembly = Assembly(policy=policy, observer=observer)
        original = requests.Session.get_adapter

        # Not Session.__init__: code that makes a session goes on to mount adapters of its own.
        def get_adapter(self: requests.Session, url: Any) -> BaseAdapter:
            adapter = original(self, url)
            return adapter if isinstance(adapter, ResilientAdapter) else _wrap(self, url, assembly)

        setattr(get_adapter, _MARK, original)
        setattr(get_adapter, _ASSEMBLY, assembly)
        requests.Session.get_adapter = get_adapter  # type: ignore[method-assign]
        _take_over(assembly)


def _warn_of_dropped(policy: Policy | None, observer: Observer | None) -> None:
    """Say what a second call brings that is not in force."""
    insist_on_parts(policy=policy, observer=observer)
    assembly: Assembly | None = getattr(requests.Session.get_adapter, _ASSEMBLY, None)
    if assembly is not None:
        warn_of_dropped(
            dropped(assembly, {"policy": policy, "observer": observer}),
            already="This library is installed",
            remedy="session.get_adapter(url).reconfigure(policy) changes the policy of all "
            "sessions; for the rest, uninstall() first, or mount() on a session.",
        )


def uninstall() -> None:
    """Take :func:`install` back: new sessions are plain, and those that were wrapped get theirs."""
    with _lock:
        if not _is_installed():
            return
        assembly = getattr(requests.Session.get_adapter, _ASSEMBLY, None)
        requests.Session.get_adapter = _original()  # type: ignore[assignment,method-assign]
        for session in list(_wrapped):
            for prefix, adapter in list(session.adapters.items()):
                if isinstance(adapter, InstalledAdapter):
                    adapter.give_back()
                    session.adapters[prefix] = adapter.inner
            restore_settings(session, assembly)
        _wrapped.clear()
        while _switched_off:
            put_back(_switched_off.pop())


class Instrumentor:
    """What ``opentelemetry-instrument`` and ``verto-resilience run`` find: installs, if told to.

    Off by default: ``VERTO_RESILIENCE_INSTALL=true`` switches it on. The kill switch switches it
    off again, and so does ``OTEL_PYTHON_DISABLED_INSTRUMENTATIONS=verto_resilience`` for
    ``opentelemetry-instrument``.
    """

    def instrument(self, **_: Any) -> None:
        """Call :func:`install` where the policy's ``install`` is true."""
        if not is_switched_off() and load_policy().install:
            install()

    def uninstrument(self, **_: Any) -> None:
        """Call :func:`uninstall`."""
        uninstall()


def _wrap(session: requests.Session, url: Any, assembly: Assembly) -> BaseAdapter:
    """Wrap what answers for a URL, once, whichever thread comes first."""
    with _lock:
        adapter = _original()(session, url)
        if isinstance(adapter, ResilientAdapter) or not _is_installed():
            return adapter
        _take_over(assembly)
        prefixes = [prefix for prefix, mounted in session.adapters.items() if mounted is adapter]
        if not prefixes:
            # A session that finds its adapters by rules of its own keeps them.
            return adapter
        wrapped = InstalledAdapter.around(adapter, assembly)
        for prefix in prefixes:
            # Not Session.mount, which moves entries about: other threads may be looking them up.
            session.adapters[prefix] = wrapped
        shorten_settings(session, assembly)
        _wrapped.add(session)
        return wrapped


def _take_over(assembly: Assembly) -> None:
    """Switch the instrumentation of requests off, which may well have come after us."""
    if assembly.pipeline.policy.beside is Beside.TAKEOVER and class_send() is not None:
        _switched_off.append(switch_off_everywhere())


def _is_installed() -> bool:
    return hasattr(requests.Session.get_adapter, _MARK)


def _original() -> Callable[[requests.Session, Any], BaseAdapter]:
    found: Callable[[requests.Session, Any], BaseAdapter] = getattr(
        requests.Session.get_adapter, _MARK, requests.Session.get_adapter
    )
    return found


def _unwrapped(inner: BaseAdapter, retries: Retry | None) -> BaseAdapter:
    """Give a copy of what was wrapped the retries that it had."""
    if retries is not None:
        keep_retries(inner, retries)
    return inner


if hasattr(os, "register_at_fork"):
    # Held by another thread at the instant of a fork it would stay held in the child for ever.
    os.register_at_fork(
        before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release
    )
