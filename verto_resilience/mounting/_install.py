"""Mounting without touching the code that makes the sessions."""

import threading
import weakref
from typing import Any

import requests
from requests.adapters import BaseAdapter

from verto_resilience.config import load_policy
from verto_resilience.mounting._adapter import VertoAdapter, unmount
from verto_resilience.mounting._assembly import Assembly
from verto_resilience.pipeline import Observer, Policy
from verto_resilience.transports import ResilientAdapter

_lock = threading.Lock()
_MARK = "_verto_resilience_original"


def install(*, policy: Policy | None = None, observer: Observer | None = None) -> None:
    """Wrap the adapters of every session in this process, as each is first used.

    All sessions share one registry of circuits. A second call changes nothing.

    Args:
        policy: The settings. ``None`` reads them from the environment.
        observer: Is told what happens.

    Raises:
        ConfigurationError: The environment holds a bad value.
    """
    with _lock:
        if hasattr(requests.Session.get_adapter, _MARK):
            return
        assembly = Assembly(policy=policy, observer=observer)
        original = requests.Session.get_adapter

        # Not Session.__init__: code that makes a session goes on to mount adapters of its own.
        def get_adapter(self: requests.Session, url: Any) -> BaseAdapter:
            adapter = original(self, url)
            return adapter if isinstance(adapter, ResilientAdapter) else _wrap(self, adapter)

        def _wrap(session: requests.Session, adapter: BaseAdapter) -> BaseAdapter:
            wrapped: BaseAdapter = adapter
            for prefix, mounted in list(session.adapters.items()):
                if mounted is adapter:
                    wrapped = VertoAdapter.around(adapter, assembly)
                    session.mount(prefix, wrapped)
            _wrapped.add(session)
            return wrapped

        setattr(get_adapter, _MARK, original)
        requests.Session.get_adapter = get_adapter  # type: ignore[method-assign]


def uninstall() -> None:
    """Take :func:`install` back: new sessions are plain, and those that were wrapped get theirs."""
    with _lock:
        original = getattr(requests.Session.get_adapter, _MARK, None)
        if original is None:
            return
        requests.Session.get_adapter = original  # type: ignore[method-assign]
        for session in list(_wrapped):
            unmount(session)
        _wrapped.clear()


_wrapped: weakref.WeakSet[requests.Session] = weakref.WeakSet()


class Instrumentor:
    """What ``opentelemetry-instrument`` finds: installs, if the environment says so.

    Off by default: ``VERTO_RESILIENCE_INSTALL=true`` switches it on, and
    ``OTEL_PYTHON_DISABLED_INSTRUMENTATIONS=verto_resilience`` off again.
    """

    def instrument(self, **_: Any) -> None:
        """Call :func:`install` where the policy's ``install`` is true."""
        policy = load_policy()
        if policy.install:
            install(policy=policy)

    def uninstrument(self, **_: Any) -> None:
        """Call :func:`uninstall`."""
        uninstall()
