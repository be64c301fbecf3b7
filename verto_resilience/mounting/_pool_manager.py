"""What users of urllib3 put in the place of a pool manager: ``VertoPoolManager``."""

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Literal

from urllib3 import PoolManager

from verto_resilience.mounting._assembly import Assembly
from verto_resilience.mounting._reconfigurable import Reconfigurable
from verto_resilience.outcome import Catalogue, Operations
from verto_resilience.pipeline import Observer, Policy
from verto_resilience.transports import RefreshHook, RenewsCredentials, ResilientPoolManager

_POOLS = 10


class VertoPoolManager(Reconfigurable, ResilientPoolManager):
    """A ``urllib3.PoolManager`` whose calls are safe to repeat and visible.

    Args:
        num_pools: As for ``PoolManager``.
        headers: As for ``PoolManager``.
        inner: The pool manager that sends, such as a ``ProxyManager``, instead of a new one.
        policy: The settings. ``None`` reads them from the environment and the policy file.
        observer: Is told what happens.
        catalogue: Statuses and API error codes; the documented ones by default.
        operations: Known operations; the documented ones by default.
        refresh: Asked for new credentials after a 401 of a Verto host: is given what was refused,
            and gives the new value of the ``Authorization`` header, or ``None``.
        **connection_pool_kw: As for ``PoolManager``.

    Raises:
        ConfigurationError: The environment or a file holds a bad value, or ``inner`` is a
            ``VertoPoolManager`` itself.
        TypeError: ``inner`` is no pool manager, or comes with settings for a new one; or a part is
            of another kind.
    """

    __module__ = "verto_resilience"

    def __init__(
        self,
        num_pools: int = _POOLS,
        headers: Mapping[str, str] | None = None,
        *,
        inner: PoolManager | None = None,
        policy: Policy | None = None,
        observer: Observer | None = None,
        catalogue: Catalogue | None = None,
        operations: Operations | None = None,
        refresh: RefreshHook | RenewsCredentials | None = None,
        **connection_pool_kw: Any,
    ) -> None:
        """Build it; nothing is connected yet."""
        if inner is None:
            inner = PoolManager(num_pools, headers, **connection_pool_kw)
        elif connection_pool_kw or headers is not None or num_pools != _POOLS:
            message = "num_pools, headers and the like are for a new manager: inner has its own"
            raise TypeError(message)
        _insist_on_a_manager(inner)
        assembly = Assembly(
            policy=policy,
            observer=observer,
            catalogue=catalogue,
            operations=operations,
            refresh=refresh,
        )
        self._assembly = assembly
        self.refresher = assembly.refresher
        super().__init__(inner, assembly.pipeline)
        assembly.follow(self)

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> Literal[False]:
        """End the waits under way, and empty the store of pools."""
        self._assembly.clock.interrupt()
        self.clear()
        return False


def _insist_on_a_manager(inner: object) -> None:
    if not isinstance(inner, PoolManager):
        message = f"inner must be a urllib3.PoolManager, not {type(inner).__name__}"
        raise TypeError(message)
