"""The store that a policy names."""

from typing import TYPE_CHECKING

from verto_resilience.errors import ConfigurationError
from verto_resilience.pipeline import Policy, Secret, StoreAddress

if TYPE_CHECKING:
    from verto_resilience.state import Place, Store

_LACKING = "the store needs redis: pip install '.[redis]' from a clone"


def place_of(policy: Policy) -> "Place | None":
    """Give where the store of a policy is, or ``None`` where there is none."""
    address, password = policy.store, policy.store_password
    if address is None or policy.disabled:
        return None
    from verto_resilience.state import Place

    # A policy keeps neither as text.
    address = StoreAddress(address) if isinstance(address, str) else address
    password = Secret(password) if isinstance(password, str) else password
    return Place(address, policy.store_namespace, policy.store_username, password)


def open_store(policy: Policy) -> "Store | None":
    """Give this process's store; it connects with the first call, and not before.

    Raises:
        ConfigurationError: There is one, and the extra ``redis`` is not installed.
    """
    place = place_of(policy)
    if place is None:
        return None
    from verto_resilience.state import store_at

    try:
        return store_at(place, poll=policy.store_poll)
    except ModuleNotFoundError as missing:
        raise lacking(missing) from None


def lacking(missing: ModuleNotFoundError) -> ConfigurationError:
    """Give the error for a store without what speaks with it; another module's absence is raised.

    Raises:
        ModuleNotFoundError: It is not the extra that is missing.
    """
    if (missing.name or "").partition(".")[0] != "redis":
        raise missing
    return ConfigurationError(_LACKING, problems=(_LACKING,))
