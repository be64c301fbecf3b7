"""Remembers where an adapter keeps the pool of an origin.

requests works the key of a connection pool out anew for each request: it parses the URL, copies the
pool manager's settings, normalises them and builds a tuple of some thirty fields. All of that is
the same each time for an origin. The key is remembered here; the pool itself is still asked for by
it, so that a pool that was closed or evicted is made anew, and one that is used stays young, as
without us. For the same reason a URL is not parsed twice to find that no proxy is in the way.
"""

import os
import weakref
from typing import Any, cast

from requests.adapters import BaseAdapter, HTTPAdapter
from requests.models import PreparedRequest
from urllib3 import PoolManager
from urllib3.connection import port_by_scheme
from urllib3.poolmanager import PoolKey, key_fn_by_scheme

from verto_resilience.transports._guarded_pools import guard
from verto_resilience.transports._owners import owner_of
from verto_resilience.transports._target import plain_front

_MOST_REMEMBERED = 1024
_FIND = "get_connection_with_tls_context"
_ASK = "request_url"
# Tests of others put their own in the place of these for a while.
_WAY = HTTPAdapter.get_connection_with_tls_context
_LINE = HTTPAdapter.request_url


class PoolMemory:
    """Stands in for ``get_connection_with_tls_context`` and ``request_url`` on one adapter.

    Whatever goes through a proxy goes the adapter's own way, and so does an adapter that overrides
    any part of it. It holds the adapter weakly: the adapter holds it, and its sockets close when it
    is dropped, not when garbage is collected.
    """

    def __init__(self, inner: HTTPAdapter) -> None:
        """Remember nothing yet."""
        self._inner = weakref.ref(inner)
        self._known: dict[object, _Place] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        """Belong to the copy, with which it is copied, and remember nothing."""
        return type(self), (self._inner(),)

    def find(
        self,
        request: PreparedRequest,
        verify: Any,
        proxies: Any = None,
        cert: Any = None,
    ) -> Any:
        """Give the pool for a request; the signature is that of the method it stands in for."""
        inner = self._owner(_FIND)
        is_replaced = HTTPAdapter.get_connection_with_tls_context is not _WAY
        if proxies or is_replaced or not is_plain_setting(verify) or not is_plain_setting(cert):
            pool: Any = HTTPAdapter.get_connection_with_tls_context(
                inner, request, verify, proxies=proxies, cert=cert
            )
        else:
            pool = self._remembered(inner, request, verify, cert)
        guard(pool)
        return pool

    def target(self, request: PreparedRequest, proxies: Any) -> Any:
        """Give what a request line asks for; the signature is that of ``request_url``."""
        if not proxies and HTTPAdapter.request_url is _LINE:
            path = request.path_url
            # Only a proxy needs more than the path; of two slashes versions of requests make one.
            if not path.startswith("//"):
                return path
        return HTTPAdapter.request_url(self._owner(_ASK), request, proxies)

    def watch(self, *args: Any, **kwargs: Any) -> Any:
        """Give the pool that the adapter finds in its own way; it keeps limits like any other."""
        inner = self._owner(_FIND)
        pool = type(inner).get_connection_with_tls_context(inner, *args, **kwargs)
        guard(pool)
        return pool

    def _owner(self, name: str) -> HTTPAdapter:
        inner = self._inner()
        # It lives: this is its own method, as far as anybody who calls it can tell.
        return cast("HTTPAdapter", owner_of(self, name)) if inner is None else inner

    def _remembered(
        self, inner: HTTPAdapter, request: PreparedRequest, verify: Any, cert: Any
    ) -> Any:
        front = plain_front(request.url or "")
        if front is None:
            return HTTPAdapter.get_connection_with_tls_context(inner, request, verify, cert=cert)
        # requests looks at each request whether a CA path is a file or a folder, and so it may
        # become the other one meanwhile.
        folder = isinstance(verify, str) and os.path.isdir(verify)  # noqa: PTH112 - as requests
        name = (front, verify, folder, cert)
        manager = inner.poolmanager
        place = self._known.get(name)
        if place is not None and place.holds(manager):
            # A copy: what it makes a pool of, it takes apart.
            return manager.connection_from_pool_key(place.key, place.context.copy())
        pool = HTTPAdapter.get_connection_with_tls_context(inner, request, verify, cert=cert)
        if len(self._known) >= _MOST_REMEMBERED:
            self._known.clear()
        host, kwargs = inner.build_connection_pool_key_attributes(request, verify, cert)
        place = _Place(manager, dict(host), dict(kwargs))
        # Believed only if it leads to the pool that requests itself found.
        if manager.pools.get(place.key) is pool:
            self._known[name] = place
        return pool


def is_plain_setting(value: Any) -> bool:
    """Whether a ``verify`` or ``cert`` is of a documented kind, and so may be part of a key."""
    if type(value) is tuple:
        return all(type(part) is str for part in value)
    return value is None or value is True or value is False or type(value) is str


class _Place:
    """The key of one pool, and the settings of the manager it was worked out from."""

    __slots__ = ("_manager", "_settings", "context", "key")

    def __init__(self, manager: PoolManager, host: dict[str, Any], kwargs: dict[str, Any]) -> None:
        self._manager = manager
        self._settings = dict(manager.connection_pool_kw)
        context = {**self._settings, **kwargs}
        context = {name: value for name, value in context.items() if value is not None}
        scheme = host["scheme"]
        port = host["port"] or port_by_scheme[scheme]
        self.context = {**context, "scheme": scheme, "host": host["host"], "port": port}
        self.key: PoolKey = manager.key_fn_by_scheme[scheme](self.context)

    def holds(self, manager: PoolManager) -> bool:
        """Whether nothing has changed that would lead to another pool."""
        return manager is self._manager and manager.connection_pool_kw == self._settings


def remember_pools(inner: BaseAdapter) -> None:
    """Give an adapter a memory for its pools, unless its own way might be another.

    What it stands in for is set on the instance, and taken off again by :func:`forget_pools`.
    """
    if not isinstance(inner, HTTPAdapter) or _is_ours(inner, _FIND) or _is_ours(inner, _ASK):
        return
    memory = PoolMemory(inner)
    if not _overrides(inner, HTTPAdapter, _ASK):
        inner.request_url = memory.target  # type: ignore[method-assign]
    if _FIND in vars(inner):
        return
    manager = inner.poolmanager
    is_usual = (
        not any(_overrides(inner, HTTPAdapter, name) for name in _OF_ADAPTER)
        and not any(_overrides(manager, PoolManager, name) for name in _OF_MANAGER)
        and manager.key_fn_by_scheme == key_fn_by_scheme
    )
    stands_in = memory.find if is_usual else memory.watch
    inner.get_connection_with_tls_context = stands_in  # type: ignore[method-assign]


def forget_pools(inner: BaseAdapter) -> None:
    """Let the adapter find its pools by itself again."""
    for name in (_FIND, _ASK):
        if _is_ours(inner, name):
            del vars(inner)[name]


def _is_ours(inner: BaseAdapter, name: str) -> bool:
    stands_in = getattr(inner, "__dict__", {}).get(name)
    return isinstance(getattr(stands_in, "__self__", None), PoolMemory)


_OF_ADAPTER = (_FIND, "build_connection_pool_key_attributes")
_OF_MANAGER = (
    "connection_from_host",
    "connection_from_context",
    "connection_from_pool_key",
    "_merge_pool_kwargs",
)


def _overrides(thing: object, host: type, name: str) -> bool:
    return name in vars(thing) or getattr(type(thing), name) is not getattr(host, name)
