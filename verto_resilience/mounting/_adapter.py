"""What users mount: ``VertoAdapter``, ``mount`` and ``unmount``."""

from itertools import chain
from typing import Any

import requests
from requests.adapters import BaseAdapter, HTTPAdapter

from verto_resilience.mounting._assembly import Assembly
from verto_resilience.mounting._auth import VertoAuth
from verto_resilience.mounting._dropped import dropped, warn_of_dropped
from verto_resilience.mounting._given import kind_of
from verto_resilience.mounting._instrumented import switch_off, switch_on_again
from verto_resilience.mounting._reconfigurable import Reconfigurable
from verto_resilience.mounting._session_settings import restore_settings, shorten_settings
from verto_resilience.outcome import Catalogue, Operations
from verto_resilience.pipeline import Beside, Observer, Policy
from verto_resilience.transports import (
    RefreshHook,
    RenewsCredentials,
    ResilientAdapter,
    StandIn,
    keep_retries,
    retries_kept,
)


class VertoAdapter(Reconfigurable, StandIn, ResilientAdapter):
    """A transport adapter for :meth:`requests.Session.mount`.

    Args:
        inner: The adapter that sends. ``None`` makes an ``HTTPAdapter``, which :meth:`close` then
            closes; one that is given stays its owner's to close, unless it belongs to a session
            whose adapters :func:`mount` wrapped.
        policy: The settings. ``None`` reads them from the environment and the policy file.
        observer: Is told what happens.
        catalogue: Statuses and API error codes; the documented ones by default.
        operations: Known operations; the documented ones by default.
        refresh: Asked for new credentials after a 401 of a Verto host: is given what was refused,
            and gives the new value of the ``Authorization`` header, or ``None``. A
            :class:`VertoAuth` will do.

    Raises:
        ConfigurationError: The environment or a file holds a bad value, or ``inner`` is a
            ``VertoAdapter`` itself.
        TypeError: ``inner`` is no adapter, or a part is of another kind.

    Attributes:
        gives_way: Whether another takes its place, instead of leaving it as it is or refusing it.
    """

    __module__ = "verto_resilience"

    gives_way = False

    def __init__(
        self,
        *,
        inner: BaseAdapter | None = None,
        policy: Policy | None = None,
        observer: Observer | None = None,
        catalogue: Catalogue | None = None,
        operations: Operations | None = None,
        refresh: RefreshHook | RenewsCredentials | None = None,
    ) -> None:
        """Build it; nothing is connected yet."""
        assembly = Assembly(
            policy=policy,
            observer=observer,
            catalogue=catalogue,
            operations=operations,
            refresh=refresh,
        )
        self._assemble(assembly, inner)

    @classmethod
    def around(cls, inner: BaseAdapter, assembly: Assembly) -> "VertoAdapter":
        """Wrap an adapter with parts that others share; closing it closes ``inner``."""
        adapter = cls.__new__(cls)
        adapter._assemble(assembly, inner, owns_inner=True)  # noqa: SLF001 - its own class
        return adapter

    def _assemble(
        self, assembly: Assembly, inner: BaseAdapter | None, *, owns_inner: bool = False
    ) -> None:
        if inner is not None and not _is_adapter(inner):
            message = f"inner must be a requests adapter, not {kind_of(inner)}"
            raise TypeError(message)
        if isinstance(inner, VertoAdapter) and inner.gives_way:
            inner = inner.inner
        self._assembly = assembly
        self.refresher = assembly.refresher
        super().__init__(
            HTTPAdapter() if inner is None else inner,
            assembly.pipeline,
            owns_inner=owns_inner or inner is None,
        )
        assembly.follow(self)

    def close(self) -> None:
        """End the waits under way, and close the inner adapter if it is this one's own."""
        self._assembly.clock.interrupt()
        super().close()

    def __getstate__(self) -> dict[str, Any]:
        """Give what it is built from; circuits and counts are not carried along."""
        return {
            "inner": self.inner,
            "owns_inner": self.owns_inner,
            "assembly": self._assembly,
            "retries": retries_kept(self.inner),
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Build it anew."""
        self._assemble(state["assembly"], state["inner"], owns_inner=state["owns_inner"])
        if state["retries"] is not None:
            keep_retries(self.inner, state["retries"])


def mount(
    session: requests.Session,
    *prefixes: str,
    policy: Policy | None = None,
    observer: Observer | None = None,
    catalogue: Catalogue | None = None,
    operations: Operations | None = None,
    refresh: RefreshHook | RenewsCredentials | None = None,
) -> requests.Session:
    """Wrap the adapters that a session has, so that its calls are safe to repeat and visible.

    The adapters go on sending with their TLS context, proxies, pools and certificates. All share
    one registry of circuits. An adapter that is wrapped already is left as it is, and a warning
    says so where something else is given for it. The session no longer searches the environment
    for proxies where no variable is named like one; its settings stay those of requests.

    Args:
        session: The session.
        *prefixes: Which of its mounts; none means all it has. A prefix without an adapter of its
            own gets one around the adapter that answers for it now.
        policy: The settings. ``None`` reads them from the environment.
        observer: Is told what happens.
        catalogue: Statuses and API error codes; the documented ones by default.
        operations: Known operations; the documented ones by default.
        refresh: Asked for new credentials after a 401 of a Verto host, once for all threads: is
            given what was refused, and gives the new value of the ``Authorization`` header, or
            ``None``. A :class:`VertoAuth` will do; one that was given no session then logs in
            through this one.

    Returns:
        The same session.

    Raises:
        TypeError: ``session`` is no session, a prefix is no text, or a part is of another kind:
            a ``catalogue`` that is a path, an ``observer`` without ``on_event``.
        ConfigurationError: The environment holds a bad value.
        requests.exceptions.InvalidSchema: No adapter answers for a prefix.
    """
    _insist_on_a_session("mount", session)
    strangers = [type(prefix).__name__ for prefix in prefixes if type(prefix) is not str]
    if strangers:
        message = (
            "mount() takes prefixes such as 'https://' after the session, "
            f"not {strangers[0]}; settings go by policy=Policy(...)"
        )
        raise TypeError(message)
    given: dict[str, Any] = {
        "policy": policy,
        "observer": observer,
        "catalogue": catalogue,
        "operations": operations,
        "refresh": refresh,
    }
    assembly = Assembly(**given)
    plain: dict[str, BaseAdapter] = {}
    kept: dict[str, list[str]] = {}
    for prefix in prefixes or tuple(session.adapters):
        inner = session.get_adapter(prefix)
        if isinstance(inner, VertoAdapter):
            if not inner.gives_way:
                kept[prefix] = dropped(inner._assembly, given)  # noqa: SLF001 - its own module
                continue
            inner = inner.inner
        if not isinstance(inner, ResilientAdapter):
            plain[prefix] = inner
    _warn_of_kept(kept)
    wrapped = {prefix: VertoAdapter.around(inner, assembly) for prefix, inner in plain.items()}
    # Nothing has changed yet: a prefix that is refused, or a warning that is an error, ends above.
    if isinstance(refresh, VertoAuth):
        refresh.log_in_through(session)
    if assembly.pipeline.policy.beside is Beside.TAKEOVER:
        switch_off(session)
    for prefix, adapter in wrapped.items():
        _put(session, prefix, adapter)
    if wrapped:
        restore_settings(session)
        shorten_settings(session, assembly)
    return session


def _warn_of_kept(kept: dict[str, list[str]]) -> None:
    """Say which arguments are dropped for the prefixes that are wrapped already."""
    dropping = [prefix for prefix, names in kept.items() if names]
    warn_of_dropped(
        chain.from_iterable(kept.values()),
        already=f"What this session has for {' and '.join(dropping)} is mounted",
        remedy="session.get_adapter(url).reconfigure(policy) changes its policy; for the rest, "
        "unmount(session) first.",
    )


def unmount(session: requests.Session) -> requests.Session:
    """Take the wrapping off again: each prefix gets back the adapter that was wrapped.

    An adapter that another session shares gets its own retries back with the last of them. A call
    that is under way meets them, should it be sent again.

    Raises:
        TypeError: ``session`` is no session.
    """
    _insist_on_a_session("unmount", session)
    for prefix, adapter in list(session.adapters.items()):
        if isinstance(adapter, ResilientAdapter):
            _put(session, prefix, adapter.inner)
            adapter.give_back()
    restore_settings(session)
    switch_on_again(session)
    return session


def _insist_on_a_session(verb: str, session: Any) -> None:
    has_adapters = getattr(session, "adapters", None) is not None
    if not has_adapters or not callable(getattr(session, "mount", None)):
        message = (
            f"{verb}() takes a requests.Session (or what has its adapters and mount), "
            f"not {kind_of(session)}"
        )
        raise TypeError(message)


def _put(session: requests.Session, prefix: str, adapter: BaseAdapter) -> None:
    if prefix in session.adapters:
        # Not Session.mount, which takes others out for a moment: threads may be looking them up.
        session.adapters[prefix] = adapter
    else:
        session.mount(prefix, adapter)


def _is_adapter(thing: object) -> bool:
    """Whether it can stand in for one: a class and a session have its verb, and are none."""
    return callable(getattr(thing, "send", None)) and not isinstance(thing, type | requests.Session)
